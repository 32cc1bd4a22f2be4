// What the load generator publishes: messages of commands, made one after the other.
// Does not own when they leave (load-generator.ts), nor how long a load lasts (load-run.ts).
// Invariant: a source makes commands only with the ids that it is given, and notes in the book what they move.

/** One message, ready to be published. */
export interface SourceMessage {
  readonly subject: string;
  /** Commands in it. */
  readonly count: number;
  /** Of its own: the connection may read them later. */
  readonly bytes: Uint8Array;
}

/** Makes the messages of a load. */
export interface MessageSource {
  /** Whether messages say by header where their outcomes go (JSON), or in themselves (frames). */
  readonly encoding: "json" | "frame";
  /** Transfers so far whose wallets lie on two shards. */
  readonly crossed: number;
  /**
   * The next message, whose commands have the ids of `first`, `first + 1`, … at `wallMs`. It may be one object that
   * is used again.
   * @returns null when nothing can be sent now: for good if nothing is under way, else until an outcome came
   */
  next(first: number, wallMs: number): SourceMessage | null;
  /**
   * Hears each outcome, once. Without it every command must end in a status other than `refused`.
   * @param status an index of STATUSES; `code` is null unless it is refused
   * @returns whether it is what must come
   */
  onOutcome?(number: number, status: number, code: string | null): boolean;
}
