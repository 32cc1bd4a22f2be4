// Applies a peer frame: the acknowledgement of our items, then the peer's items that are new, in number order.
//
//   before ── group ── group ── group        up to `applied`: skipped, the running hash must meet ours there
//                      applied ▲   ▲ new     from applied + 1: items applied, each group marked with its hash
//
// Frames are cut when they are sent, at ends of groups, so duplicates, overlaps and late frames are ordinary. One
// that starts after applied + 1 is dropped and answered; the sender sends again. Only proof of divergence halts
// the shard: an acknowledgement or a hash that does not fit, items that are gone for good, a group that does not
// decode, or one that ends elsewhere than it did before.

import { assert } from "../protocol/assert.ts";
import { pairHash, sameBytes } from "../protocol/digest.ts";
import type { Item, ResultItem } from "../protocol/item.ts";
import { countItems, decodeItems } from "../protocol/item-codec.ts";
import type { PairMark, PeerFrame } from "../protocol/peer-frame.ts";
import type { Applying } from "./applying.ts";
import type { Ledger } from "./ledger.ts";
import { applyDecision, applyMoveItem } from "./participant-run.ts";
import { runSaga } from "./saga-run.ts";
import { ShardHalt } from "./shard-record.ts";

/**
 * Applies a frame that was checked to be for this shard.
 * Errors: throws `ShardHalt` `pair_diverged` or `unknown_version`; otherwise bugs and the ledger's.
 */
export function applyFrame(applying: Applying, frame: PeerFrame): void {
  const { ledger, progress, answers } = applying;
  progress.unit = { kind: "completion", of: "frame", number: 0 };
  if (!ledger.acknowledge(frame.from, frame.acked)) {
    throw diverged(frame, `its acknowledgement of item ${frame.acked.number} does not fit`);
  }
  const { applied } = ledger.pair(frame.from);
  if (frame.before.number > applied.number) {
    if (applied.number + 1 < frame.lowestKept) {
      throw diverged(frame, `items from ${applied.number + 1} to ${frame.lowestKept - 1} are gone`);
    }
    if (frame.groups.length > 0) answers.resend.push(frame.from);
    return;
  }
  applyGroups(applying, frame, applied);
}

function applyGroups(applying: Applying, frame: PeerFrame, applied: PairMark): void {
  let { number, hash } = frame.before;
  if (number === applied.number) requireHash(frame, hash, applied);
  for (const group of frame.groups) {
    const first = number + 1;
    number += countOf(frame, first, group);
    hash = pairHash(hash, number, group);
    if (number === applied.number) requireHash(frame, hash, applied);
    if (number <= applied.number) continue;
    if (first <= applied.number) throw diverged(frame, `item ${applied.number} ends no group`);
    applyGroup(applying, frame, first, group);
    applying.ledger.markApplied(frame.from, { number, hash });
  }
}

function countOf(frame: PeerFrame, first: number, group: Uint8Array): number {
  const count = countItems(group);
  if (!count.ok) throw diverged(frame, `the group of item ${first} does not decode`);
  return count.value;
}

function requireHash(frame: PeerFrame, hash: Uint8Array, applied: PairMark): void {
  if (!sameBytes(hash, applied.hash)) throw diverged(frame, `the hash at item ${applied.number} differs`);
}

function applyGroup(applying: Applying, frame: PeerFrame, first: number, group: Uint8Array): void {
  const items = decodeItems(group);
  if (!items.ok) {
    if (items.error !== "unknown_version")
      throw diverged(frame, `the group of item ${first} does not decode`);
    throw new ShardHalt("unknown_version", `item ${first} of shard ${frame.from} was written by newer code`);
  }
  let number = first;
  for (const item of items.value) {
    applyItem(applying, frame.from, number, item);
    number += 1;
  }
}

function applyItem(
  { ledger, progress, quarantined, answers }: Applying,
  from: number,
  number: number,
  item: Item,
): void {
  if ("legs" in item) {
    progress.unit = { kind: "item", number };
    const skipped =
      quarantined.length > 0 && quarantined.some((unit) => unit.kind === "item" && unit.number === number);
    applyMoveItem(ledger, { from, item, quarantined: skipped });
    return;
  }
  progress.unit = { kind: "completion", of: item.kind, number };
  if (item.kind !== "result") {
    applyDecision(ledger, from, item);
    return;
  }
  const settled = applyResult(ledger, from, item);
  if (settled) answers.settled.push(settled);
}

/** Votes for a saga that has ended are late, and ignored; other answers always find theirs. */
function applyResult(ledger: Ledger, from: number, item: ResultItem): ReturnType<typeof runSaga> {
  const saga = ledger.saga(item.saga);
  if (saga) return runSaga(ledger, saga, { kind: "result", from, item });
  assert(item.of === "check" || item.of === "prepare", "the answer to an apply or a commit finds its saga");
  return null;
}

function diverged(frame: PeerFrame, what: string): ShardHalt {
  return new ShardHalt("pair_diverged", `pair ${frame.from} to ${frame.to}: ${what}`);
}
