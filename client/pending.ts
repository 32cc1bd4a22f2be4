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

/** A validated command, ready to be sent. */
export interface PreparedCommand {
  readonly command: Command;
  readonly shard: number;
  /** Bytes that it adds to a frame. */
  readonly bytes: number;
}

/** Who hears of a command, each at most once. None may throw. Times are ms of the client's steady clock. */
export interface CommandListener {
  /** The first frame with it left. */
  onSent?(atMs: number): void;
  /**
   * The log has it: from then on it settles for certain, though this client may not hear of it. Not called when the
   * outcome comes first.
   */
  onAccepted?(atMs: number): void;
  /** The end: its outcome (a refusal is one), or `unknown`. */
  onOutcome(outcome: ClientOutcome, atMs: number): void;
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
  readonly #listener: CommandListener;
  #wasSent = false;

  constructor(prepared: PreparedCommand, deadlineMs: number, listener: CommandListener) {
    this.command = prepared.command;
    this.shard = prepared.shard;
    this.bytes = prepared.bytes;
    this.deadlineMs = deadlineMs;
    this.#listener = listener;
  }

  /** A frame with it left; tells the caller, the first time. */
  onSent(nowMs: number): void {
    this.state = "sent";
    if (this.#wasSent) return;
    this.#wasSent = true;
    this.#listener.onSent?.(nowMs);
  }

  /** The log has it; tells the caller, the first time. */
  onAccepted(nowMs: number): void {
    const isFirst = this.acceptedMs === 0;
    this.state = "accepted";
    this.acceptedMs = nowMs;
    if (isFirst) this.#listener.onAccepted?.(nowMs);
  }

  /** Hands the outcome to the caller; `false` when that happened before. */
  finish(outcome: Outcome, nowMs: number): boolean {
    return this.#end(outcome, nowMs);
  }

  /** Ends without an answer; `false` when it had ended before. */
  giveUp(why: string, nowMs: number): boolean {
    const { id, op } = this.command;
    return this.#end({ id, op, status: "unknown", detail: this.problem ?? why }, nowMs);
  }

  #end(outcome: ClientOutcome, nowMs: number): boolean {
    if (this.state === "done") return false;
    this.state = "done";
    this.#listener.onOutcome(outcome, nowMs);
    return true;
  }
}
