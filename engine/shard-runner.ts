// One running shard: attaches to its log, claims it, reads it in order, runs turns, and stops with a typed
// reason when it must. Owns the modes; what a turn does lives in turn, what leaves in shard-outputs and replies.
//
//   attaching ──identity, quarantines, EpochStart appended──► recovering ──EpochStart read back──► active
//       any ──fault──► halted (reason)          any ──stop()──► stopped
//
// Invariants: outputs exist only in `active`; a newer EpochStart in the log ends them; environment errors and
// broken logs are never quarantined, a unit that throws is, after its Quarantine record has its PubAck.

import { setTimeout as delay } from "node:timers/promises";
import { BEHAVIOUR_VERSION } from "../actors/behaviour-version.ts";
import { ClusterError } from "../cluster/cluster-error.ts";
import type { Connection } from "../cluster/connection.ts";
import { LogReader } from "../cluster/log-reader.ts";
import type { LogRecord } from "../cluster/log-record.ts";
import type { ClusterStreams } from "../cluster/streams.ts";
import { CLOCK_AHEAD_MS_MAX, OUTBOX_ITEMS_BUSY } from "../protocol/limits.ts";
import { shardStream } from "../protocol/subject.ts";
import { CallDesk } from "./call-desk.ts";
import type { CopyDesk } from "./copy-desk.ts";
import { attachStream, checkIdentity } from "./log-identity.ts";
import { faultOf, NodeFault } from "./node-fault.ts";
import { OwnerLog } from "./owner-log.ts";
import { PhaseMeter } from "./phase-meter.ts";
import { QuarantineList } from "./quarantine-list.ts";
import { decodeRecord } from "./record-decoder.ts";
import { recordDigest } from "./record-digest.ts";
import { Replies } from "./replies.ts";
import { ShardOutputs } from "./shard-outputs.ts";
import type { EpochMark, ShardScope } from "./shard-scope.ts";
import type { ShardState, ShardStatus } from "./shard-status.ts";
import { runTurn, type TurnProgress } from "./turn.ts";
import { type QueuedRecord, TurnQueue } from "./turn-queue.ts";
import type { TurnRecord } from "./turn-record.ts";
import { WalPacer } from "./wal-pacer.ts";

/** Pause before an attach is tried again, and before a record that is stamped ahead is looked at again, in ms. */
const RETRY_MS = 250;
const SECOND_MS = 1000;

/** What a runner needs beside its scope. */
export interface ShardRunnerOptions {
  readonly scope: ShardScope;
  readonly connection: Connection;
  readonly copies: CopyDesk;
  readonly streams: ClusterStreams;
  readonly node: string;
  readonly events: boolean;
  /** Whether the phases of commands are measured. */
  readonly phases: boolean;
  /** Random text: identifies a stream made here, and calls. */
  readonly nonce: string;
  readonly onState: (state: ShardState, fault: NodeFault | null) => void;
  /** Something an operator should read: a line without secrets. */
  readonly onNotice: (text: string) => void;
}

/** See the file header. */
export class ShardRunner {
  readonly #options: ShardRunnerOptions;
  readonly #scope: ShardScope;
  readonly #queue = new TurnQueue();
  readonly #quarantine = new QuarantineList();
  readonly #progress: TurnProgress = { position: 0, unit: null };
  readonly #ownerLog: OwnerLog;
  readonly #calls: CallDesk;
  readonly #replies: Replies;
  readonly #wal: WalPacer;
  #state: ShardState = "attaching";
  #fault: NodeFault | null = null;
  #mark: EpochMark | null = null;
  #outputs: ShardOutputs | null = null;
  /** Made at activation: what was applied before it had waited for a long time. */
  #meter: PhaseMeter | null = null;
  #reader: LogReader | null = null;
  #second: NodeJS.Timeout | null = null;
  #isScheduled = false;
  /** A Quarantine record is being appended: no turn runs. */
  #isBlocked = false;
  #isChecking = false;
  #isFull = false;
  /** After a throw, records up to this one are applied one by one. */
  #oneByOneUntil = 0;
  #turns = 0;

  constructor(options: ShardRunnerOptions) {
    const { scope, connection, node, nonce } = options;
    this.#options = options;
    this.#scope = scope;
    this.#ownerLog = new OwnerLog(scope, connection, { node, codeVersion: BEHAVIOUR_VERSION });
    this.#wal = new WalPacer(scope.file, options.copies, (error) => this.#halt(error));
    this.#calls = new CallDesk(scope, connection, nonce, () => this.#busyReason());
    const publish = (subject: string, data: Uint8Array): void => {
      if (!connection.nc.isClosed()) connection.nc.publish(subject, data);
    };
    this.#replies = new Replies(publish, this.#calls.answer);
  }

  /** Attaches, trying again while NATS is away. Resolves once records are being read; never rejects. */
  async start(): Promise<void> {
    this.#second = setInterval(() => this.#onSecond(), SECOND_MS);
    while (this.#state === "attaching") {
      try {
        await this.#attach();
        return;
      } catch (error) {
        if (!(error instanceof ClusterError && error.retryable)) this.#halt(error);
        else await delay(RETRY_MS);
      }
    }
  }

  /** Stops reading and all output, and closes the file. Records that were not applied stay in the log. */
  async stop(): Promise<void> {
    if (this.#state !== "halted") this.#enter("stopped");
    await this.#close();
    // The writer closes last: what is left in the log is copied by it.
    await this.#options.copies.close(this.#scope.file.path);
    this.#scope.file.close();
  }

  /** Counters and state, for operators. */
  get status(): ShardStatus {
    const { file, shard } = this.#scope;
    const next = this.#reader?.nextSequence ?? file.position + 1;
    return {
      shard,
      state: this.#state,
      reason: this.#fault?.code ?? null,
      detail: this.#fault?.message ?? null,
      epoch: this.#mark?.epoch ?? file.epoch,
      queueRecords: this.#queue.length,
      lagRecords: next - 1 - file.position,
      quarantined: this.#quarantine.size,
      callsWaiting: this.#calls.waiting,
      events: this.#options.events,
      eventsPending: this.#outputs?.eventsPending ?? 0,
      turns: this.#turns,
      phases: this.#meter?.counters ?? null,
      ...file.counters(),
      ...file.openCounts(),
    };
  }

  async #attach(): Promise<void> {
    const { connection, streams, nonce } = this.#options;
    const { file, shard } = this.#scope;
    const identity = await attachStream(connection, streams, file, nonce);
    if (file.streamNonce === null) file.setStreamNonce(identity.nonce);
    await checkIdentity(connection, streams, file);
    this.#mark = await this.#ownerLog.claim();
    // Behind the claim: from here on no older owner can append another one.
    await this.#quarantine.load(connection, this.#scope);
    if (this.#state !== "attaching") return;
    this.#enter("recovering");
    this.#reader = new LogReader({
      connection,
      stream: shardStream(shard),
      fromSequence: file.position + 1,
      onRecord: (record) => this.#onRecord(record),
      onError: (error) => this.#halt(logFault(error)),
      onAttach: async () => {
        await checkIdentity(connection, streams, file);
      },
      onReattach: (reason) => this.#options.onNotice(`shard ${shard}: reading the log again: ${reason}`),
    });
    this.#calls.open();
    this.#reader.start();
  }

  #onRecord(record: LogRecord): void {
    this.#queue.push({ log: record, receivedMs: this.#scope.clock.monotonicMs() });
    if (!this.#queue.hasRoom) this.#reader?.pause();
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isBlocked || !this.#isLive) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      if (!this.#isBlocked && this.#isLive) this.#drive();
    });
  }

  get #isLive(): boolean {
    return this.#state === "recovering" || this.#state === "active";
  }

  #drive(): void {
    const { file, clock } = this.#scope;
    const meter = this.#meter;
    meter?.begin();
    const recordsMax = file.position < this.#oneByOneUntil ? 1 : Number.POSITIVE_INFINITY;
    const queued = this.#queue.take(recordsMax, clock.nowMs() + CLOCK_AHEAD_MS_MAX);
    if (queued.length === 0) {
      if (this.#queue.length > 0) this.#waitForClock();
      return;
    }
    let records: TurnRecord[];
    let answers: ReturnType<typeof runTurn>;
    try {
      records = queued.map(({ log }) => this.#decode(log));
      answers = runTurn(file, records, this.#quarantine.at, this.#progress, meter?.end);
    } catch (error) {
      this.#onThrow(queued, error);
      return;
    }
    this.#turns += 1;
    try {
      this.#answer(records, answers);
      // A turn that activated the shard is not counted: its records had waited for an owner.
      meter?.finish(queued, records);
      // Behind the microtask in which the connection sends what it was given: answers leave first.
      queueMicrotask(() => this.#pumpOutputs());
    } catch (error) {
      // The records are applied: whatever fails from here on is no unit of theirs.
      this.#halt(error);
      return;
    }
    if (this.#queue.hasRoom) this.#reader?.resume();
    if (this.#queue.length > 0) this.#schedule();
  }

  #decode(log: LogRecord): TurnRecord {
    const { record, route } = decodeRecord(log, this.#scope);
    return { record, route, digest: recordDigest(log) };
  }

  #answer(records: readonly TurnRecord[], answers: ReturnType<typeof runTurn>): void {
    records.forEach((record, index) => {
      const answer = answers[index];
      if (!answer) return;
      this.#replies.add(record.route, answer);
      this.#outputs?.add(record, answer);
    });
    this.#noteEpoch();
    if (this.#isLive) this.#replies.flush();
  }

  #pumpOutputs(): void {
    if (!this.#isLive) return;
    try {
      this.#outputs?.pump();
      this.#wal.pace();
    } catch (error) {
      this.#halt(error);
    }
  }

  #noteEpoch(): void {
    const { file, shard } = this.#scope;
    const mark = this.#mark;
    if (!mark || file.epoch < mark.epoch) return;
    if (file.epoch > mark.epoch) {
      this.#halt(new NodeFault("superseded", `shard ${shard}: a newer owner started epoch ${file.epoch}`));
    } else if (this.#state === "recovering") {
      this.#activate(mark);
    }
  }

  #activate(mark: EpochMark): void {
    const { connection, events, phases } = this.#options;
    this.#outputs = new ShardOutputs({
      scope: this.#scope,
      connection,
      ownerLog: this.#ownerLog,
      mark,
      events,
      onFault: (error) => this.#halt(error),
    });
    this.#replies.open();
    if (phases) this.#meter = new PhaseMeter(this.#scope.clock);
    this.#state = "active";
    // Said only once the server knows the subscriptions: whoever hears it may ask at once.
    void connection.nc
      .flush()
      .catch(() => undefined)
      .then(() => {
        if (this.#state === "active") this.#enter("active");
      });
  }

  #onThrow(queued: readonly QueuedRecord[], error: unknown): void {
    const { unit, position } = this.#progress;
    const isBug = faultOf(error).code === "bug";
    const last = queued.at(-1)?.log;
    if (!isBug || !last || (queued.length === 1 && (!unit || unit.kind === "completion"))) {
      this.#halt(unit?.kind === "completion" && isBug ? completionFailed(position, unit.of, error) : error);
      return;
    }
    this.#queue.putBack(queued);
    if (queued.length > 1) {
      this.#oneByOneUntil = last.sequence;
      this.#schedule();
    } else if (unit && unit.kind !== "completion" && !this.#quarantine.has(position, unit)) {
      this.#isBlocked = true;
      const { cluster, shard } = this.#scope;
      const epoch = this.#mark?.epoch ?? 0;
      const record = {
        kind: "quarantine",
        cluster,
        shard,
        epoch,
        position,
        unit,
        codeVersion: BEHAVIOUR_VERSION,
      } as const;
      this.#options.onNotice(
        `shard ${shard}: ${unit.kind} of record ${position} is quarantined: ${String(error)}`,
      );
      this.#ownerLog.append(record).then(
        () => {
          this.#quarantine.add(record);
          this.#isBlocked = false;
          this.#schedule();
        },
        (fault: unknown) => this.#halt(fault),
      );
    } else {
      this.#halt(error);
    }
  }

  #waitForClock(): void {
    const stamp = this.#queue.next?.timestampMs ?? 0;
    this.#options.onNotice(
      `shard ${this.#scope.shard}: the next record is stamped ${stamp - this.#scope.clock.nowMs()} ms ahead of this node's clock; waiting`,
    );
    setTimeout(() => this.#schedule(), RETRY_MS).unref();
  }

  #onSecond(): void {
    this.#calls.sweep();
    this.#outputs?.pump();
    if (this.#isLive && this.#options.connection.isUp() && !this.#isChecking) void this.#checkLog();
  }

  async #checkLog(): Promise<void> {
    this.#isChecking = true;
    try {
      const { fill } = await checkIdentity(this.#options.connection, this.#options.streams, this.#scope.file);
      this.#isFull = fill >= 0.9;
    } catch (error) {
      if (!(error instanceof ClusterError && error.retryable) && this.#isLive) this.#halt(error);
    } finally {
      this.#isChecking = false;
    }
  }

  #busyReason(): string | null {
    if (this.#state !== "active") return `the shard is ${this.#state}`;
    if (this.#isFull) return "the log is nearly full";
    return this.#scope.file.counters().outboxItems > OUTBOX_ITEMS_BUSY
      ? "too many moves are under way"
      : null;
  }

  #enter(state: ShardState): void {
    this.#state = state;
    this.#options.onState(state, this.#fault);
  }

  #halt(error: unknown): void {
    if (this.#state === "halted" || this.#state === "stopped") return;
    this.#fault = faultOf(error);
    if (this.#fault.code === "bug") this.#options.onNotice(`shard ${this.#scope.shard}: ${stackOf(error)}`);
    this.#enter("halted");
    void this.#close();
    // Callers of a halted shard are told `busy`; only a shard that has another owner now is answered by that one.
    const hasOtherOwner = this.#fault.code === "superseded" || this.#fault.code === "stale_owner";
    if (!hasOtherOwner && !this.#options.connection.nc.isClosed()) this.#calls.open();
  }

  async #close(): Promise<void> {
    if (this.#second) clearInterval(this.#second);
    this.#wal.close();
    this.#outputs?.close();
    this.#outputs = null;
    this.#replies.close();
    this.#calls.close();
    this.#ownerLog.close();
    await this.#reader?.stop();
    this.#queue.clear();
  }
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function completionFailed(position: number, of: string, cause: unknown): NodeFault {
  return new NodeFault("completion_failed", `the ${of} in record ${position} cannot be applied`, { cause });
}

function logFault(error: unknown): unknown {
  if (!(error instanceof ClusterError)) return error;
  if (error.code === "log_gap") return new NodeFault("log_trimmed", error.message, { cause: error });
  if (error.code === "log_short") return new NodeFault("log_behind", error.message, { cause: error });
  if (error.code === "stream_missing")
    return new NodeFault("stream_missing", error.message, { cause: error });
  return error;
}
