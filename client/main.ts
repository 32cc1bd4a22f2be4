// Where the client library takes time and randomness from the machine.
// Everything else in this room is given them, so that tests can drive both.

import { randomBytes } from "node:crypto";
import type { ClientClock } from "./clock.ts";
import { Coffer } from "./coffer.ts";
import type { CofferOptions } from "./options.ts";

const systemClock: ClientClock = {
  wallMs: () => Date.now(),
  steadyMs: () => performance.now(),
  fillRandom: (bytes) => bytes.set(randomBytes(bytes.length)),
};

/**
 * Connects to Coffer.
 * @param options servers and tenant at least
 * @param clock for tests that drive time and randomness; the machine's own by default
 * @returns a client that is ready: the server and the engine have answered
 * Errors: CofferOptionsInvalid; CofferUnreachable when no server or no engine answers within `connectWaitMs`.
 */
export async function connect(options: CofferOptions, clock: ClientClock = systemClock): Promise<Coffer> {
  return await Coffer.open(options, clock);
}
