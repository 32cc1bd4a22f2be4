// The stored form of a journal step: all its entries in one blob. Owns the layout and its version.
//
//   1 | kind op status | tenant | time | command | owner | transfer? code? ref? | previous step of the tenant
//     | entries: wallet, flags, what the flags name, version, previous step of that wallet
//     | transits: peer, direction, asset, amount
//
// Each entry names the wallet's previous step, so a wallet's entries are followed newest first as a chain,
// without an index. Balances are those after the step; zeros cost nothing.

import type { Step, Transit, WalletChange } from "../actors/ledger.ts";
import type { WalletStatus } from "../actors/wallet.ts";
import { assert } from "../protocol/assert.ts";
import { OPS } from "../protocol/command.ts";
import type { CommandId } from "../protocol/command-id.ts";
import { STEP_KINDS, type StepKind } from "../protocol/entry.ts";
import type { Bound } from "../protocol/money.ts";
import type { AssetName, OwnerName, WalletName } from "../protocol/names.ts";
import { STATUSES } from "../protocol/outcome.ts";
import { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { WALLET_STATUSES } from "./wallet-row.ts";

const VERSION = 1;

/** Ops of steps in the order of their stored numbers; only grows. */
const STEP_OPS = [...OPS, "expire"] as const;
/** Statuses of steps in the order of their stored numbers; only grows. */
const STEP_STATUSES = [...STATUSES, "pending", "expired"] as const;

/** What an entry holds beyond its fixed fields. */
const HAS = {
  postedDelta: 1,
  heldDelta: 2,
  incomingDelta: 4,
  posted: 8,
  held: 16,
  incoming: 32,
  leg: 64,
  minAmount: 128,
  minUnlimited: 256,
  max: 512,
  status: 1024,
  counterpartyName: 2048,
  counterpartyEntry: 4096,
} as const;

/** One wallet's line of a stored step. */
export interface StepEntry {
  /** The wallet's number. */
  readonly wallet: number;
  readonly postedDelta: bigint;
  readonly heldDelta: bigint;
  readonly incomingDelta: bigint;
  readonly posted: bigint;
  readonly held: bigint;
  readonly incoming: bigint;
  /** After the step. */
  readonly min: Bound;
  /** Set when the step changed them. */
  readonly max: Bound | null;
  readonly status: WalletStatus | null;
  readonly version: number;
  /** The wallet's step before this one, 0 = none. */
  readonly previous: number;
  readonly leg: number | null;
  /** The other wallet: its name, or the place of its own entry in this step. */
  readonly counterparty: WalletName | number | null;
}

/** A step as it is stored. */
export interface StepRow {
  readonly number: number;
  readonly position: number;
  /** Place in its record, 0-based. */
  readonly index: number;
  readonly kind: StepKind;
  readonly op: Step["op"];
  readonly status: Step["status"];
  /** The tenant's number. */
  readonly tenant: number;
  readonly timeMs: number;
  readonly command: CommandId;
  readonly owner: OwnerName;
  readonly transfer: CommandId | null;
  readonly code: string | null;
  readonly ref: string | null;
  /** The step before this one of the same tenant, 0 = none. */
  readonly previousOfTenant: number;
  readonly entries: readonly StepEntry[];
  readonly transits: readonly Transit[];
}

/** What a step's blob needs beyond the step. */
export interface StepPlace {
  readonly tenant: number;
  readonly timeMs: number;
  readonly previousOfTenant: number;
  /** By change: the wallet's step before this one. */
  readonly previousOfWallet: readonly number[];
}

/** Columns of the step table, as SQLite gives them. */
export interface StepSqlRow {
  readonly number: number;
  readonly position: number;
  readonly idx: number;
  readonly body: Uint8Array;
}

/** Writes a step whose wallets have changed already. */
export function writeStep(writer: ByteWriter, step: Step, place: StepPlace): void {
  writer.byte(VERSION);
  writer.byte(STEP_KINDS.indexOf(step.kind));
  writer.byte(STEP_OPS.indexOf(step.op));
  writer.byte(STEP_STATUSES.indexOf(step.status));
  writer.varint(place.tenant);
  writer.varint(place.timeMs);
  writer.id(step.command);
  writer.text(step.owner);
  writer.optionalId(step.transfer);
  writer.optionalText(step.code);
  writer.optionalText(step.ref);
  writer.varint(place.previousOfTenant);
  writer.varint(step.changes.length);
  for (const [index, change] of step.changes.entries()) {
    const previous = place.previousOfWallet[index];
    assert(previous !== undefined, "each change has the step before it");
    writeEntry(writer, change, { previous, changes: step.changes });
  }
  writer.varint(step.transits.length);
  for (const transit of step.transits) {
    writer.varint(transit.peer);
    writer.byte(transit.direction === "out" ? 0 : 1);
    writer.text(transit.asset);
    writer.integer(transit.amount);
  }
}

function writeEntry(
  writer: ByteWriter,
  change: WalletChange,
  { previous, changes }: { previous: number; changes: readonly WalletChange[] },
): void {
  const { wallet, leg, counterparty } = change;
  const entry = counterparty === null ? -1 : changes.findIndex((other) => other.wallet.name === counterparty);
  const flags = flagsOf(change, entry);
  writer.varint(wallet.number);
  writer.varint(flags);
  if (flags & HAS.postedDelta) writer.int64(change.posted);
  if (flags & HAS.heldDelta) writer.int64(change.held);
  if (flags & HAS.incomingDelta) writer.int64(change.incoming);
  if (flags & HAS.posted) writer.int64(wallet.posted);
  if (flags & HAS.held) writer.int64(wallet.held);
  if (flags & HAS.incoming) writer.int64(wallet.incoming);
  if (wallet.min !== "unlimited" && flags & HAS.minAmount) writer.int64(wallet.min);
  if (change.max !== undefined) writer.bound(change.max);
  if (change.status !== undefined) writer.byte(WALLET_STATUSES.indexOf(change.status));
  writer.varint(wallet.version);
  writer.varint(previous);
  if (leg !== null) writer.varint(leg);
  if (entry >= 0) writer.varint(entry);
  else if (counterparty !== null) writer.text(counterparty);
}

function flagsOf(change: WalletChange, counterpartyEntry: number): number {
  const { wallet } = change;
  let flags = 0;
  if (change.posted !== 0n) flags |= HAS.postedDelta;
  if (change.held !== 0n) flags |= HAS.heldDelta;
  if (change.incoming !== 0n) flags |= HAS.incomingDelta;
  if (wallet.posted !== 0n) flags |= HAS.posted;
  if (wallet.held !== 0n) flags |= HAS.held;
  if (wallet.incoming !== 0n) flags |= HAS.incoming;
  if (wallet.min === "unlimited") flags |= HAS.minUnlimited;
  else if (wallet.min !== 0n) flags |= HAS.minAmount;
  if (change.max !== undefined) flags |= HAS.max;
  if (change.status !== undefined) flags |= HAS.status;
  if (change.leg !== null) flags |= HAS.leg;
  if (counterpartyEntry >= 0) flags |= HAS.counterpartyEntry;
  else if (change.counterparty !== null) flags |= HAS.counterpartyName;
  return flags;
}

/** Reads a stored step. Errors: `StorageFault("corrupt")`. */
export function readStep(row: StepSqlRow): StepRow {
  const reader = new ByteReader(row.body, `step ${row.number}`);
  reader.version(VERSION);
  const step: StepRow = {
    number: row.number,
    position: row.position,
    index: row.idx,
    kind: reader.choice(STEP_KINDS),
    op: reader.choice(STEP_OPS),
    status: reader.choice(STEP_STATUSES),
    tenant: reader.varint(),
    timeMs: reader.varint(),
    command: reader.id(),
    owner: reader.name<OwnerName>(),
    transfer: reader.optionalId(),
    code: reader.optionalText(),
    ref: reader.optionalText(),
    previousOfTenant: reader.varint(),
    entries: reader.list(() => readEntry(reader)),
    transits: reader.list(() => readTransit(reader)),
  };
  reader.end();
  return step;
}

function readEntry(reader: ByteReader): StepEntry {
  const wallet = reader.varint();
  const flags = reader.varint();
  const amount = (flag: number) => (flags & flag ? reader.int64() : 0n);
  const postedDelta = amount(HAS.postedDelta);
  const heldDelta = amount(HAS.heldDelta);
  const incomingDelta = amount(HAS.incomingDelta);
  const posted = amount(HAS.posted);
  const held = amount(HAS.held);
  const incoming = amount(HAS.incoming);
  const minAmount = amount(HAS.minAmount);
  return {
    wallet,
    postedDelta,
    heldDelta,
    incomingDelta,
    posted,
    held,
    incoming,
    min: flags & HAS.minUnlimited ? "unlimited" : minAmount,
    max: flags & HAS.max ? reader.bound() : null,
    status: flags & HAS.status ? reader.choice(WALLET_STATUSES) : null,
    version: reader.varint(),
    previous: reader.varint(),
    leg: flags & HAS.leg ? reader.varint() : null,
    counterparty: readCounterparty(reader, flags),
  };
}

function readCounterparty(reader: ByteReader, flags: number): WalletName | number | null {
  if (flags & HAS.counterpartyEntry) return reader.varint();
  return flags & HAS.counterpartyName ? reader.name<WalletName>() : null;
}

function readTransit(reader: ByteReader): Transit {
  return {
    peer: reader.varint(),
    direction: reader.byte() === 0 ? "out" : "in",
    asset: reader.name<AssetName>(),
    amount: reader.integer(),
  };
}
