// The operational errors of the client library: what the environment did, never what a command came to.
// A refused command is an outcome and an unanswered one is `unknown`; neither is ever thrown.
// Invariant: whatever this library throws or rejects with is a CofferError, with a code to branch on.

/** What went wrong, to branch on. The list only grows. */
export type CofferErrorCode =
  | "options_invalid"
  | "unreachable"
  | "closed"
  | "overloaded"
  | "busy"
  | "read_refused"
  | "answer_invalid"
  | "events_gone"
  | "cluster_changed";

/** Base of all errors of this library. */
export class CofferError extends Error {
  override readonly name: string = "CofferError";
  readonly code: CofferErrorCode;
  /** Whether doing the same again later can help. */
  readonly retryable: boolean;

  constructor(code: CofferErrorCode, message: string, options: ErrorOptions & { retryable?: boolean } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}

/** An option of `connect`, or an argument of a call, does not fit. Nothing was sent. */
export class CofferOptionsInvalid extends CofferError {
  override readonly name = "CofferOptionsInvalid";

  constructor(message: string) {
    super("options_invalid", message);
  }
}

/** No server, or no engine behind it, answered in time. Reads have no effect, so they can be repeated. */
export class CofferUnreachable extends CofferError {
  override readonly name = "CofferUnreachable";

  constructor(message: string, cause?: unknown) {
    super("unreachable", message, { cause, retryable: true });
  }
}

/** The client was closed before or during the call. */
export class CofferClosed extends CofferError {
  override readonly name = "CofferClosed";

  constructor() {
    super("closed", "This Coffer client is closed.");
  }
}

/** More commands wait for room in the window than `waitingMax` allows. The command was not sent. */
export class CofferOverloaded extends CofferError {
  override readonly name = "CofferOverloaded";

  constructor(waiting: number) {
    super("overloaded", `${waiting} commands are waiting for room already; this one was not sent.`, {
      retryable: true,
    });
  }
}

/** The engine answered `busy` to a read until its deadline. */
export class CofferBusy extends CofferError {
  override readonly name = "CofferBusy";

  constructor(detail: string) {
    super("busy", `The engine was busy: ${detail}`, { retryable: true });
  }
}

/** The engine refused a read for a reason that will not pass by itself. */
export class CofferReadRefused extends CofferError {
  override readonly name = "CofferReadRefused";
  /** The contract's code, such as `malformed`. */
  readonly reason: string;

  constructor(reason: string, detail: string) {
    super("read_refused", `The engine refused the read (${reason}): ${detail}`);
    this.reason = reason;
  }
}

/** An answer does not fit the contract: another version of Coffer, or something else behind the subject. */
export class CofferAnswerInvalid extends CofferError {
  override readonly name = "CofferAnswerInvalid";

  constructor(message: string) {
    super("answer_invalid", message);
  }
}

/** The event stream no longer holds what comes after the given position: read the present state again. */
export class CofferEventsGone extends CofferError {
  override readonly name = "CofferEventsGone";
  /** The shard whose events are missing, or null when the stream as a whole starts later. */
  readonly shard: number | null;

  constructor(shard: number | null, detail: string) {
    super(
      "events_gone",
      `Events are gone from the stream: ${detail} Read the state again and follow from now.`,
    );
    this.shard = shard;
  }
}

/** Another cluster answers at the same address. What was under way ends as `unknown`. */
export class CofferClusterChanged extends CofferError {
  override readonly name = "CofferClusterChanged";

  constructor(before: string, now: string) {
    super(
      "cluster_changed",
      `Cluster ${before} was here before, now ${now} answers. Connect again on purpose.`,
    );
  }
}

/** The text of whatever was thrown. Never throws. */
export function reasonText(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
