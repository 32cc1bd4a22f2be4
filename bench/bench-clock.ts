// What the bench takes from the machine besides the network: the time, and a seed of its own for names that nobody
// has used before. Made in main.ts and passed in.

/** Source of time and of this run's uniqueness. */
export interface BenchClock {
  /** Ms since 1970. */
  wallMs(): number;
  /** Monotonic ms. */
  steadyMs(): number;
  /** Bytes that no other run has. */
  uniqueBytes(count: number): Uint8Array;
}
