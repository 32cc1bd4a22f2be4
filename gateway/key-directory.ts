// Finding who calls: what the routes need of the keys, and nothing more.
// Does not own: where keys come from (key-store.ts).

import type { Principal } from "./principal.ts";

/** Finds the principal of a bearer key. */
export interface KeyDirectory {
  /**
   * Null for keys that are unknown, revoked, expired or malformed: a caller is not told which.
   * Constant time over the secret. Never throws. In memory: nothing to await; one SHA-256.
   */
  principalOf(bearer: string): Principal | null;
  /** Whether a key still counts, by its id: for what goes on after a request was let in. Never throws. */
  isLive(keyId: string): boolean;
}
