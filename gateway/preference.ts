// The `Prefer` header (RFC 7240), as far as the gateway knows it: how long a caller wants to wait for the outcome.
// Preferences that it does not know, or that are spelled wrong, are passed over, as the RFC asks.

/** How long a caller waits for the outcome. */
export interface Preference {
  /** ms; 0 = no longer than until the command is accepted. */
  readonly waitMs: number;
  /** What `Preference-Applied` says; null = nothing was asked for. */
  readonly applied: string | null;
}

/** Seconds that a caller may ask for. */
export const WAIT_S_MAX = 30;
/** Without a preference. */
const DEFAULT: Preference = { waitMs: 10_000, applied: null };

/** Reads the header. Never throws. */
export function parsePreference(header: string | readonly string[] | undefined): Preference {
  if (header === undefined) return DEFAULT;
  const parts = (typeof header === "string" ? header : header.join(",")).toLowerCase().split(",");
  let preference = DEFAULT;
  for (const part of parts) {
    const [name = ""] = part.split(";");
    const token = name.replaceAll(/\s/g, "");
    if (token === "respond-async") return { waitMs: 0, applied: "respond-async" };
    const wait = /^wait="?([0-9]{1,9})"?$/.exec(token);
    if (wait === null || preference.applied !== null) continue;
    const seconds = Math.min(Number(wait[1]), WAIT_S_MAX);
    preference = { waitMs: seconds * 1000, applied: `wait=${seconds}` };
  }
  return preference;
}
