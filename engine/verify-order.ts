// What the verifying worker is told, and what it says: plain data, the second part as callers of
// `coffer.admin.verify` see it, one JSON message each.

/** Which files to sweep, and how. */
export interface VerifyOrder {
  readonly dataDir: string;
  readonly cluster: string;
  readonly shards: number;
  /** Walk every journal step and command too. */
  readonly deep: boolean;
}

/** Progress, or the result; the result is the last message. */
export type VerifyMessage =
  | { readonly progress: string; readonly done: number }
  | {
      readonly done: true;
      readonly clean: boolean;
      readonly inconclusive: boolean;
      readonly violations: readonly object[];
      readonly summary: object;
    };
