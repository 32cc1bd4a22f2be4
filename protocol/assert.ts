// Assertions stay on in production. One that fails is a bug of ours: the turn rolls back and the shard
// quarantines or stops; it never spoils money. Never assert on input from outside.

/** Thrown by {@link assert}: a bug, not an outcome and not a fault of the environment. */
export class AssertionFailure extends Error {
  override readonly name = "AssertionFailure";
}

/**
 * Requires `condition`.
 * @param message what should have been true, in one short clause
 * Errors: throws {@link AssertionFailure} when the condition is false.
 */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionFailure(message);
}
