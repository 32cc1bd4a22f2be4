// The one error of this room: a run that cannot be trusted is no result.
// It says what went wrong in one sentence, and is thrown to whoever asked for the run.

/** A run ended without a result. */
export class BenchFailure extends Error {
  override readonly name = "BenchFailure";
}
