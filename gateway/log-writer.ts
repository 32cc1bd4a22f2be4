// The logger of a gateway: pino, JSON lines, secrets taken out wherever they might stand.
// Does not own: what is written (request-log.ts), where lines go (node-main.ts).
// Guards against: a key or a ticket in a file that many can read. Nothing of ours logs them; this is the second lock.

import { type DestinationStream, type Logger, pino } from "pino";

/** Levels that an operator may ask for, from nothing to everything. */
export const LOG_LEVELS = ["silent", "error", "warn", "info", "debug"] as const;

/** See {@link LOG_LEVELS}. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Without being told otherwise. */
export const LOG_LEVEL_DEFAULT: LogLevel = "warn";

/** Fields that never leave, at the top and one and two objects deep. */
const SECRETS = ["authorization", "cookie", "ticket", "key", "secret", "body"];

/** Makes it. @param wallMs ms since 1970, for the time of each line */
export function makeLogger(level: LogLevel, wallMs: () => number, destination: DestinationStream): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date(wallMs()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      redact: {
        paths: SECRETS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]),
        censor: "[redacted]",
      },
    },
    destination,
  );
}
