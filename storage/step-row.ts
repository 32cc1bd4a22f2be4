// The stored form of a journal step: all its entries in a few bytes. Owns the layout; the run that holds the step
// says its number, its record and its time (row-run.ts).
//
//   kind | op and status | flags | tenant | command | owner? | transfer? code? ref?
//     | previous step of the tenant | entries: wallet, flags, what the flags name, version, previous step of it
//     | transits?: peer, direction, asset, amount
//
// Each entry names the wallet's previous step, so a wallet's entries are followed newest first as a chain,
// without an index. Previous steps are written as distances. Balances are those after the step; zeros cost nothing.
// The owner is left out where a wallet's name says it: that of the first entry (its row has the name), or of the other
// wallet that this entry names.

import type { Step, Transit, WalletChange } from "../actors/ledger.ts";
import type { WalletStatus } from "../actors/wallet.ts";
import { assert } from "../protocol/assert.ts";
import type { CommandId } from "../protocol/command-id.ts";
import { STEP_KINDS, type StepKind } from "../protocol/entry.ts";
import { type Bound, isInt64 } from "../protocol/money.ts";
import { type AssetName, isOwnedBy, type OwnerName, ownerOf, type WalletName } from "../protocol/names.ts";
import { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import type { RowPlace, RowRun } from "./row-run.ts";
import { WALLET_STATUSES } from "./wallet-row.ts";

/** Ops of steps in the order of their stored numbers; only grows, to 16: both numbers share a byte. */
const STEP_OPS = [
  "open",
  "transfer",
  "capture",
  "release",
  "reverse",
  "freeze",
  "unfreeze",
  "close",
  "limit",
  "expire",
] as const satisfies readonly Step["op"][];
/** Statuses of steps in the order of their stored numbers; only grows, to 16. */
const STEP_STATUSES = [
  "open",
  "posted",
  "held",
  "captured",
  "released",
  "reversed",
  "done",
  "refused",
  "pending",
  "expired",
] as const satisfies readonly Step["status"][];

/** What a step holds beyond its fixed fields. */
const STEP_HAS = { transfer: 1, code: 2, ref: 4, transits: 8, firstOwner: 16, otherOwner: 32 } as const;

/** What a transit is; a sum of many legs may be wider than an amount. */
const TRANSIT_IS = { in: 1, long: 2 } as const;

/** What an entry holds beyond its fixed fields; the first seven, which a plain transfer needs, fit one byte. */
const HAS = {
  postedDelta: 1,
  posted: 2,
  firstLeg: 4,
  otherEntry: 8,
  minUnlimited: 16,
  minAmount: 32,
  held: 64,
  heldDelta: 128,
  incomingDelta: 256,
  incoming: 512,
  leg: 1024,
  max: 2048,
  status: 4096,
  counterpartyName: 8192,
  counterpartyEntry: 16384,
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
  /** null = the owner of the first entry's wallet. */
  readonly owner: OwnerName | null;
  readonly transfer: CommandId | null;
  readonly code: string | null;
  readonly ref: string | null;
  /** The step before this one of the same tenant, 0 = none. */
  readonly previousOfTenant: number;
  readonly entries: readonly StepEntry[];
  readonly transits: readonly Transit[];
}

/** What a step's bytes need beyond the step. */
export interface StepHead {
  readonly number: number;
  /** The tenant's number. */
  readonly tenant: number;
  /** The tenant's step before this one, 0 = none. */
  readonly previousOfTenant: number;
}

/** Writes what comes before a step's entries. */
export function writeStepHead(writer: ByteWriter, step: Step, head: StepHead): void {
  const { transfer, code, ref, transits } = step;
  let flags = transits.length === 0 ? 0 : STEP_HAS.transits;
  if (transfer !== null) flags |= STEP_HAS.transfer;
  if (code !== null) flags |= STEP_HAS.code;
  if (ref !== null) flags |= STEP_HAS.ref;
  const owner = ownerFlag(step);
  flags |= owner;
  writer.byte(STEP_KINDS.indexOf(step.kind));
  writer.byte(STEP_OPS.indexOf(step.op) * 16 + STEP_STATUSES.indexOf(step.status));
  writer.byte(flags);
  writer.varint(head.tenant);
  writer.id(step.command);
  if (owner === 0) writer.text(step.owner);
  if (transfer !== null) writer.id(transfer);
  if (code !== null) writer.text(code);
  if (ref !== null) writer.text(ref);
  writer.varint(head.number - head.previousOfTenant);
  writer.varint(step.changes.length);
}

function ownerFlag({ owner, changes }: Step): number {
  const [change] = changes;
  if (change === undefined) return 0;
  if (isOwnedBy(change.wallet.name, owner)) return STEP_HAS.firstOwner;
  const { counterparty } = change;
  const isNamed = changes.length === 1 && counterparty !== null && counterparty !== change.wallet.name;
  return isNamed && isOwnedBy(counterparty, owner) ? STEP_HAS.otherOwner : 0;
}

/** Writes what comes behind a step's entries. */
export function writeStepTransits(writer: ByteWriter, transits: readonly Transit[]): void {
  if (transits.length === 0) return;
  writer.varint(transits.length);
  for (const transit of transits) {
    writer.varint(transit.peer);
    const isShort = isInt64(transit.amount);
    writer.byte((transit.direction === "out" ? 0 : TRANSIT_IS.in) + (isShort ? 0 : TRANSIT_IS.long));
    writer.text(transit.asset);
    if (isShort) writer.amount(transit.amount);
    else writer.integer(transit.amount);
  }
}

/** Changes from which on their wallets are found in a map: 128 of them are compared 16,000 times. */
const CHANGES_MAPPED_MIN = 8;

/** Finds the place of a wallet's change among those of one step. */
export class ChangePlaces {
  readonly changes: readonly WalletChange[];
  readonly #byName: ReadonlyMap<WalletName, number> | null;

  /** @param changes one for each wallet */
  constructor(changes: readonly WalletChange[]) {
    this.changes = changes;
    this.#byName =
      changes.length < CHANGES_MAPPED_MIN
        ? null
        : new Map(changes.map(({ wallet }, index) => [wallet.name, index]));
  }

  /** The place of a wallet's change, or -1. Never throws. */
  of(name: WalletName | null): number {
    if (this.#byName === null) return this.changes.findIndex(({ wallet }) => wallet.name === name);
    return name === null ? -1 : (this.#byName.get(name) ?? -1);
  }
}

/** Where an entry is in its step. */
export interface EntryPlace {
  readonly places: ChangePlaces;
  /** Its place among the step's changes. */
  readonly index: number;
  /** The wallet's step before this one, as a distance; the step's own number when there is none. */
  readonly distance: number;
}

/** Writes the entry of a wallet that has changed already. */
export function writeEntry(writer: ByteWriter, { places, index, distance }: EntryPlace): void {
  const change = places.changes[index];
  assert(change !== undefined, "an entry is one of the step's changes");
  const { wallet, leg } = change;
  const flags = amountFlags(change) | placeFlags(places, index);
  writer.varint(wallet.number);
  writer.varint(flags);
  if (flags & HAS.postedDelta) writer.amount(change.posted);
  if (flags & HAS.posted) writer.amount(wallet.posted);
  if (wallet.min !== "unlimited" && flags & HAS.minAmount) writer.amount(wallet.min);
  if (flags & HAS.held) writer.amount(wallet.held);
  if (flags & HAS.heldDelta) writer.amount(change.held);
  if (flags & HAS.incomingDelta) writer.amount(change.incoming);
  if (flags & HAS.incoming) writer.amount(wallet.incoming);
  if (leg !== null && flags & HAS.leg) writer.varint(leg);
  if (change.max !== undefined) writer.bound(change.max);
  if (change.status !== undefined) writer.byte(WALLET_STATUSES.indexOf(change.status));
  writer.varint(wallet.version);
  writer.varint(distance);
  if (flags & HAS.counterpartyEntry) writer.varint(places.of(change.counterparty));
  if (change.counterparty !== null && flags & HAS.counterpartyName) writer.text(change.counterparty);
}

function amountFlags(change: WalletChange): number {
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
  return flags;
}

function placeFlags(places: ChangePlaces, index: number): number {
  const { changes } = places;
  const change = changes[index];
  assert(change !== undefined, "an entry is one of the step's changes");
  let flags = 0;
  if (change.leg !== null) flags = change.leg === 0 ? HAS.firstLeg : HAS.leg;
  if (change.counterparty === null) return flags;
  if (changes.length === 2 && changes[1 - index]?.wallet.name === change.counterparty)
    return flags | HAS.otherEntry;
  const isEntry = places.of(change.counterparty) >= 0;
  return flags | (isEntry ? HAS.counterpartyEntry : HAS.counterpartyName);
}

/** A step of a run. Errors: `StorageFault("corrupt")`. */
export function stepOf(run: RowRun, number: number): StepRow {
  const body = run.part(number);
  assert(body !== null, "a step has bytes");
  return readStep(number, body, run.placeOf(number));
}

/** Reads a stored step. Errors: `StorageFault("corrupt")`. */
export function readStep(number: number, body: Uint8Array, { position, index, timeMs }: RowPlace): StepRow {
  const reader = new ByteReader(body, `step ${number}`);
  const kind = reader.choice(STEP_KINDS);
  const opAndStatus = reader.byte();
  const op = STEP_OPS[opAndStatus >> 4];
  const status = STEP_STATUSES[opAndStatus & 15];
  if (!op || !status) throw reader.fault("has a value outside its table");
  const flags = reader.byte();
  const step: StepRow = {
    ...{ number, position, index, kind, op, status },
    tenant: reader.varint(),
    timeMs,
    command: reader.id(),
    owner: flags & (STEP_HAS.firstOwner | STEP_HAS.otherOwner) ? null : reader.name<OwnerName>(),
    transfer: flags & STEP_HAS.transfer ? reader.id() : null,
    code: flags & STEP_HAS.code ? reader.text() : null,
    ref: flags & STEP_HAS.ref ? reader.text() : null,
    previousOfTenant: readPrevious(reader, number),
    entries: readEntries(reader, number),
    transits: flags & STEP_HAS.transits ? reader.list(() => readTransit(reader)) : [],
  };
  reader.end();
  return flags & STEP_HAS.otherOwner ? { ...step, owner: otherOwner(step, reader) } : step;
}

/** The owner of the wallet that the first entry names as the other one. */
function otherOwner({ entries }: StepRow, reader: ByteReader): OwnerName {
  const counterparty = entries[0]?.counterparty;
  if (typeof counterparty !== "string") throw reader.fault("has an owner that no entry names");
  return ownerOf(counterparty);
}

function readPrevious(reader: ByteReader, number: number): number {
  const distance = reader.varint();
  if (distance < 1 || distance > number) throw reader.fault("names a step before it that is none");
  return number - distance;
}

function readEntries(reader: ByteReader, number: number): StepEntry[] {
  const entries: StepEntry[] = [];
  const count = reader.varint();
  for (let index = 0; index < count; index += 1) entries.push(readEntry(reader, number, index));
  return entries;
}

function readEntry(reader: ByteReader, number: number, index: number): StepEntry {
  const wallet = reader.varint();
  const flags = reader.varint();
  const amount = (flag: number) => (flags & flag ? reader.amount() : 0n);
  const postedDelta = amount(HAS.postedDelta);
  const posted = amount(HAS.posted);
  const minAmount = amount(HAS.minAmount);
  const held = amount(HAS.held);
  const heldDelta = amount(HAS.heldDelta);
  const incomingDelta = amount(HAS.incomingDelta);
  const incoming = amount(HAS.incoming);
  const laterLeg = flags & HAS.leg ? reader.varint() : null;
  return {
    ...{ wallet, postedDelta, heldDelta, incomingDelta, posted, held, incoming },
    min: flags & HAS.minUnlimited ? "unlimited" : minAmount,
    max: flags & HAS.max ? reader.bound() : null,
    status: flags & HAS.status ? reader.choice(WALLET_STATUSES) : null,
    version: reader.varint(),
    previous: readPrevious(reader, number),
    leg: flags & HAS.firstLeg ? 0 : laterLeg,
    counterparty: readCounterparty(reader, flags, index),
  };
}

function readCounterparty(reader: ByteReader, flags: number, index: number): WalletName | number | null {
  if (flags & HAS.otherEntry) return 1 - index;
  if (flags & HAS.counterpartyEntry) return reader.varint();
  return flags & HAS.counterpartyName ? reader.name<WalletName>() : null;
}

function readTransit(reader: ByteReader): Transit {
  const peer = reader.varint();
  const flags = reader.byte();
  const asset = reader.name<AssetName>();
  const amount = flags & TRANSIT_IS.long ? reader.integer() : reader.amount();
  return { peer, direction: flags & TRANSIT_IS.in ? "in" : "out", asset, amount };
}
