// Appends the records that the owner itself makes (EpochStart, Tick, Quarantine) to its shard's log, one at a
// time. The fence: each names the sequence of the owner's EpochStart as the last one expected on the epoch
// subject, so the server refuses them once a newer EpochStart exists.
//
//   10164 ► the server cannot tell yet: try again · 10071 ► read the epoch subject again: a newer EpochStart
//   means this owner is superseded, anything else is tried again · a full log or no answer ► try again for ever
//   a question about the epoch subject that is refused, or whose answer is none ► the append fails, and the shard halts
//
// Guards against: anybody who can write to the epoch subject (a publisher that names it as reply has the server
// store its PubAck there). Only an EpochStart of this cluster and shard counts; the fence steps over the rest.

import { setTimeout as delay } from "node:timers/promises";
import { ClusterError } from "../cluster/cluster-error.ts";
import type { Connection } from "../cluster/connection.ts";
import { getLastRecord, listRecords } from "../cluster/log-lookup.ts";
import type { OwnerRecord } from "../protocol/owner-record.ts";
import { decodeOwnerRecord, encodeOwnerRecord } from "../protocol/owner-record-codec.ts";
import { epochSubject, ownerSubject, quarantineSubject, shardStream } from "../protocol/subject.ts";
import { logFaultOf } from "./log-identity.ts";
import { NodeFault } from "./node-fault.ts";
import type { EpochMark, ShardScope } from "./shard-scope.ts";

/** Pause between two tries, in ms. */
const RETRY_MS = 100;
/** Tries to win an epoch against other claimants before the node gives up. */
const CLAIMS_MAX = 20;
/** Records of the epoch subject that are read at once. */
const PAGE_RECORDS = 1000;

/** See the file header. */
export class OwnerLog {
  readonly #scope: ShardScope;
  readonly #connection: Connection;
  readonly #node: string;
  readonly #codeVersion: number;
  #tail: Promise<unknown> = Promise.resolve();
  #mark: EpochMark | null = null;
  /** The last record on the epoch subject that was looked at: the EpochStart, or something later that is none. */
  #fence = 0;
  #isClosed = false;

  constructor(scope: ShardScope, connection: Connection, identity: { node: string; codeVersion: number }) {
    this.#scope = scope;
    this.#connection = connection;
    this.#node = identity.node;
    this.#codeVersion = identity.codeVersion;
  }

  /**
   * Claims the shard: appends an EpochStart above every epoch that the file or the log knows.
   * @returns the mark of the new epoch; the shard is active only once this record is read back
   * Errors: rejects with NodeFault `superseded` when others keep winning, or when closed; `stream_missing`, and what
   * else reading the log throws that is not to be tried again.
   */
  async claim(): Promise<EpochMark> {
    for (let lost = 0; lost < CLAIMS_MAX; ) {
      const last = await this.#epochsFrom(this.#scope.file.position + 1);
      const epoch = Math.max(this.#scope.file.epoch, last.epoch) + 1;
      const { cluster, shard } = this.#scope;
      const start = {
        kind: "epoch",
        cluster,
        shard,
        epoch,
        node: this.#node,
        codeVersion: this.#codeVersion,
      } as const;
      const result = await this.#publish(start, last.sequence);
      if (result.kind === "ok") {
        this.#mark = { epoch, sequence: result.sequence };
        this.#fence = result.sequence;
        return this.#mark;
      }
      // A full log, or no answer, says nothing about other claimants.
      if (result.kind === "wrong_last") lost += 1;
      await this.#pause();
    }
    throw new NodeFault("superseded", `shard ${this.#scope.shard}: other nodes keep claiming it`);
  }

  /**
   * Appends a fenced record after those that are under way.
   * @returns its sequence, once the server has stored it
   * Errors: rejects with NodeFault `superseded` when a newer epoch exists or the shard is closed; else as `claim`.
   */
  append(record: OwnerRecord): Promise<number> {
    const next = this.#tail.then(() => this.#append(record));
    this.#tail = next.catch(() => undefined);
    return next;
  }

  /** Ends all tries; what is under way rejects. */
  close(): void {
    this.#isClosed = true;
  }

  async #append(record: OwnerRecord): Promise<number> {
    const mark = this.#mark;
    if (!mark) throw new NodeFault("superseded", "no epoch is held");
    for (;;) {
      const result = await this.#publish(record, this.#fence);
      if (result.kind === "ok") return result.sequence;
      if (result.kind === "wrong_last") {
        const last = await this.#epochsFrom(mark.sequence + 1);
        if (last.epoch > mark.epoch || last.sequence < mark.sequence) throw this.#superseded(last.epoch);
        this.#fence = last.sequence;
      }
      await this.#pause();
    }
  }

  #publish(record: OwnerRecord, expectedLast: number): ReturnType<ShardScope["writer"]["publishFenced"]> {
    const { shard, writer } = this.#scope;
    const epochs = epochSubject(shard);
    const subjects = { epoch: epochs, tick: ownerSubject(shard), quarantine: quarantineSubject(shard) };
    const subject = subjects[record.kind];
    return writer.publishFenced(
      { subject, data: encodeOwnerRecord(record) },
      { epochSubject: epochs, expectedLast },
    );
  }

  /** The same as `#epochs`, tried again while nobody can answer. */
  async #epochsFrom(sequence: number): Promise<EpochMark> {
    for (;;) {
      try {
        return await this.#epochs(sequence);
      } catch (error) {
        if (!(error instanceof ClusterError && error.retryable)) throw logFaultOf(error, this.#scope.shard);
        await this.#pause();
      }
    }
  }

  /** The highest epoch that was started from `sequence` on (0 = none), and the subject's last record, whatever it is. */
  async #epochs(sequence: number): Promise<EpochMark> {
    const { shard } = this.#scope;
    const { nc } = this.#connection;
    const [stream, subject] = [shardStream(shard), epochSubject(shard)];
    const last = await getLastRecord(nc, stream, subject);
    let epoch = 0;
    for (let fromSequence: number | null = last ? sequence : null; fromSequence !== null; ) {
      const page = await listRecords(nc, stream, { subject, fromSequence, recordsMax: PAGE_RECORDS });
      for (const { data } of page.records) epoch = Math.max(epoch, this.#startedEpoch(data));
      fromSequence = page.next;
    }
    return { epoch, sequence: last?.sequence ?? 0 };
  }

  /** The epoch that a record starts; 0 when it is no EpochStart of this cluster and shard. */
  #startedEpoch(data: Uint8Array): number {
    const decoded = decodeOwnerRecord(data);
    if (!decoded.ok || decoded.value.kind !== "epoch") return 0;
    const { cluster, shard, epoch } = decoded.value;
    return cluster === this.#scope.cluster && shard === this.#scope.shard ? epoch : 0;
  }

  async #pause(): Promise<void> {
    await delay(RETRY_MS);
    if (this.#isClosed) throw new NodeFault("superseded", `shard ${this.#scope.shard} is closed`);
  }

  #superseded(epoch: number): NodeFault {
    return new NodeFault("superseded", `shard ${this.#scope.shard}: a newer owner started epoch ${epoch}`);
  }
}
