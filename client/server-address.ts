// Addresses of NATS servers as callers write them: one, a list, or text with commas between.

/** Each address by itself; empty text for what is no text. Never throws. */
export function addressesIn(servers: unknown): string[] {
  return [servers].flat().flatMap((named) => (typeof named === "string" ? named.split(",") : ""));
}

/** An address as a URL; `nats:` when it names no scheme. Errors: TypeError when it is none. */
export function addressUrl(address: string): URL {
  return new URL(address.includes("://") ? address : `nats://${address}`);
}
