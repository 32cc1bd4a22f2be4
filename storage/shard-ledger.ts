// The ledger on a shard file: puts the tables together behind the interface that decisions see. Owns the
// order of flushing and nothing else; each table owns its rows.

import type {
  CommandRow,
  Hold,
  Ledger,
  PairState,
  Prepared,
  Saga,
  Step,
  Timer,
  WalletFields,
} from "../actors/ledger.ts";
import type { Wallet } from "../actors/wallet.ts";
import { assert } from "../protocol/assert.ts";
import type { CommandId } from "../protocol/command-id.ts";
import type { Item, ItemMoney } from "../protocol/item.ts";
import type { OwnerName, TenantName, WalletName } from "../protocol/names.ts";
import type { Balances, Outcome } from "../protocol/outcome.ts";
import type { EpochStart } from "../protocol/owner-record.ts";
import type { PairMark } from "../protocol/peer-frame.ts";
import type { WalletLagLimits } from "./balance-table.ts";
import type { ClaimOptions } from "./command-claims.ts";
import { CommandTable } from "./command-table.ts";
import type { Connection } from "./database.ts";
import { HoldTable } from "./hold-table.ts";
import { Journal } from "./journal.ts";
import type { MetaTable } from "./meta-table.ts";
import { NameTable } from "./name-table.ts";
import { PairTable } from "./pair-table.ts";
import { PreparedTable } from "./prepared-table.ts";
import type { RecentEvents } from "./recent-events.ts";
import { SagaTable } from "./saga-table.ts";
import { type StateLog, WRITE } from "./state-log.ts";
import { TimerTable } from "./timer-table.ts";
import { TurnLog, type TurnLogLimits } from "./turn-log.ts";
import { WalletTable } from "./wallet-table.ts";

const NO_MONEY: readonly ItemMoney[] = [];

/** What a shard keeps in memory of what it has written, or has still to write. */
export interface ShardMemory {
  readonly recent: RecentEvents;
  readonly lag: WalletLagLimits;
  readonly turns: TurnLogLimits;
  readonly index: ClaimOptions | undefined;
}

/** See the file header; each method is described by {@link Ledger}. */
export class ShardLedger implements Ledger {
  readonly shard: number;
  readonly shards: number;
  readonly cluster: string;
  readonly names: NameTable;
  readonly wallets: WalletTable;
  readonly journal: Journal;
  readonly commands: CommandTable;
  readonly holds: HoldTable;
  readonly sagas: SagaTable;
  readonly timers: TimerTable;
  readonly pairs: PairTable;
  readonly #prepared: PreparedTable;
  readonly #turns: TurnLog;
  readonly #log: StateLog;
  readonly #meta: MetaTable;

  constructor(database: Connection, log: StateLog, meta: MetaTable, memory: ShardMemory) {
    const { recent, lag, index } = memory;
    const { shard, shards, cluster } = meta.row;
    this.shard = shard;
    this.shards = shards;
    this.cluster = cluster;
    this.#log = log;
    this.#meta = meta;
    this.names = new NameTable(database, log);
    this.wallets = new WalletTable(database, log, { meta, names: this.names, lag });
    this.journal = new Journal(database, log, { meta, names: this.names, wallets: this.wallets, recent });
    const { names, wallets, journal } = this;
    this.commands = new CommandTable(database, log, { meta, names, wallets, journal, index });
    const turns = new TurnLog(database, memory.turns);
    this.#turns = turns;
    this.holds = new HoldTable(database, log, { names, turns });
    this.sagas = new SagaTable(database, log, { journal, wallets });
    this.#prepared = new PreparedTable(database, log);
    this.timers = new TimerTable(database, log, { meta, turns });
    this.pairs = new PairTable(database, log, { shard, shards });
  }

  get position(): number {
    return this.#meta.row.position;
  }

  get timeMs(): number {
    return this.#meta.row.timeMs;
  }

  get epoch(): number {
    return this.#meta.row.epoch;
  }

  startEpoch({ epoch, codeVersion, node }: EpochStart): void {
    assert(epoch > this.epoch, "an epoch that starts is higher than the last");
    this.#log.open(WRITE.epoch);
    this.#log.writer.varint(epoch);
    this.#log.writer.varint(codeVersion);
    this.#log.writer.text(node);
    this.#meta.row.epoch = epoch;
    this.#meta.row.codeVersion = codeVersion;
  }

  wallet(tenant: TenantName, name: WalletName): Wallet | undefined {
    return this.wallets.wallet(tenant, name);
  }

  loadedWallet(tenant: TenantName, name: WalletName): Wallet | undefined {
    return this.wallets.loaded(tenant, name);
  }

  walletCount(tenant: TenantName, owner: OwnerName): number {
    return this.names.findOwner(tenant, owner)?.wallets ?? 0;
  }

  createWallet(fields: WalletFields): Wallet {
    return this.wallets.create(fields);
  }

  append(step: Step): readonly Balances[] {
    const balances = this.journal.append(step);
    for (const transit of step.transits) this.pairs.addMoney(transit);
    return balances;
  }

  claimCommand(
    command: Omit<CommandRow, "number" | "outcome">,
  ): { number: number } | { existing: CommandRow } {
    this.wallets.seek(command.id);
    return this.commands.claim(command);
  }

  settleCommand(number: number, outcome: Outcome): void {
    this.commands.settle(number, outcome);
  }

  commandNumber(tenant: TenantName, owner: OwnerName, id: CommandId): number | undefined {
    return this.commands.numberOf(tenant, owner, id);
  }

  findCommand(tenant: TenantName, owner: OwnerName, id: CommandId): CommandRow | undefined {
    const number = this.commands.numberOf(tenant, owner, id);
    return number === undefined ? undefined : this.commands.command(number);
  }

  command(number: number): CommandRow {
    return this.commands.command(number);
  }

  putHold(hold: Hold): void {
    this.holds.put(hold);
  }

  hold(number: number): Hold | undefined {
    return this.holds.hold(number);
  }

  loadedHold(number: number): Hold | undefined {
    return this.holds.loaded(number);
  }

  reversed(number: number): bigint {
    return this.holds.reversed(number);
  }

  putReversed(number: number, units: bigint): void {
    this.holds.putReversed(number, units);
  }

  putSaga(saga: Saga): void {
    this.sagas.put(saga);
  }

  saga(number: number): Saga | undefined {
    return this.sagas.saga(number);
  }

  endSaga(number: number): void {
    this.sagas.end(number);
  }

  putPrepared(prepared: Prepared): void {
    this.#prepared.put(prepared);
  }

  prepared(coordinator: number, saga: number): Prepared | undefined {
    return this.#prepared.prepared(coordinator, saga);
  }

  endPrepared(coordinator: number, saga: number): void {
    this.#prepared.end(coordinator, saga);
  }

  setTimer(timer: Omit<Timer, "id">): void {
    this.timers.set(timer, timer.kind === "expire" ? this.holds.ownerOf(timer.target) : null);
  }

  clearTimer(kind: Timer["kind"], target: number): void {
    this.timers.clear(kind, target);
  }

  earliestDueMs(): number | null {
    return this.timers.earliestDueMs();
  }

  dueTimers(limit: number, owners?: readonly { tenant: TenantName; owner: OwnerName }[]): Timer[] {
    const earliest = this.timers.earliestDueMs();
    if (earliest === null || earliest > this.timeMs) return [];
    return this.timers.due(this.timeMs, limit, owners && this.#ownerNumbers(owners));
  }

  parkTimer(id: number): void {
    this.timers.park(id);
  }

  pair(peer: number): PairState {
    return this.pairs.pair(peer);
  }

  appendItem(peer: number, item: Item, money: readonly ItemMoney[] = NO_MONEY): void {
    this.pairs.append(peer, item, money);
  }

  markApplied(peer: number, mark: PairMark): void {
    this.pairs.markApplied(peer, mark);
  }

  acknowledge(peer: number, mark: PairMark): boolean {
    return this.pairs.acknowledge(peer, mark);
  }

  lowestKept(peer: number): number {
    return this.pairs.lowestKept(peer);
  }

  /** Ends what belongs to one record alone. */
  endRecord(): void {
    this.pairs.endRecord();
  }

  /** Inserts the rows that wait to be appended. */
  flushAppended(): void {
    this.journal.flush();
    this.commands.flush();
    this.pairs.flushItems();
  }

  /** Writes all that a turn has not written yet. */
  flush(): void {
    this.flushAppended();
    this.wallets.flush();
    this.names.flush();
    this.sagas.flush();
    this.#turns.flush((below) => {
      this.holds.moveOut(below);
      this.timers.moveOut(below);
    });
    this.pairs.flush();
    this.commands.flushIndex();
  }

  /** Loads what memory must hold, after an opening or a rollback. Errors: `StorageFault`. */
  restore(): void {
    this.wallets.restore(this.journal.behind(this.#meta.row.walletsStep));
    this.#turns.load({
      hold: (hold) => this.holds.restore(hold),
      timer: (timer) => this.timers.restore(timer),
      clear: (kind, target) => this.timers.restoreClear(kind, target),
    });
  }

  /** Reads again what the tables of moves keep in memory: after a rollback. */
  reloadMoves(): void {
    this.pairs.reload();
    this.sagas.reload();
    this.#prepared.reload();
  }

  /** Bounds the memory after a commit. */
  committed(): void {
    this.journal.committed();
    this.commands.committed();
    this.wallets.committed();
    this.names.trim();
    this.pairs.committed();
  }

  /** Forgets everything in memory: a rollback. */
  drop(): void {
    this.wallets.drop();
    this.names.drop();
    this.journal.drop();
    this.commands.drop();
    this.holds.drop();
    this.timers.drop();
    this.pairs.drop();
  }

  #ownerNumbers(owners: readonly { tenant: TenantName; owner: OwnerName }[]): number[] {
    const numbers: number[] = [];
    for (const { tenant, owner } of owners) {
      const row = this.names.findOwner(tenant, owner);
      if (row) numbers.push(row.number);
    }
    return numbers;
  }
}
