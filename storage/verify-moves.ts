// Invariant 6 within one shard: open holds, sagas, prepared moves and timers fit each other, so that each can
// end, and end once.

import type { Hold, Saga } from "../actors/ledger.ts";
import type { ReadOnlyShard, StoredTimer } from "./read-only-shard.ts";
import type { Report } from "./violation.ts";

/** What is open in a shard. */
export interface OpenCount {
  readonly holds: number;
  readonly sagas: number;
  readonly prepared: number;
}

/** Checks holds, sagas, prepared moves and timers. Cost: about 10 µs each. */
export function verifyMoves(door: ReadOnlyShard, report: Report): OpenCount {
  let holds = 0;
  let sagas = 0;
  let prepared = 0;
  for (const hold of door.holds()) {
    checkHold(door, hold, report);
    if (hold.status === "open" || hold.status === "placing") holds += 1;
  }
  for (const saga of door.sagas()) {
    checkSaga(door, saga, report);
    sagas += 1;
  }
  for (const { coordinator, saga } of door.prepared()) {
    const { shard, shards } = door.meta;
    if (coordinator === shard || coordinator >= shards) {
      report(6, "prepared_impossible", `prepared move ${coordinator}/${saga} has no other coordinator`);
    }
    prepared += 1;
  }
  for (const timer of door.timers()) checkTimer(door, timer, report);
  return { holds, sagas, prepared };
}

function checkHold(door: ReadOnlyShard, hold: Hold, report: Report): void {
  const { number, status, left, captured, reversed, legs } = hold;
  const wrong = (detail: string) => report(6, "hold_impossible", `hold ${number} (${status}) ${detail}`);
  const whole = legs.length === 1 ? (legs[0]?.amount ?? 0n) : 1n;
  const isOpen = status === "open" || status === "placing";
  if (left < 0n || captured < 0n || reversed < 0n) wrong("has negative units");
  if (left + captured > whole) wrong(`holds ${left} and has captured ${captured} of ${whole}`);
  if (reversed > captured) wrong(`has reversed ${reversed} of ${captured}`);
  if (!isOpen && left !== 0n) wrong(`has ended and holds ${left}`);
  if (status === "open" && !door.hasTimer("expire", number)) {
    report(6, "timer_missing", `hold ${number} is open and never expires`);
  }
  const saga = door.saga(number);
  if ((status === "placing") !== (saga?.move === "hold")) wrong("does not fit its saga");
  if (door.isOpen(number) !== (status === "placing")) wrong("does not fit its command");
}

function checkSaga(door: ReadOnlyShard, saga: Saga, report: Report): void {
  const { number, phase, move, peers, target } = saga;
  const { shard, shards } = door.meta;
  const wrong = (detail: string) =>
    report(6, "saga_impossible", `saga ${number} (${move}, ${phase}) ${detail}`);
  if (door.isOpen(number) !== true) wrong("belongs to no open command");
  if (peers.length === 0) wrong("has no other shard");
  if (phase === "applying" && peers.length !== 1) wrong("waits for more than one shard's decision");
  if ((phase === "checking") !== (move === "hold")) wrong("is in a phase of another kind of move");
  for (const peer of peers) {
    if (peer.shard === shard || peer.shard >= shards) wrong(`names shard ${peer.shard}`);
    if (phase === "committing" && peer.vote !== "yes")
      wrong(`commits although shard ${peer.shard} said ${peer.vote}`);
  }
  const isVoting = phase === "checking" || phase === "preparing";
  if (isVoting && !door.hasTimer("vote", number)) {
    report(6, "timer_missing", `saga ${number} waits for votes for ever`);
  }
  if (move === "capture" && (target === null || !door.hold(target))) wrong("captures no hold");
}

function checkTimer(door: ReadOnlyShard, { id, kind, target, dueMs }: StoredTimer, report: Report): void {
  if (kind === "expire") {
    const hold = door.hold(target);
    if (hold?.status !== "open" || hold.expiresMs !== dueMs) {
      report(6, "timer_stray", `timer ${id} fits no open hold ${target}`);
    }
    return;
  }
  const phase = door.saga(target)?.phase;
  if (phase !== "checking" && phase !== "preparing") {
    report(6, "timer_stray", `timer ${id} fits no voting saga ${target}`);
  }
}
