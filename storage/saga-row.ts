// The stored forms of a saga and of a prepared move. Owns both layouts and their version; does not own when
// they come and go (saga-table). Numbers of phases, moves and votes are never given anew, so that a row of an
// older program never reads as another state.

import type { Prepared, Reservation, Saga, SagaPeer } from "../actors/ledger.ts";
import { OPS } from "../protocol/command.ts";
import type { ItemLeg, MoveKind } from "../protocol/item.ts";
import type { AssetName, OwnerName, TenantName, WalletName } from "../protocol/names.ts";
import { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { readRefusal, writeRefusal } from "./outcome-row.ts";

const VERSION = 1;

// In the order of their stored numbers; they only grow.
const PHASES = [
  "applying",
  "checking",
  "preparing",
  "committing",
] as const satisfies readonly Saga["phase"][];
const SAGA_MOVES = ["transfer", "capture", "reverse", "hold"] as const satisfies readonly Saga["move"][];
const MOVES = ["transfer", "capture", "reverse"] as const satisfies readonly MoveKind[];
const VOTES = ["waiting", "yes", "no"] as const satisfies readonly SagaPeer["vote"][];

/** Writes a saga. */
export function writeSaga(writer: ByteWriter, saga: Saga): void {
  writer.byte(VERSION);
  writer.byte(PHASES.indexOf(saga.phase));
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

/** Reads a stored saga. Errors: `StorageFault("corrupt")`. */
export function readSaga(number: number, body: Uint8Array): Saga {
  const reader = new ByteReader(body, `saga ${number}`);
  reader.version(VERSION);
  const saga: Saga = {
    number,
    phase: reader.choice(PHASES),
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
  writer.byte(VOTES.indexOf(peer.vote));
  writeRefusal(writer, peer.refusal);
  writer.varint(peer.leg);
  writer.byte(peer.acknowledged ? 1 : 0);
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
  const vote = reader.choice(VOTES);
  const refusal = readRefusal(reader);
  const leg = reader.varint();
  const acknowledged = reader.byte() === 1;
  return { shard, vote, refusal, leg, acknowledged, legs: reader.list(() => readItemLeg(reader)) };
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
