// The error class of the keys' administration: something that an operator asked for and cannot have.
// Does not own: what NATS refuses or does not answer; those errors pass through as they are.

/** What stands in the way; the list only grows. */
export type KeyFailureCode = "key_not_found" | "key_ended" | "too_many_keys" | "key_changed";

/** See the file header. The message is a sentence for the operator. */
export class KeyFailure extends Error {
  override readonly name = "KeyFailure";
  readonly code: KeyFailureCode;

  constructor(code: KeyFailureCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
