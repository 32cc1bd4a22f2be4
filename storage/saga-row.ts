// The stored forms of a saga and of a prepared move. Owns both layouts and their version; does not own when
// they come and go (saga-table), nor the form of a change (saga-change). Numbers of phases, moves and votes are never given anew, so that a row of an
// older program never reads as another state.

import type { Prepared, Reservation, Saga, SagaPeer } from "../actors/ledger.ts";
import { OPS } from "../protocol/command.ts";
import type { ItemLeg, MoveKind } from "../protocol/item.ts";
import type { AssetName, OwnerName, TenantName, WalletName } from "../protocol/names.ts";
import { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import type { AppendedStep } from "./journal.ts";
import { readRefusal, writeRefusal } from "./outcome-row.ts";
import { type PlainSaga, plainOf, sagaOfPlain } from "./plain-saga.ts";
import { sagaOfStep, type ToldStep, tellsSaga } from "./saga-step-row.ts";

const VERSION = 1;
/** First byte of the short form. */
const PLAIN = 2;
/** First byte of the form that a step tells. */
const TOLD = 3;

// In the order of their stored numbers; they only grow.
/** Phases by their stored numbers. */
export const SAGA_PHASES = [
  "applying",
  "checking",
  "preparing",
  "committing",
] as const satisfies readonly Saga["phase"][];
const SAGA_MOVES = ["transfer", "capture", "reverse", "hold"] as const satisfies readonly Saga["move"][];
const MOVES = ["transfer", "capture", "reverse"] as const satisfies readonly MoveKind[];
const VOTES = ["waiting", "yes", "no"] as const satisfies readonly SagaPeer["vote"][];

/** What answers change in what a coordinator knows of another shard. */
type PeerState = Omit<SagaPeer, "shard" | "legs">;

/**
 * Writes a saga.
 * @param last the step that was appended last in the record, if it is known
 * @returns what the saga says, if it is plain
 */
export function writeSaga(
  writer: ByteWriter,
  saga: Saga,
  last: AppendedStep | null = null,
): PlainSaga | null {
  const plain = plainOf(saga);
  if (plain === null) writeWhole(writer, saga);
  else if (last !== null && tellsSaga(last.step, saga, plain.leg)) {
    writer.byte(TOLD);
    writer.varint(last.number);
    writer.varint(plain.shard);
  } else writePlain(writer, plain);
  return plain;
}

function writeWhole(writer: ByteWriter, saga: Saga): void {
  writer.byte(VERSION);
  writer.byte(SAGA_PHASES.indexOf(saga.phase));
  writer.byte(SAGA_MOVES.indexOf(saga.move));
  writer.text(saga.tenant);
  writer.text(saga.owner);
  writer.id(saga.command);
  writer.byte(OPS.indexOf(saga.op));
  writer.optionalText(saga.code);
  writer.optionalText(saga.ref);
  writer.varint(saga.own.length);
  for (const reservation of saga.own) writeReservation(writer, reservation);
  writer.varint(saga.peers.length);
  for (const peer of saga.peers) writePeer(writer, peer);
  writer.optionalVarint(saga.target);
  writer.optionalId(saga.transfer);
  writer.int64(saga.amount);
  writer.byte(saga.final ? 1 : 0);
  writer.varint(saga.assets.length);
  for (const [wallet, asset] of saga.assets) {
    writer.text(wallet);
    writer.text(asset);
  }
}

/**
 * Reads a stored saga. Errors: `StorageFault("corrupt")`.
 * @param stepAt finds the step that tells a saga; rows of `saga` need none
 */
export function readSaga(
  number: number,
  body: Uint8Array,
  stepAt: (step: number) => ToldStep | undefined = () => undefined,
): Saga {
  const reader = new ByteReader(body, `saga ${number}`);
  if (body[0] === PLAIN) return readPlain(number, reader);
  if (body[0] === TOLD) return readTold(number, reader, stepAt);
  reader.version(VERSION);
  const saga: Saga = {
    number,
    phase: reader.choice(SAGA_PHASES),
    move: reader.choice(SAGA_MOVES),
    tenant: reader.name<TenantName>(),
    owner: reader.name<OwnerName>(),
    command: reader.id(),
    op: reader.choice(OPS),
    code: reader.optionalText(),
    ref: reader.optionalText(),
    own: reader.list(() => readReservation(reader)),
    peers: reader.list(() => readPeer(reader)),
    target: reader.optionalVarint(),
    transfer: reader.optionalId(),
    amount: reader.int64(),
    final: reader.byte() === 1,
    assets: reader.list(() => [reader.name<WalletName>(), reader.name<AssetName>()] as const),
  };
  reader.end();
  return saga;
}

/**
 * Writes the saga of a transfer of one leg to one other shard, which nearly every saga is, in a third of the bytes:
 *
 *   2 | tenant | owner | command | code? | ref? | from | to | amount | asset | other shard
 *
 * and where the step before it says all that but the other shard:
 *
 *   3 | step | other shard
 */
function writePlain(writer: ByteWriter, saga: PlainSaga): void {
  const { tenant, owner, command, code, ref, leg, shard } = saga;
  writer.byte(PLAIN);
  writer.text(tenant);
  writer.text(owner);
  writer.id(command);
  writer.optionalText(code);
  writer.optionalText(ref);
  writer.text(leg.from);
  writer.text(leg.to);
  writer.amount(leg.amount);
  writer.optionalText(leg.asset);
  writer.varint(shard);
}

function readTold(number: number, reader: ByteReader, stepAt: (step: number) => ToldStep | undefined): Saga {
  reader.version(TOLD);
  const step = reader.varint();
  const shard = reader.varint();
  reader.end();
  const told = stepAt(step);
  const saga = told && sagaOfStep(number, told, shard);
  if (!saga) throw reader.fault(`is told by step ${step}, which does not tell it`);
  return saga;
}

function readPlain(number: number, reader: ByteReader): Saga {
  reader.version(PLAIN);
  const tenant = reader.name<TenantName>();
  const owner = reader.name<OwnerName>();
  const command = reader.id();
  const code = reader.optionalText();
  const ref = reader.optionalText();
  const from = reader.name<WalletName>();
  const to = reader.name<WalletName>();
  const amount = reader.amount();
  const asset = reader.optionalName<AssetName>();
  const shard = reader.varint();
  reader.end();
  const leg = { leg: 0, from, to, amount, asset };
  return sagaOfPlain({ number, tenant, owner, command, code, ref, leg, shard });
}

/** Writes a prepared move; coordinator and saga are columns of the row. */
export function writePrepared(writer: ByteWriter, prepared: Prepared): void {
  writer.byte(VERSION);
  writer.byte(MOVES.indexOf(prepared.move));
  writer.text(prepared.tenant);
  writer.text(prepared.owner);
  writer.id(prepared.command);
  writer.optionalId(prepared.transfer);
  writer.optionalText(prepared.code);
  writer.optionalText(prepared.ref);
  writer.varint(prepared.reserved.length);
  for (const reservation of prepared.reserved) writeReservation(writer, reservation);
}

/** Reads a stored prepared move. Errors: `StorageFault("corrupt")`. */
export function readPrepared(body: Uint8Array, key: { coordinator: number; saga: number }): Prepared {
  const reader = new ByteReader(body, `prepared move ${key.coordinator}/${key.saga}`);
  reader.version(VERSION);
  const prepared: Prepared = {
    ...key,
    move: reader.choice(MOVES),
    tenant: reader.name<TenantName>(),
    owner: reader.name<OwnerName>(),
    command: reader.id(),
    transfer: reader.optionalId(),
    code: reader.optionalText(),
    ref: reader.optionalText(),
    reserved: reader.list(() => readReservation(reader)),
  };
  reader.end();
  return prepared;
}

function writeReservation(writer: ByteWriter, reservation: Reservation): void {
  writer.text(reservation.wallet);
  writer.int64(reservation.debit);
  writer.int64(reservation.credit);
  writer.optionalVarint(reservation.leg);
  writer.optionalText(reservation.counterparty);
}

function readReservation(reader: ByteReader): Reservation {
  return {
    wallet: reader.name<WalletName>(),
    debit: reader.int64(),
    credit: reader.int64(),
    leg: reader.optionalVarint(),
    counterparty: reader.optionalName<WalletName>(),
  };
}

function writePeer(writer: ByteWriter, peer: SagaPeer): void {
  writer.varint(peer.shard);
  writePeerState(writer, peer);
  writer.varint(peer.legs.length);
  for (const leg of peer.legs) {
    writer.varint(leg.leg);
    writer.text(leg.from);
    writer.text(leg.to);
    writer.int64(leg.amount);
    writer.optionalText(leg.asset);
  }
}

function readPeer(reader: ByteReader): SagaPeer {
  const shard = reader.varint();
  const state = readPeerState(reader);
  return { shard, ...state, legs: reader.list(() => readItemLeg(reader)) };
}

/** Writes what is known of another shard. */
export function writePeerState(writer: ByteWriter, peer: PeerState): void {
  writer.byte(VOTES.indexOf(peer.vote));
  writeRefusal(writer, peer.refusal);
  writer.varint(peer.leg);
  writer.byte(peer.acknowledged ? 1 : 0);
}

/** Reads what is known of another shard. Errors: `StorageFault("corrupt")`. */
export function readPeerState(reader: ByteReader): PeerState {
  const vote = reader.choice(VOTES);
  const refusal = readRefusal(reader);
  const leg = reader.varint();
  return { vote, refusal, leg, acknowledged: reader.byte() === 1 };
}

function readItemLeg(reader: ByteReader): ItemLeg {
  return {
    leg: reader.varint(),
    from: reader.name<WalletName>(),
    to: reader.name<WalletName>(),
    amount: reader.int64(),
    asset: reader.optionalName<AssetName>(),
  };
}
