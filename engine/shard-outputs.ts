// The output gate of an active shard: after a COMMIT it sends replies, peer frames and events, keeps time going
// and answers reads. Made at activation, closed when the shard stops or loses its epoch. Everything in here is
// send state: it can be thrown away at any moment and is built again from the file.

import type { RecordAnswers } from "../actors/shard-record.ts";
import type { Connection } from "../cluster/connection.ts";
import { EventPump } from "./event-pump.ts";
import type { OwnerLog } from "./owner-log.ts";
import { PeerSender } from "./peer-sender.ts";
import { ReadDesk } from "./read-desk.ts";
import type { EpochMark, ShardScope } from "./shard-scope.ts";
import { Ticker } from "./ticker.ts";
import type { TurnRecord } from "./turn-record.ts";

/** What an active shard's outputs are made of. */
export interface ShardOutputsOptions {
  readonly scope: ShardScope;
  readonly connection: Connection;
  readonly ownerLog: OwnerLog;
  readonly mark: EpochMark;
  /** Whether events are published. */
  readonly events: boolean;
  /** The shard must stop: a newer owner exists, or the file cannot be read. */
  readonly onFault: (error: unknown) => void;
}

/** See the file header. */
export class ShardOutputs {
  readonly #senders = new Map<number, PeerSender>();
  readonly #ticker: Ticker;
  readonly #events: EventPump | null;
  readonly #reads: ReadDesk;

  constructor({ scope, connection, ownerLog, mark, events, onFault }: ShardOutputsOptions) {
    for (let peer = 0; peer < scope.shards; peer += 1) {
      if (peer !== scope.shard) this.#senders.set(peer, new PeerSender(scope, peer, mark.epoch, onFault));
    }
    const onStored = (): void => this.#reads.onApplied();
    this.#ticker = new Ticker({ scope, ownerLog, epoch: mark.epoch, onStored, onFault });
    this.#events = events ? new EventPump(scope, onFault) : null;
    this.#reads = new ReadDesk(scope, connection, this.#ticker, onFault);
    this.#reads.open();
    this.pump();
  }

  /** Notes what a committed record asks of the senders. */
  add({ record }: TurnRecord, answers: RecordAnswers): void {
    if (record.kind === "peer" && record.frame.resend) this.#senders.get(record.frame.from)?.rewind();
    for (const peer of answers.resend) this.#senders.get(peer)?.askResend();
  }

  /** Sends what has become due; after each turn and once a second. */
  pump(): void {
    for (const sender of this.#senders.values()) sender.pump();
    this.#events?.pump();
    this.#ticker.pump();
    this.#reads.onApplied();
  }

  /** Events of the journal that no PubAck covers yet. */
  get eventsPending(): number {
    return this.#events?.pending ?? 0;
  }

  /** Ends all output for good. */
  close(): void {
    for (const sender of this.#senders.values()) sender.close();
    this.#ticker.close();
    this.#events?.close();
    this.#reads.close();
  }
}
