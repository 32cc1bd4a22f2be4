// The ledger is everything that deciding a record may read or write: wallets, journal, commands, holds,
// reversals, sagas, timers, pairs. Declared here, implemented by storage on the shard's SQLite file; all
// calls are synchronous, see the writes of the same turn, and are undone together when the turn rolls back.
//
// Invariant: the apply's only inputs are the record (bytes, sequence, timestamp) and this ledger; the ledger
// feeds every logical write into the record's state chain in the order of the calls, so the order of calls
// is part of the behaviour: never iterate a Map or Set whose order depends on how turns were cut.

import type { Leg, Op } from "../protocol/command.ts";
import type { CommandId } from "../protocol/command-id.ts";
import type { StepKind } from "../protocol/entry.ts";
import type { Item, ItemLeg, ItemMoney, MoveKind } from "../protocol/item.ts";
import type { Bound } from "../protocol/money.ts";
import type { AssetName, OwnerName, TenantName, WalletName } from "../protocol/names.ts";
import type { Balances, Outcome, Refusal, Status } from "../protocol/outcome.ts";
import type { EpochStart } from "../protocol/owner-record.ts";
import type { PairMark } from "../protocol/peer-frame.ts";
import type { Wallet, WalletStatus } from "./wallet.ts";

/** Fields of a wallet that is being opened. */
export interface WalletFields {
  readonly tenant: TenantName;
  readonly name: WalletName;
  readonly asset: AssetName;
  readonly min: Bound;
  readonly max: Bound;
  readonly meta: string | null;
}

/** What a step does to one wallet. Deltas may be zero; absent bounds and status stay as they are. */
export interface WalletChange {
  readonly wallet: Wallet;
  readonly posted: bigint;
  readonly held: bigint;
  readonly incoming: bigint;
  readonly min?: Bound;
  readonly max?: Bound;
  readonly status?: WalletStatus;
  /** Set when exactly one leg of the step touches this wallet. */
  readonly leg: number | null;
  readonly counterparty: WalletName | null;
}

/** The counter-entry of a step for money that moves with an item of a pair. */
export interface Transit extends ItemMoney {
  readonly peer: number;
  /** `out`: this shard's item carries `amount` away (negative: it asks for it). `in`: the peer's item brought it. */
  readonly direction: "out" | "in";
}

/** One step of the journal: what one command or item did to the wallets of this shard, all or nothing. */
export interface Step {
  readonly kind: StepKind;
  readonly tenant: TenantName;
  /** The owner that the command was addressed to (on any shard). */
  readonly owner: OwnerName;
  readonly command: CommandId;
  /** What events name: the command's op, or `expire`. */
  readonly op: Op | "expire";
  /** What events name: terminal in the record that settles the command, else `pending`. */
  readonly status: Status | "pending" | "expired";
  readonly transfer: CommandId | null;
  readonly code: string | null;
  readonly ref: string | null;
  /**
   * One per wallet. Empty only when a command that was `pending` settles in a record that changes no wallet here:
   * the step is then what tells readers of events that it has settled.
   * Per asset: sum of posted + sum of `out` transits - sum of `in` transits = 0.
   */
  readonly changes: readonly WalletChange[];
  readonly transits: readonly Transit[];
}

/** A recorded command. */
export interface CommandRow {
  /** Dense per shard in log order; also the number of its saga and hold. */
  readonly number: number;
  readonly tenant: TenantName;
  readonly owner: OwnerName;
  readonly id: CommandId;
  /** Canonical content: the command's frame encoding. */
  readonly content: Uint8Array;
  /** null while it is open. `replayed` is false in storage. */
  readonly outcome: Outcome | null;
}

/** A hold; its number is its command's. */
export interface Hold {
  readonly number: number;
  readonly tenant: TenantName;
  readonly owner: OwnerName;
  readonly id: CommandId;
  readonly legs: readonly Leg[];
  /** Assets of the sources, by leg. */
  readonly assets: readonly AssetName[];
  readonly code: string | null;
  readonly ref: string | null;
  readonly meta: string | null;
  readonly ttlMs: number;
  /** `placing` until every remote wallet was checked; `refused` ends a placement. */
  readonly status: "placing" | "open" | "captured" | "released" | "expired" | "refused";
  /** Shard time in ms; 0 while placing. */
  readonly expiresMs: number;
  /** Neither captured nor in a capture under way. One leg: minor units. Several legs: 1 = all of it, 0 = nothing. */
  readonly left: bigint;
  /** Moved by settled captures, in the unit of `left`. */
  readonly captured: bigint;
  /** Of `captured`, what was reversed or is in a reverse under way. */
  readonly reversed: bigint;
}

/** What a shard has reserved for a move: aggregated per wallet. */
export interface Reservation {
  readonly wallet: WalletName;
  /** Sum of its debits: counted in held. */
  readonly debit: bigint;
  /** Sum of its credits: counted in incoming. */
  readonly credit: bigint;
  readonly leg: number | null;
  readonly counterparty: WalletName | null;
}

/** What the coordinator knows of one other shard of a saga. */
export interface SagaPeer {
  readonly shard: number;
  readonly legs: readonly ItemLeg[];
  readonly vote: "waiting" | "yes" | "no";
  readonly refusal: Refusal | null;
  /** The refused leg. */
  readonly leg: number;
  /** The commit was acknowledged. */
  readonly acknowledged: boolean;
}

/** A move over shards, at its coordinator; its number is its command's. */
export interface Saga {
  readonly number: number;
  readonly phase: "applying" | "checking" | "preparing" | "committing";
  readonly move: MoveKind | "hold";
  readonly tenant: TenantName;
  readonly owner: OwnerName;
  readonly command: CommandId;
  readonly op: Op;
  readonly code: string | null;
  readonly ref: string | null;
  /** What the coordinator's own wallets have reserved. For captures the debits stay in held, taken out of the hold. */
  readonly own: readonly Reservation[];
  /** In the order of the legs. */
  readonly peers: readonly SagaPeer[];
  /** The hold's or reversed transfer's command number, else null. */
  readonly target: number | null;
  /** The hold's or transfer's id, else null. */
  readonly transfer: CommandId | null;
  /** In the unit of `Hold.left`; what capture and reverse take. 0 for others. */
  readonly amount: bigint;
  /** Capture: release the rest when it settles. */
  readonly final: boolean;
  /** Assets of the wallets of the legs, as far as they are known, in the order learnt. */
  readonly assets: readonly (readonly [WalletName, AssetName])[];
}

/** A prepared move at a shard that does not coordinate it; named by coordinator and saga. */
export interface Prepared {
  readonly coordinator: number;
  readonly saga: number;
  readonly move: MoveKind;
  readonly tenant: TenantName;
  readonly owner: OwnerName;
  readonly command: CommandId;
  readonly transfer: CommandId | null;
  readonly code: string | null;
  readonly ref: string | null;
  readonly reserved: readonly Reservation[];
}

/** A timer row. Ids are dense per shard in the order of setting. */
export interface Timer {
  readonly id: number;
  readonly dueMs: number;
  readonly kind: "expire" | "vote";
  /** The hold's or saga's number. */
  readonly target: number;
}

/** Both directions of a pair, as applied from the log. */
export interface PairState {
  readonly peer: number;
  /** Last item that this shard created for the peer in records that have ended. */
  readonly sent: PairMark;
  /** Of those, the last that the peer has acknowledged. */
  readonly acked: PairMark;
  /** Last item of the peer that this shard has applied. */
  readonly applied: PairMark;
}

/** See the file header. Every method throws only on faults of the environment and on broken invariants. */
export interface Ledger {
  readonly shard: number;
  readonly shards: number;
  /** Cluster id. */
  readonly cluster: string;
  /** Position of the record that is being applied. */
  readonly position: number;
  /** Shard time of that record, in ms. */
  readonly timeMs: number;
  /** Highest epoch started so far; 0 = none. */
  readonly epoch: number;
  /** Notes a higher epoch and the code version in force from here on. */
  startEpoch(start: EpochStart): void;

  /** The live actor of a wallet, loaded on first use. */
  wallet(tenant: TenantName, name: WalletName): Wallet | undefined;
  /** The live actor of a wallet if it is in memory; `undefined` does not say that there is none. */
  loadedWallet(tenant: TenantName, name: WalletName): Wallet | undefined;
  /** Number of wallets that an owner has ever opened. */
  walletCount(tenant: TenantName, owner: OwnerName): number;
  /** Makes a wallet with zero balances, status open and version 0; a step of kind open must follow. */
  createWallet(fields: WalletFields): Wallet;
  /**
   * Applies a step to its wallets (deltas, bounds, status, version + 1 each) and journals it.
   * @returns their balances after it, by change: an outcome that tells no more is stored as the step's number
   */
  append(step: Step): readonly Balances[];

  /**
   * Claims an id for a new command.
   * @returns the number that the new command got, or the row that holds the id already.
   */
  claimCommand(
    command: Omit<CommandRow, "number" | "outcome">,
  ): { number: number } | { existing: CommandRow };
  /** Stores the terminal outcome of a claimed command, once. */
  settleCommand(number: number, outcome: Outcome): void;
  /** The number of a recorded command by its id. */
  commandNumber(tenant: TenantName, owner: OwnerName, id: CommandId): number | undefined;
  /** A recorded command by its id. */
  findCommand(tenant: TenantName, owner: OwnerName, id: CommandId): CommandRow | undefined;
  /** A recorded command by its number. */
  command(number: number): CommandRow;

  /** Stores a new hold or its changed state. */
  putHold(hold: Hold): void;
  /** A hold by its command's number. */
  hold(number: number): Hold | undefined;
  /** A hold if it is in memory; `undefined` does not say that there is none. */
  loadedHold(number: number): Hold | undefined;

  /** Units of a settled transfer that are reversed or in a reverse under way (unit as in `Hold.left`). */
  reversed(number: number): bigint;
  /** Stores them. */
  putReversed(number: number, units: bigint): void;

  /** Stores a saga or its changed state. */
  putSaga(saga: Saga): void;
  /** An open saga. */
  saga(number: number): Saga | undefined;
  /** Removes a saga that has ended. */
  endSaga(number: number): void;
  /** Stores a prepared move. */
  putPrepared(prepared: Prepared): void;
  /** A prepared move. */
  prepared(coordinator: number, saga: number): Prepared | undefined;
  /** Removes a prepared move that was decided. */
  endPrepared(coordinator: number, saga: number): void;

  /** Sets a timer. */
  setTimer(timer: Omit<Timer, "id">): void;
  /** Removes a timer by what it belongs to; nothing happens when it has fired. */
  clearTimer(kind: Timer["kind"], target: number): void;
  /** The earliest due time of any timer that is not parked, or null. O(1). */
  earliestDueMs(): number | null;
  /** Due timers by (dueMs, id), at most `limit`; with `owners` only the expiries of these owners' holds. */
  dueTimers(limit: number, owners?: readonly { tenant: TenantName; owner: OwnerName }[]): Timer[];
  /** Leaves a quarantined timer where it is, out of the way of others. */
  parkTimer(id: number): void;

  /** The state of the pair with a peer. */
  pair(peer: number): PairState;
  /** Numbers an item for a peer and puts it into the outbox, with the money that it carries (as in the step's `out` transits). */
  appendItem(peer: number, item: Item, money?: readonly ItemMoney[]): void;
  /** Notes that the peer's next group of items was applied; `mark` stands at its last item. */
  markApplied(peer: number, mark: PairMark): void;
  /**
   * Drops outbox items up to the acknowledged number; one that a later acknowledgement has overtaken says nothing new.
   * @returns `false` when number or hash do not fit what was sent
   */
  acknowledge(peer: number, mark: PairMark): boolean;
  /** The lowest item of the pair still in the outbox; sent + 1 when it is empty. */
  lowestKept(peer: number): number;
}
