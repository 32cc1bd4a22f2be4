// What the saga machines have in common: the events that reach a coordinator and the effects that a step asks
// for. Machines are pure: a step reads a saga and an event and returns the next saga and effects as data, in
// the order in which `saga-run` carries them out. `saga: null` = it has ended and is forgotten.

import { assert } from "../protocol/assert.ts";
import type { ResultItem } from "../protocol/item.ts";
import { precedenceOf, type Refusal } from "../protocol/outcome.ts";
import type { Saga, SagaPeer } from "./ledger.ts";

/** What reaches a coordinator: another shard's answer, or the vote timer. */
export type SagaEvent =
  | { readonly kind: "result"; readonly from: number; readonly item: ResultItem }
  | { readonly kind: "vote_timer" };

/** What a step asks for. */
export type SagaEffect =
  /** The own reservations become posted; `settled` = the command settles in this record. */
  | { readonly kind: "post"; readonly settled: boolean }
  /** The own reservations are given back. */
  | { readonly kind: "return" }
  | { readonly kind: "send"; readonly item: "commit" | "abort"; readonly shard: number }
  | { readonly kind: "clear_vote_timer" }
  /** The command's outcome: a success, or the refusal. */
  | { readonly kind: "settle"; readonly refusal: Refusal | null };

/** The next saga and what to do. */
export interface SagaStep {
  readonly saga: Saga | null;
  readonly effects: readonly SagaEffect[];
}

/** Nothing changes. */
export function unchanged(saga: Saga): SagaStep {
  return { saga, effects: [] };
}

/** The peer that an answer came from. Errors: throws when the saga has no such peer. */
export function peerOf(saga: Saga, from: number): SagaPeer {
  const peer = saga.peers.find(({ shard }) => shard === from);
  assert(peer !== undefined, "an answer comes from a shard of the saga");
  return peer;
}

/** The saga with one peer's vote and the assets that it names. The first vote counts. Never throws. */
export function withVote(saga: Saga, peer: SagaPeer, item: ResultItem): Saga {
  const voted: SagaPeer = {
    ...peer,
    vote: item.refusal ? "no" : "yes",
    refusal: item.refusal,
    leg: item.leg,
  };
  const peers = saga.peers.map((other) => (other === peer ? voted : other));
  return { ...saga, peers, assets: [...saga.assets, ...item.assets] };
}

/** The refusal of the lowest refused leg among the votes; of one leg's two the first in the precedence. */
export function votedRefusal(saga: Saga): Refusal | null {
  let lowest: SagaPeer | null = null;
  for (const peer of saga.peers) {
    if (peer.refusal && (!lowest || comesBefore(peer, lowest))) lowest = peer;
  }
  return lowest?.refusal ?? null;
}

function comesBefore(peer: SagaPeer, other: SagaPeer): boolean {
  if (peer.leg !== other.leg || !peer.refusal || !other.refusal) return peer.leg < other.leg;
  return precedenceOf(peer.refusal.code) < precedenceOf(other.refusal.code);
}
