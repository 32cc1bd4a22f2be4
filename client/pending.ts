// A pending command: kept from `send` until it is settled, refused, or given up as unknown.
//
//   waiting ──► queued ──► sent ──► accepted ──► done
//   (no room)     ▲         │          │
//                 └─────────┴──────────┘ any doubt: queued again, same id, same content
//
// Invariant: `finish` takes effect once; whatever arrives later for the same command is ignored.

import type { Command } from "../protocol/command.ts";
import type { Outcome } from "../protocol/outcome.ts";
import type { ClientOutcome } from "./client-outcome.ts";
import type { CommandTimes } from "./command-times.ts";

/** A validated command, ready to be sent. */
export interface PreparedCommand {
  readonly command: Command;
  readonly shard: number;
  /** Bytes that it adds to a frame. */
  readonly bytes: number;
}

/** Who hears of a command before it ends. */
export interface PendingListener {
  /** Called at most once. Must not throw. */
  readonly onAccepted?: (() => void) | undefined;
  /** Filled in on the way. */
  readonly times?: CommandTimes | undefined;
}

/** One command on its way. */
export class Pending {
  readonly command: Command;
  readonly shard: number;
  readonly bytes: number;
  /** Steady ms at which it ends as unknown. */
  readonly deadlineMs: number;
  state: "waiting" | "queued" | "sent" | "accepted" | "done" = "waiting";
  /** Its place among the first sends of its lane. */
  order = 0;
  /** Generation of the result subject of its first publication; 0 = never published. */
  generation = 0;
  /** Position that the last PubAck named for it; its outcome is asked for no earlier than that. */
  position = 0;
  /** Steady ms of the last PubAck for it; 0 = none yet. */
  acceptedMs = 0;
  /** Steady ms at which its outcome is asked for, once it is accepted. */
  askAtMs = 0;
  /** How long the next wait for the outcome is. */
  askWaitMs = 0;
  isAsking = false;
  /** Why it was not answered so far; null = it is simply waited for. */
  problem: string | null = null;
  readonly #settle: (outcome: ClientOutcome) => void;
  readonly #times: CommandTimes | undefined;
  #onAccepted: (() => void) | undefined;

  constructor(
    prepared: PreparedCommand,
    deadlineMs: number,
    settle: (outcome: ClientOutcome) => void,
    { onAccepted, times }: PendingListener = {},
  ) {
    this.command = prepared.command;
    this.shard = prepared.shard;
    this.bytes = prepared.bytes;
    this.deadlineMs = deadlineMs;
    this.#settle = settle;
    this.#onAccepted = onAccepted;
    this.#times = times;
  }

  /** A frame with it left. */
  onSent(nowMs: number): void {
    this.state = "sent";
    if (this.#times !== undefined && Number.isNaN(this.#times.sentMs)) this.#times.sentMs = nowMs;
  }

  /** The log has it; tells the caller, the first time. */
  onAccepted(nowMs: number): void {
    this.state = "accepted";
    this.acceptedMs = nowMs;
    if (this.#times !== undefined && Number.isNaN(this.#times.acceptedMs)) this.#times.acceptedMs = nowMs;
    const onAccepted = this.#onAccepted;
    this.#onAccepted = undefined;
    onAccepted?.();
  }

  /** Hands the outcome to the caller; `false` when that happened before. */
  finish(outcome: Outcome, nowMs: number): boolean {
    if (this.state !== "done" && this.#times !== undefined) this.#times.settledMs = nowMs;
    return this.#end(outcome);
  }

  /** Ends without an answer; `false` when it had ended before. */
  giveUp(why: string): boolean {
    const { id, op } = this.command;
    return this.#end({ id, op, status: "unknown", detail: this.problem ?? why });
  }

  #end(outcome: ClientOutcome): boolean {
    if (this.state === "done") return false;
    this.state = "done";
    this.#settle(outcome);
    return true;
  }
}
