// A result is a value or a typed error, never a throw. Codecs and decisions return it, so that bad
// input from outside is an ordinary value on every path. Bugs are not results: they are assertions.

/** Either `{ ok: true, value }` or `{ ok: false, error }`. */
export type Result<Value, Failure> = Ok<Value> | Failed<Failure>;

/** The success side of a {@link Result}. */
export interface Ok<Value> {
  readonly ok: true;
  readonly value: Value;
}

/** The failure side of a {@link Result}. */
export interface Failed<Failure> {
  readonly ok: false;
  readonly error: Failure;
}

/** Wraps a value. Never throws. */
export function ok<Value>(value: Value): Ok<Value> {
  return { ok: true, value };
}

/** Wraps a failure. Never throws. */
export function failed<Failure>(error: Failure): Failed<Failure> {
  return { ok: false, error };
}
