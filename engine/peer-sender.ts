// Sends one pair's items to the peer's log and acknowledges the peer's items. Items are numbered and kept by
// the ledger; this owns send state only: how far frames went, and whether one waits for its PubAck.
//
//   idle ──items or acknowledgement due──► sending ──PubAck──► idle
//                                             └──no answer──► waiting ──RETRY──► sending (from the lowest unacknowledged)
//
// Invariants: at most one frame waits for its PubAck; at most PAIR_WINDOW_ITEMS wait for the peer's
// acknowledgement; a PubAck never removes an item, only the peer's acknowledgement in this shard's log does.

import {
  ITEM_GROUP_MAX,
  OUTPUT_BYTES_MAX,
  PAIR_WINDOW_ITEMS,
  PEER_FRAME_ITEMS_MAX,
} from "../protocol/limits.ts";
import { encodePeerFrame } from "../protocol/peer-frame-codec.ts";
import { peerSubject } from "../protocol/subject.ts";
import type { ShardScope } from "./shard-scope.ts";

/** How long an acknowledgement waits for a frame to ride on, in ms. */
const ACK_DELAY_MS = 50;
/** Applied items that make an acknowledgement leave at once. */
const ACK_ITEMS_MAX = PAIR_WINDOW_ITEMS / 4;
/** Pause after a frame that was not acknowledged by the server, in ms. */
const RETRY_MS = 200;
/** Without progress of the peer's acknowledgement for so long, frames go again from the lowest unacknowledged item. */
const STALL_MS = 5000;

/** See the file header. */
export class PeerSender {
  readonly #scope: ShardScope;
  readonly #peer: number;
  readonly #epoch: number;
  readonly #onFault: (error: unknown) => void;
  #sentNumber: number;
  #ackSentNumber: number;
  /** Changed by a rewind, so that the PubAck of an older frame does not undo it. */
  #rewinds = 0;
  #isSending = false;
  #resendAsked = false;
  #lastAcked: number;
  #progressAtMs: number;
  #ackTimer: NodeJS.Timeout | null = null;
  #retryTimer: NodeJS.Timeout | null = null;
  #isClosed = false;

  /** @param onFault the outbox cannot be read: the shard must stop */
  constructor(scope: ShardScope, peer: number, epoch: number, onFault: (error: unknown) => void) {
    this.#scope = scope;
    this.#peer = peer;
    this.#epoch = epoch;
    this.#onFault = onFault;
    const pair = scope.file.ledger.pair(peer);
    this.#sentNumber = pair.acked.number;
    this.#lastAcked = pair.acked.number;
    // The peer may have missed the last acknowledgement: one is owed whenever anything was applied.
    this.#ackSentNumber = 0;
    this.#progressAtMs = scope.clock.monotonicMs();
  }

  /** Sends what has become due; called after each turn and once a second. */
  pump(): void {
    if (this.#isClosed || this.#isSending || this.#retryTimer) return;
    try {
      this.#pump();
    } catch (error) {
      this.#onFault(error);
    }
  }

  #pump(): void {
    const pair = this.#scope.file.ledger.pair(this.#peer);
    this.#noteProgress(pair.acked.number, pair.sent.number);
    // The next group may have as many items as a group can have: no frame is made that it would not fit.
    const window = pair.acked.number + PAIR_WINDOW_ITEMS - ITEM_GROUP_MAX;
    const hasItems = this.#sentNumber < pair.sent.number && this.#sentNumber <= window;
    const ackOwed = pair.applied.number - this.#ackSentNumber;
    if (hasItems || this.#resendAsked || ackOwed >= ACK_ITEMS_MAX) this.#send();
    else if (ackOwed > 0) this.#ackTimer ??= setTimeout(() => this.#onAckDelay(), ACK_DELAY_MS);
  }

  /** The peer dropped a frame: send again from its last applied item, which the ledger holds as acknowledged. */
  rewind(): void {
    this.#sentNumber = this.#scope.file.ledger.pair(this.#peer).acked.number;
    this.#rewinds += 1;
  }

  /** The peer's frame started too far ahead here: tell it with the next frame. */
  askResend(): void {
    this.#resendAsked = true;
  }

  /** Stops sending for good. */
  close(): void {
    this.#isClosed = true;
    if (this.#ackTimer) clearTimeout(this.#ackTimer);
    if (this.#retryTimer) clearTimeout(this.#retryTimer);
  }

  #onAckDelay(): void {
    this.#ackTimer = null;
    if (this.#isClosed || this.#isSending || this.#retryTimer) return;
    try {
      this.#send();
    } catch (error) {
      this.#onFault(error);
    }
  }

  #noteProgress(acked: number, sent: number): void {
    const now = this.#scope.clock.monotonicMs();
    if (acked !== this.#lastAcked || acked === sent) {
      this.#lastAcked = acked;
      this.#progressAtMs = now;
    } else if (now - this.#progressAtMs > STALL_MS) {
      this.#progressAtMs = now;
      this.rewind();
    }
    this.#sentNumber = Math.max(this.#sentNumber, acked);
  }

  #send(): void {
    const { file, cluster, shard, writer } = this.#scope;
    const pair = file.ledger.pair(this.#peer);
    const room = pair.acked.number + PAIR_WINDOW_ITEMS - this.#sentNumber;
    const itemsMax = Math.max(0, Math.min(PEER_FRAME_ITEMS_MAX, room));
    const run = file.outbox(this.#peer, this.#sentNumber + 1, itemsMax, OUTPUT_BYTES_MAX);
    const data = encodePeerFrame({
      cluster,
      from: shard,
      to: this.#peer,
      epoch: this.#epoch,
      acked: pair.applied,
      resend: this.#resendAsked,
      before: run.before,
      lowestKept: file.ledger.lowestKept(this.#peer),
      groups: run.groups,
    });
    this.#isSending = true;
    this.#resendAsked = false;
    if (this.#ackTimer) clearTimeout(this.#ackTimer);
    this.#ackTimer = null;
    const mark = { last: run.last, acked: pair.applied.number, rewinds: this.#rewinds } as const;
    const message = { subject: peerSubject(this.#peer, shard), data };
    const isSent = writer.send(message, (result) => this.#onPubAck(result.kind === "ok", mark));
    if (!isSent) this.#onPubAck(false, mark);
  }

  #onPubAck(isStored: boolean, mark: { last: number; acked: number; rewinds: number }): void {
    this.#isSending = false;
    if (this.#isClosed) return;
    if (isStored) {
      if (mark.rewinds === this.#rewinds) this.#sentNumber = Math.max(this.#sentNumber, mark.last);
      this.#ackSentNumber = Math.max(this.#ackSentNumber, mark.acked);
      this.pump();
      return;
    }
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = null;
      this.pump();
    }, RETRY_MS);
  }
}
