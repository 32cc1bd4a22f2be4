// Several shards on real files, with logs, frames and a clock that the test drives: everything of a cluster
// that the apply can see, and nothing else. A test appends to a shard's log, applies as many records a turn as
// it likes, and carries frames between shards in the order, and as often, as it likes.

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ApplyProgress, applyRecord } from "../../actors/apply.ts";
import type { RecordAnswers, RecordBody, ShardRecord } from "../../actors/shard-record.ts";
import type { Wallet } from "../../actors/wallet.ts";
import type { Command } from "../../protocol/command.ts";
import { encodeCommand } from "../../protocol/command-content.ts";
import type { CommandId } from "../../protocol/command-id.ts";
import type { DecodedCommand } from "../../protocol/decoded-command.ts";
import { hash32, uint64Bytes } from "../../protocol/digest.ts";
import { countItems } from "../../protocol/item-codec.ts";
import { ownerOf, type WalletName } from "../../protocol/names.ts";
import type { Outcome } from "../../protocol/outcome.ts";
import type { QuarantinedUnit } from "../../protocol/owner-record.ts";
import type { PeerFrame } from "../../protocol/peer-frame.ts";
import { shardOf } from "../../protocol/shard-map.ts";
import { ShardFile } from "../../storage/shard-file.ts";
import { TENANT } from "./test-wallets.ts";

const CLUSTER = "lab";
/** What these tests are about does not depend on the disk, and thousands of small turns would wait for it. */
const PARENT_DIRECTORY = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

/** A command as a log record's decoder gives it. */
export function decodedCommand(command: Command): DecodedCommand {
  return { command, content: encodeCommand(command), shard: null };
}

/** Rows lag a little, so that every audit meets rows that do and rows that do not. */
const LAG = {
  walletLag: { roundSteps: 12, waitingMax: 5 },
  turnLog: { rows: 6, entries: 40, bytes: 4096 },
} as const;

/** One shard: a file and the log that feeds it. */
export class LabShard {
  readonly shard: number;
  readonly file: ShardFile;
  readonly log: ShardRecord[] = [];
  /** Outcomes by command id, in the order in which they were given; copies included. */
  readonly outcomes = new Map<string, Outcome[]>();
  readonly quarantined = new Map<number, QuarantinedUnit[]>();
  readonly progress: ApplyProgress = { unit: null };

  constructor(shard: number, file: ShardFile) {
    this.shard = shard;
    this.file = file;
  }

  /** Appends a record. @returns its position */
  append(stampMs: number, body: RecordBody): number {
    const position = this.log.length + 1;
    this.log.push({ position, stampMs, ...body });
    return position;
  }

  /** Applies up to `count` records in one turn; a throw rolls the turn back. */
  turn(count = Number.POSITIVE_INFINITY): RecordAnswers[] {
    const records = this.log.slice(this.file.position, this.file.position + count);
    this.file.begin();
    const answers: RecordAnswers[] = [];
    try {
      for (const record of records) answers.push(this.#apply(record));
      this.file.commit();
    } catch (error) {
      this.file.rollback();
      throw error;
    }
    for (const [index, record] of records.entries()) this.#note(record, answers[index]);
    return answers;
  }

  /** Records that are not applied yet. */
  get waiting(): number {
    return this.log.length - this.file.position;
  }

  #apply(record: ShardRecord): RecordAnswers {
    const digest = hash32(uint64Bytes(record.position));
    this.file.beginRecord({ position: record.position, stampMs: record.stampMs, digest });
    const units = this.quarantined.get(record.position) ?? [];
    const answers = applyRecord(this.file.ledger, record, units, this.progress);
    this.file.endRecord();
    return answers;
  }

  #note(record: ShardRecord, answers: RecordAnswers | undefined): void {
    assert.ok(answers);
    for (const { outcome } of [...answers.answered, ...answers.settled]) {
      const known = this.outcomes.get(String(outcome.id)) ?? [];
      this.outcomes.set(String(outcome.id), [...known, outcome]);
    }
    if (record.kind !== "commands") return;
    const indexes = [...answers.answered, ...answers.waiting].map(({ index }) => index).sort((a, b) => a - b);
    assert.deepEqual(indexes, [...record.commands.keys()], "every command of a record is answered or waits");
  }
}

/** See the file header. */
export class ShardLab implements Disposable {
  readonly shards: readonly LabShard[];
  /** Stamps of records that are appended from here on, in ms. */
  timeMs = 1_000_000;
  readonly #directory: string;

  constructor(shards: number) {
    this.#directory = mkdtempSync(join(PARENT_DIRECTORY, "coffer-lab-"));
    this.shards = Array.from({ length: shards }, (_, shard) => {
      const path = join(this.#directory, `${shard}.db`);
      return new LabShard(shard, ShardFile.open({ path, cluster: CLUSTER, shard, shards, ...LAG }));
    });
    for (const { shard } of this.shards) this.startEpoch(shard, 1);
  }

  /** The shard with this number. */
  at(shard: number): LabShard {
    const found = this.shards[shard];
    assert.ok(found);
    return found;
  }

  /** The shard of an owner's wallets. */
  home(wallet: WalletName): LabShard {
    return this.at(shardOf(TENANT, ownerOf(wallet), this.shards.length));
  }

  /** The live actor of a wallet. */
  wallet(name: WalletName): Wallet {
    const wallet = this.home(name).file.ledger.wallet(TENANT, name);
    assert.ok(wallet, `${name} exists`);
    return wallet;
  }

  startEpoch(shard: number, epoch: number, codeVersion = 1): void {
    const start = { kind: "epoch", cluster: CLUSTER, shard, epoch, node: "lab", codeVersion } as const;
    this.at(shard).append(this.timeMs, { kind: "epoch", start });
  }

  /** Appends a tick, which lets due timers fire. */
  tick(shard: number): void {
    const { epoch } = this.at(shard).file;
    const tick = { kind: "tick", cluster: CLUSTER, shard, epoch, touches: [] } as const;
    this.at(shard).append(this.timeMs, { kind: "tick", tick });
  }

  /** Appends commands, all of one shard, as one record. */
  submit(...commands: readonly Command[]): LabShard {
    const [first] = commands;
    assert.ok(first);
    const home = this.at(shardOf(TENANT, first.owner, this.shards.length));
    home.append(this.timeMs, { kind: "commands", tenant: TENANT, commands: commands.map(decodedCommand) });
    return home;
  }

  /** Cuts a frame from what the sender has committed, starting with any group that it still keeps. */
  frame(from: number, to: number, cut: { first?: number; count?: number } = {}): PeerFrame {
    const { file } = this.at(from);
    const { applied, acked } = file.ledger.pair(to);
    const { before, groups } = file.outbox(to, cut.first ?? acked.number + 1, cut.count ?? 1000, 1 << 20);
    const lowestKept = file.ledger.lowestKept(to);
    return {
      cluster: CLUSTER,
      from,
      to,
      epoch: 1,
      acked: applied,
      resend: false,
      before,
      lowestKept,
      groups,
    };
  }

  /** The first items of the groups that the sender keeps, and the number behind the last one: where frames may be cut. */
  cuts(from: number, to: number): number[] {
    const { file } = this.at(from);
    let next = file.ledger.pair(to).acked.number + 1;
    const { groups } = file.outbox(to, next, 1000, 1 << 20);
    const starts = groups.map((group) => {
      const start = next;
      const items = countItems(group);
      assert.ok(items.ok);
      next += items.value;
      return start;
    });
    return [...starts, next];
  }

  /** Appends a frame to its receiver's log. */
  deliver(frame: PeerFrame): LabShard {
    const receiver = this.at(frame.to);
    receiver.append(this.timeMs, { kind: "peer", frame });
    return receiver;
  }

  /** Applies everything and carries every item, in order, until nothing is left to do. */
  settle(): void {
    for (;;) {
      for (const shard of this.shards) if (shard.waiting > 0) shard.turn();
      const pairs = this.shards.flatMap(({ shard }) =>
        this.shards.map((other) => [shard, other.shard] as const).filter(([from, to]) => from !== to),
      );
      const frames = pairs
        .filter(([from, to]) => this.#hasNews(from, to))
        .map(([from, to]) => this.frame(from, to));
      if (frames.length === 0) return;
      for (const frame of frames) this.deliver(frame);
    }
  }

  /** Lets shard time pass everywhere, so that timers fire, and settles. */
  pass(ms: number): void {
    this.timeMs += ms;
    for (const { shard } of this.shards) this.tick(shard);
    this.settle();
  }

  /** Submits one command, settles, and returns its outcome. */
  run(command: Command): Outcome {
    const home = this.submit(command);
    this.settle();
    const outcome = home.outcomes.get(command.id)?.at(-1);
    assert.ok(outcome, `${command.op} ${command.id} has an outcome`);
    return outcome;
  }

  /** The recorded outcome of a command, or null while it is open. */
  recorded(owner: Command["owner"], id: CommandId): Outcome | null {
    const { file } = this.at(shardOf(TENANT, owner, this.shards.length));
    const row = file.ledger.findCommand(TENANT, owner, id);
    assert.ok(row, `${id} is recorded`);
    return row.outcome;
  }

  [Symbol.dispose](): void {
    for (const { file } of this.shards) file.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #hasNews(from: number, to: number): boolean {
    const sender = this.at(from).file.ledger.pair(to);
    const receiver = this.at(to).file.ledger.pair(from);
    return sender.sent.number > receiver.applied.number || sender.applied.number > receiver.acked.number;
  }
}
