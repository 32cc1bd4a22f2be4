// Invariant 6 over pairs of shards, and invariant 1 over all shards: items have no gaps and one running hash,
// what was sent up to n is what was applied up to n, and every open move has something under way.
//
// For k→j the cut must show k.acked <= j.applied <= k.sent. While engines run, two snapshots may miss each other
// by a moment: then the pair is inconclusive and the caller takes a new cut.

import type { PairState, Saga } from "../actors/ledger.ts";
import { pairHash, sameBytes } from "../protocol/digest.ts";
import type { Item } from "../protocol/item.ts";
import { countItems, decodeItems } from "../protocol/item-codec.ts";
import type { ReadOnlyShard } from "./read-only-shard.ts";
import type { Report } from "./violation.ts";

/** One direction of a pair, seen from both ends. */
interface Direction {
  readonly sender: ReadOnlyShard;
  readonly receiver: ReadOnlyShard;
  readonly sent: PairState;
  /** What the receiver has applied of it. */
  readonly applied: PairState["applied"];
}

/** Checks the outbox of one shard against its own pairs. @returns items kept */
export function verifyOutbox(door: ReadOnlyShard, report: Report): number {
  let kept = 0;
  for (const { peer, sent, acked } of door.pairs()) {
    let { number, hash } = acked;
    for (const item of door.outbox(peer)) {
      kept += item.items;
      if (item.number !== number + item.items)
        report(6, "pair_gap", `to ${peer}: ${item.items} items up to ${item.number} follow ${number}`);
      const count = countItems(item.body);
      if (!count.ok || count.value !== item.items)
        report(
          6,
          "pair_gap",
          `to ${peer}: the group that ends with ${item.number} has not ${item.items} items`,
        );
      const expected = pairHash(hash, item.number, item.body);
      if (!sameBytes(expected, item.hash)) {
        report(6, "pair_hash_differs", `to ${peer}: item ${item.number} has another running hash`);
      }
      number = item.number;
      hash = item.hash;
    }
    if (number !== sent.number)
      report(6, "pair_gap", `to ${peer}: kept up to ${number}, sent up to ${sent.number}`);
    else if (!sameBytes(hash, sent.hash)) {
      report(6, "pair_hash_differs", `to ${peer}: the hash at ${number} is not the one sent`);
    }
  }
  return kept;
}

/**
 * Checks every pair of which both shards are in the cut.
 * @param isRunning engines were writing while the cut was taken
 * @returns how many directions could not be judged; with `isRunning` false they are violations instead
 */
export function verifyPairs(
  doors: readonly ReadOnlyShard[],
  isRunning: boolean,
  reportOf: (shard: number) => Report,
): number {
  let inconclusive = 0;
  for (const sender of doors) {
    const report = reportOf(sender.meta.shard);
    for (const receiver of doors) {
      if (sender === receiver) continue;
      const there = directionOf(sender, receiver);
      const back = directionOf(receiver, sender);
      const misfit = misfitOf(there);
      if (misfit && isRunning) inconclusive += 1;
      else if (misfit) report(6, "pair_impossible", misfit);
      if (misfit) continue;
      checkHash(there, report);
      checkMoney(there, report);
      if (!misfitOf(back)) checkUnderWay(there, back, report);
    }
  }
  return inconclusive;
}

/** Whether no pair of the cut was caught between two snapshots. Cost: some µs a pair. */
export function isConclusive(doors: readonly ReadOnlyShard[]): boolean {
  return doors.every((sender) =>
    doors.every((receiver) => sender === receiver || misfitOf(directionOf(sender, receiver)) === null),
  );
}

function directionOf(sender: ReadOnlyShard, receiver: ReadOnlyShard): Direction {
  const sent = pairOf(sender, receiver.meta.shard);
  const { applied } = pairOf(receiver, sender.meta.shard);
  return { sender, receiver, sent, applied };
}

function pairOf(door: ReadOnlyShard, peer: number): PairState {
  const none = { number: 0, hash: new Uint8Array(16) };
  return door.pairs().find((pair) => pair.peer === peer) ?? { peer, sent: none, acked: none, applied: none };
}

function misfitOf({ sender, receiver, sent, applied }: Direction): string | null {
  const pair = `${sender.meta.shard} to ${receiver.meta.shard}`;
  if (applied.number > sent.sent.number) {
    return `${pair}: ${applied.number} items were applied, ${sent.sent.number} were sent`;
  }
  if (applied.number < sent.acked.number) {
    return `${pair}: ${sent.acked.number} items were acknowledged, ${applied.number} were applied`;
  }
  return null;
}

function checkHash({ sender, receiver, sent, applied }: Direction, report: Report): void {
  let expected: Uint8Array = sent.acked.hash;
  for (const item of sender.outbox(sent.peer)) {
    if (item.number > applied.number) break;
    expected = item.hash;
  }
  if (sameBytes(expected, applied.hash)) return;
  const { shard } = receiver.meta;
  report(6, "pair_hash_differs", `to ${shard}: the hash at ${applied.number} is another one there`);
}

/** Sent - what is kept beyond applied = applied, per asset. */
function checkMoney({ sender, receiver, sent, applied }: Direction, report: Report): void {
  const sums = new Map<string, bigint>();
  const add = (asset: string, amount: bigint) => sums.set(asset, (sums.get(asset) ?? 0n) + amount);
  for (const { peer, direction, asset, sum } of sender.pairMoney()) {
    if (peer === sent.peer && direction === "out") add(asset, sum);
  }
  for (const { money } of sender.outbox(sent.peer, applied.number)) {
    for (const { asset, amount } of money) add(asset, -amount);
  }
  for (const { peer, direction, asset, sum } of receiver.pairMoney()) {
    if (peer === sender.meta.shard && direction === "in") add(asset, -sum);
  }
  for (const [asset, sum] of sums) {
    const { shard } = receiver.meta;
    if (sum !== 0n)
      report(1, "pair_money_differs", `to ${shard}: ${sum} ${asset} were sent and never applied`);
  }
}

/** Every open move between the two has an item under way, in one direction or the other. */
function checkUnderWay(there: Direction, back: Direction, report: Report): void {
  const asked = sagasUnderWay(there, (item) => item.kind !== "result");
  const answered = sagasUnderWay(back, (item) => item.kind === "result");
  const other = there.receiver.meta.shard;
  for (const saga of there.sender.sagas()) {
    if (waitsFor(saga, other) && !asked.has(saga.number) && !answered.has(saga.number)) {
      report(6, "saga_stranded", `saga ${saga.number} waits for shard ${other}, and nothing is under way`);
    }
  }
  const coordinator = there.sender.meta.shard;
  for (const prepared of there.receiver.prepared()) {
    if (prepared.coordinator !== coordinator || asked.has(prepared.saga)) continue;
    if (there.sender.saga(prepared.saga)) continue;
    const detail = `shard ${other} has prepared ${coordinator}/${prepared.saga}, which has ended`;
    report(6, "saga_stranded", detail);
  }
}

function waitsFor({ phase, peers }: Saga, shard: number): boolean {
  const peer = peers.find((candidate) => candidate.shard === shard);
  if (!peer) return false;
  return phase === "committing" ? !peer.acknowledged : peer.vote === "waiting";
}

/** Sagas named by items that are sent and not applied. */
function sagasUnderWay({ sender, sent, applied }: Direction, counts: (item: Item) => boolean): Set<number> {
  const sagas = new Set<number>();
  for (const { body } of sender.outbox(sent.peer, applied.number)) {
    const items = decodeItems(body);
    if (!items.ok) continue;
    for (const item of items.value) if (counts(item)) sagas.add(item.saga);
  }
  return sagas;
}
