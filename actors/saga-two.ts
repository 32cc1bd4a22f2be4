// A move with one other shard (transfer, capture, reverse): that shard decides, the coordinator follows.
//
//   R1 command ─► applying ── result: done ────► (ended)  post own legs, settle
//                    └─────── result: refused ─► (ended)  return own legs, settle refused
//
// Invariants:
// 1. There is no timer and no abort: a numbered item is never withdrawn, so the answer is waited for.
// 2. The own legs post in the record of the answer and in no other (the saga ends with it).
// 3. The answer to an `apply` is the only thing that reaches it; anything else is a bug and throws.

import { assert } from "../protocol/assert.ts";
import type { Saga } from "./ledger.ts";
import { peerOf, type SagaEvent, type SagaStep } from "./saga-step.ts";

/** One step of a saga in phase `applying`. Errors: throws on an event that cannot reach it. */
export function stepTwo(saga: Saga, event: SagaEvent): SagaStep {
  assert(saga.phase === "applying", "a move with one other shard is applying");
  assert(event.kind === "result", "a move with one other shard has no timer");
  assert(event.item.of === "apply", "a move with one other shard is answered once");
  peerOf(saga, event.from);
  const { refusal } = event.item;
  return refusal
    ? { saga: null, effects: [{ kind: "return" }, { kind: "settle", refusal }] }
    : {
        saga: null,
        effects: [
          { kind: "post", settled: true },
          { kind: "settle", refusal: null },
        ],
      };
}
