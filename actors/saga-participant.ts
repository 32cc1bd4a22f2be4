// The other side of a move: what a shard does with the items of a coordinator. It decides with the same
// judging as a transfer of its own, answers at once, and never waits.
//
//   none ── apply, fits ────► none      move now, answer done          ── apply, refused ─► none  answer refused
//   none ── check, fits ────► none      answer fits                    ── check, refused ─► none  answer refused
//   none ── prepare, fits ──► prepared  reserve, answer yes            ── prepare, refused ► none  answer no
//   prepared ── commit ─────► none      post what was reserved, answer done
//   prepared ── abort ──────► none      give back what was reserved, no answer
//   none ── abort ──────────► none      nothing: this shard refused, or the prepare was quarantined
//
// Invariants:
// 1. What was reserved always completes: commit and abort judge nothing.
// 2. A shard that has voted yes waits for the coordinator for ever; it never presumes an abort.
// 3. A commit for what is not prepared carries money that nothing receives: it throws and halts the shard.

import { assert } from "../protocol/assert.ts";

/** Whether this shard holds a reservation for the saga. */
export type ParticipantState = "none" | "prepared";

/** An item, and for those that are judged what the judging came to. */
export type ParticipantEvent =
  | { readonly item: "apply" | "check" | "prepare"; readonly fits: boolean }
  | { readonly item: "commit" | "abort" };

/** What a step asks for, in this order. */
export type ParticipantEffect = "move" | "reserve" | "post" | "return" | "answer";

/** The next state and what to do. */
export interface ParticipantStep {
  readonly state: ParticipantState;
  readonly effects: readonly ParticipantEffect[];
}

/** One step. Errors: throws on an item that cannot reach the state. */
export function stepParticipant(state: ParticipantState, event: ParticipantEvent): ParticipantStep {
  if ("fits" in event) return onMove(state, event);
  if (event.item === "abort") return { state: "none", effects: state === "prepared" ? ["return"] : [] };
  assert(state === "prepared", "only what is prepared is committed");
  return { state: "none", effects: ["post", "answer"] };
}

function onMove(
  state: ParticipantState,
  event: Extract<ParticipantEvent, { fits: boolean }>,
): ParticipantStep {
  assert(state === "none", "a saga asks a shard once");
  if (!event.fits || event.item === "check") return { state: "none", effects: ["answer"] };
  if (event.item === "apply") return { state: "none", effects: ["move", "answer"] };
  return { state: "prepared", effects: ["reserve", "answer"] };
}
