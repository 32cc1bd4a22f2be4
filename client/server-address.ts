// Addresses of NATS servers as callers write them: one, a list, or text with commas between.
// Does not own logins and encryption, which the link reads from an address and from the options.
// Guards against: a list that one door takes and another refuses.

/** Each address by itself; empty text for what is no text. Never throws. */
export function addressesIn(servers: unknown): string[] {
  return [servers].flat().flatMap((named) => (typeof named === "string" ? named.split(",") : ""));
}

/** An address as a URL; `nats:` when it names no scheme. Errors: TypeError when it is none. */
export function addressUrl(address: string): URL {
  return new URL(address.includes("://") ? address : `nats://${address}`);
}
