// When a command passed each point on its way, for whoever measures. Filled in by the client as the command goes on.
// Invariant: a stamp is the first of its kind, so a command that is sent again shows how long it took in all.

/** Ms of the client's steady clock; NaN = it has not been there, or nobody saw it. */
export interface CommandTimes {
  /** The first frame with it left. */
  sentMs: number;
  /** The log had it. */
  acceptedMs: number;
  /** Its outcome arrived. */
  settledMs: number;
}
