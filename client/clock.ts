// What the client library takes from outside itself: the time and randomness. Both are made in main.ts and
// passed in, so that a test can drive them.

/** Source of time and randomness. */
export interface ClientClock {
  /** Ms since 1970; may jump. Used for ids only. */
  wallMs(): number;
  /** Ms since some moment; never goes back. Used for every wait and deadline. */
  steadyMs(): number;
  /** Fills `bytes` with random ones. */
  fillRandom(bytes: Uint8Array): void;
}
