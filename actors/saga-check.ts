// Placing a hold whose legs touch other shards: they check their wallets and reserve nothing.
//
//   R1 command ─► checking ── last vote, all fit ──► (ended)  hold open, settle held
//                    │ ▲  └── last vote, one does not ─► (ended)  return own reservation, settle refused
//                    │ └───── vote, others missing
//                    └─────── vote timer ─────────► (ended)  return, settle with a known refusal or peer_timeout
//
// Invariants:
// 1. The sources stay reserved from R1 until the hold ends or its placing is refused.
// 2. Other shards keep nothing: the end of a check needs no message. A vote after the end finds no saga and
//    is ignored by the caller.
// 3. The first vote of a shard counts; its timer is cleared by every end but the timer's own.

import { assert } from "../protocol/assert.ts";
import { refusal } from "../protocol/outcome.ts";
import type { Saga } from "./ledger.ts";
import { peerOf, type SagaEvent, type SagaStep, unchanged, votedRefusal, withVote } from "./saga-step.ts";

/** One step of a saga in phase `checking`. Errors: throws on an answer that cannot reach it. */
export function stepCheck(saga: Saga, event: SagaEvent): SagaStep {
  assert(saga.phase === "checking", "a hold that is being placed is checking");
  if (event.kind === "vote_timer") {
    const found = votedRefusal(saga) ?? refusal("peer_timeout");
    return { saga: null, effects: [{ kind: "return" }, { kind: "settle", refusal: found }] };
  }
  assert(event.item.of === "check", "a check is answered by its result");
  const peer = peerOf(saga, event.from);
  if (peer.vote !== "waiting") return unchanged(saga);
  const voted = withVote(saga, peer, event.item);
  if (voted.peers.some(({ vote }) => vote === "waiting")) return { saga: voted, effects: [] };
  const found = votedRefusal(voted);
  return found
    ? {
        saga: null,
        effects: [{ kind: "clear_vote_timer" }, { kind: "return" }, { kind: "settle", refusal: found }],
      }
    : { saga: null, effects: [{ kind: "clear_vote_timer" }, { kind: "settle", refusal: null }] };
}
