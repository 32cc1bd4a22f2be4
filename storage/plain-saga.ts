// The saga of a transfer of one leg to one other shard that waits for its answer, which nearly every saga is, by what
// sets it apart from others of its kind. As a whole saga it is nine objects of 600 bytes, and lives too long to die
// young: it would be copied twice and fill the old generation. Owns when a saga is such a one; does not own its
// stored form (saga-row).
//
// Invariant: `sagaOfPlain` of what `plainOf` gives is the saga itself.

import type { Reservation, Saga, SagaPeer } from "../actors/ledger.ts";
import type { ItemLeg } from "../protocol/item.ts";

/** What such a saga says. */
export interface PlainSaga extends Pick<Saga, "number" | "tenant" | "owner" | "command" | "code" | "ref"> {
  readonly leg: ItemLeg;
  /** The other shard. */
  readonly shard: number;
}

/** What a saga says if it is plain, else null. Never throws. */
export function plainOf(saga: Saga): PlainSaga | null {
  const [own] = saga.own;
  const [peer] = saga.peers;
  const leg = peer?.legs[0];
  if (own === undefined || peer === undefined || leg === undefined) return null;
  if (!isPlain(saga, own, peer, leg)) return null;
  const { number, tenant, owner, command, code, ref } = saga;
  return { number, tenant, owner, command, code, ref, leg, shard: peer.shard };
}

/** The whole saga. Never throws. */
export function sagaOfPlain({ number, tenant, owner, command, code, ref, leg, shard }: PlainSaga): Saga {
  const { from, to, amount } = leg;
  return {
    number,
    phase: "applying",
    move: "transfer",
    tenant,
    owner,
    command,
    op: "transfer",
    code,
    ref,
    own: [{ wallet: from, debit: amount, credit: 0n, leg: 0, counterparty: to }],
    peers: [{ shard, legs: [leg], vote: "waiting", refusal: null, leg: 0, acknowledged: false }],
    target: null,
    transfer: null,
    amount: 0n,
    final: false,
    assets: [],
  };
}

function isPlain(saga: Saga, own: Reservation, peer: SagaPeer, leg: ItemLeg): boolean {
  return (
    saga.phase === "applying" &&
    saga.move === "transfer" &&
    saga.op === "transfer" &&
    saga.own.length === 1 &&
    saga.peers.length === 1 &&
    saga.target === null &&
    saga.transfer === null &&
    saga.amount === 0n &&
    !saga.final &&
    saga.assets.length === 0 &&
    peer.legs.length === 1 &&
    peer.vote === "waiting" &&
    peer.refusal === null &&
    peer.leg === 0 &&
    !peer.acknowledged &&
    leg.leg === 0 &&
    own.leg === 0 &&
    own.wallet === leg.from &&
    own.counterparty === leg.to &&
    own.debit === leg.amount &&
    own.credit === 0n
  );
}
