// A move with several other shards (transfer, capture, reverse): two phases.
//
//   R1 command ─► preparing ── last vote, all yes ─► committing ── last commit result ─► (ended)  settle
//                   │ ▲  │     post own legs, commit to all  │ ▲
//                   │ └──┘ vote, others missing              └─┘ commit result, others missing
//                   ├───── last vote, one no, or assets differ ─► (ended)  return own legs, abort, settle refused
//                   └───── vote timer ──────────────────────────► (ended)  the same, or peer_timeout
//
// Invariants:
// 1. The decision falls once, in the record that brings the last vote or fires the timer: `committing` never
//    goes back, and an aborted saga is forgotten, so later votes find nothing and are ignored by the caller.
// 2. Commit only when every other shard has reserved and both assets of every leg are known and equal.
// 3. Abort goes to every shard that may have reserved: all that have not refused, those without a vote too
//    (items are never overtaken, so the abort arrives after its prepare).
// 4. A commit is never refused; an answer that says so is a bug and throws.

import { assert } from "../protocol/assert.ts";
import type { AssetName, WalletName } from "../protocol/names.ts";
import { type Refusal, refusal } from "../protocol/outcome.ts";
import type { Saga } from "./ledger.ts";
import {
  peerOf,
  type SagaEffect,
  type SagaEvent,
  type SagaStep,
  unchanged,
  votedRefusal,
  withVote,
} from "./saga-step.ts";

/** One step of a saga in phase `preparing` or `committing`. Errors: throws on an event that cannot reach it. */
export function stepMany(saga: Saga, event: SagaEvent): SagaStep {
  if (saga.phase === "committing") return onCommitted(saga, event);
  assert(saga.phase === "preparing", "a move with several other shards prepares, then commits");
  if (event.kind === "vote_timer") {
    return abort(saga, votedRefusal(saga) ?? assetRefusal(saga) ?? refusal("peer_timeout"), []);
  }
  assert(event.item.of === "prepare", "before the decision only votes arrive");
  const peer = peerOf(saga, event.from);
  if (peer.vote !== "waiting") return unchanged(saga);
  const voted = withVote(saga, peer, event.item);
  if (voted.peers.some(({ vote }) => vote === "waiting")) return { saga: voted, effects: [] };
  const found = votedRefusal(voted) ?? assetRefusal(voted);
  return found ? abort(voted, found, [{ kind: "clear_vote_timer" }]) : commit(voted);
}

function commit(saga: Saga): SagaStep {
  const commits = saga.peers.map(({ shard }): SagaEffect => ({ kind: "send", item: "commit", shard }));
  return {
    saga: { ...saga, phase: "committing" },
    effects: [{ kind: "clear_vote_timer" }, { kind: "post", settled: false }, ...commits],
  };
}

function abort(saga: Saga, found: Refusal, before: readonly SagaEffect[]): SagaStep {
  const reserved = saga.peers.filter(({ vote }) => vote !== "no");
  const aborts = reserved.map(({ shard }): SagaEffect => ({ kind: "send", item: "abort", shard }));
  const effects: SagaEffect[] = [
    ...before,
    { kind: "return" },
    ...aborts,
    { kind: "settle", refusal: found },
  ];
  return { saga: null, effects };
}

function onCommitted(saga: Saga, event: SagaEvent): SagaStep {
  assert(event.kind === "result", "a decided saga has no timer");
  assert(event.item.of === "commit", "after the decision only commit results arrive");
  assert(event.item.refusal === null, "a commit is never refused");
  const peer = peerOf(saga, event.from);
  assert(!peer.acknowledged, "a commit is answered once");
  const peers = saga.peers.map((other) => (other === peer ? { ...peer, acknowledged: true } : other));
  if (peers.some(({ acknowledged }) => !acknowledged)) return { saga: { ...saga, peers }, effects: [] };
  return { saga: null, effects: [{ kind: "settle", refusal: null }] };
}

/** The assets of wallets, as far as the saga has learnt them. Never throws. */
export function learntAssets(saga: Saga): ReadonlyMap<WalletName, AssetName> {
  return new Map(saga.assets);
}

/** Legs between two other shards are compared here: neither of the two sees both wallets. */
function assetRefusal(saga: Saga): Refusal | null {
  const learnt = learntAssets(saga);
  let lowest: { leg: number; to: WalletName } | null = null;
  for (const { legs } of saga.peers) {
    for (const { leg, from, to, asset } of legs) {
      if (asset !== null || (lowest && lowest.leg <= leg)) continue;
      const paid = learnt.get(from);
      const received = learnt.get(to);
      if (paid !== undefined && received !== undefined && paid !== received) lowest = { leg, to };
    }
  }
  return lowest && refusal("asset_mismatch", lowest.to);
}
