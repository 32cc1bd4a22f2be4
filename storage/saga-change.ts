// The stored form of what an answer changes in a saga: its phase, what is known of each other shard, and the assets
// learnt. A move of many legs is told whole once; each of its votes and acknowledgements would tell all its legs again,
// some 4 KiB each, six times a move over four shards.
//
//   4 | phase | other shards, in their order: vote, refusal, leg, acknowledged | assets learnt: wallet, asset
//
// Owns when a change says everything, and making the saga from the one before. Invariant: whether a saga is written as
// a change depends on its values before and after alone, never on where it lies: the state chain has these bytes.

import type { Reservation, Saga, SagaPeer } from "../actors/ledger.ts";
import type { ItemLeg } from "../protocol/item.ts";
import type { AssetName, WalletName } from "../protocol/names.ts";
import { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { readPeerState, SAGA_PHASES, writePeerState } from "./saga-row.ts";

/** First byte of the form. */
const CHANGED = 4;

/** Whether a saga differs from the one before only in what a change says. Usually their parts are the same objects. */
export function isSagaChange(before: Saga, saga: Saga): boolean {
  return (
    before.number === saga.number &&
    before.move === saga.move &&
    before.tenant === saga.tenant &&
    before.owner === saga.owner &&
    before.command === saga.command &&
    before.op === saga.op &&
    before.code === saga.code &&
    before.ref === saga.ref &&
    before.target === saga.target &&
    before.transfer === saga.transfer &&
    before.amount === saga.amount &&
    before.final === saga.final &&
    areEqual(before.own, saga.own, isSameReservation) &&
    areEqual(before.peers, saga.peers, isSamePeer) &&
    before.assets.length <= saga.assets.length &&
    before.assets.every((asset, index) => isSameAsset(asset, saga.assets[index]))
  );
}

/** Writes what changed: {@link isSagaChange} holds. */
export function writeSagaChange(writer: ByteWriter, before: Saga, saga: Saga): void {
  writer.byte(CHANGED);
  writer.byte(SAGA_PHASES.indexOf(saga.phase));
  for (const peer of saga.peers) writePeerState(writer, peer);
  const known = before.assets.length;
  writer.varint(saga.assets.length - known);
  for (let index = known; index < saga.assets.length; index += 1) {
    const [wallet = "", asset = ""] = saga.assets[index] ?? [];
    writer.text(wallet);
    writer.text(asset);
  }
}

/** The saga after a change. Errors: `StorageFault("corrupt")`. */
export function changedSaga(before: Saga, body: Uint8Array): Saga {
  const reader = new ByteReader(body, `change of saga ${before.number}`);
  reader.version(CHANGED);
  const phase = reader.choice(SAGA_PHASES);
  const peers = before.peers.map(({ shard, legs }): SagaPeer => ({ shard, legs, ...readPeerState(reader) }));
  const learnt = reader.list(() => [reader.name<WalletName>(), reader.name<AssetName>()] as const);
  reader.end();
  return { ...before, phase, peers, assets: [...before.assets, ...learnt] };
}

function isSamePeer(before: SagaPeer, peer: SagaPeer): boolean {
  return before.shard === peer.shard && areEqual(before.legs, peer.legs, isSameLeg);
}

function isSameReservation(before: Reservation, own: Reservation): boolean {
  return (
    before.wallet === own.wallet &&
    before.debit === own.debit &&
    before.credit === own.credit &&
    before.leg === own.leg &&
    before.counterparty === own.counterparty
  );
}

function isSameLeg(before: ItemLeg, leg: ItemLeg): boolean {
  return (
    before.leg === leg.leg &&
    before.from === leg.from &&
    before.to === leg.to &&
    before.amount === leg.amount &&
    before.asset === leg.asset
  );
}

function isSameAsset(before: Saga["assets"][number], asset: Saga["assets"][number] | undefined): boolean {
  return before === asset || (before[0] === asset?.[0] && before[1] === asset[1]);
}

function areEqual<Part>(
  before: readonly Part[],
  after: readonly Part[],
  isSame: (one: Part, other: Part) => boolean,
): boolean {
  if (before === after) return true;
  return (
    before.length === after.length &&
    before.every((part, index) => {
      const other = after[index];
      return part === other || (other !== undefined && isSame(part, other));
    })
  );
}
