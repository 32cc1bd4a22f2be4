// Invariants 2, 4 and 1 of one shard's journal, for the deep sweep: every step decodes and sums to zero, numbers
// and places are dense, transits add up to what pairs say, and each wallet's entries are an unbroken chain that
// reproduces its balance.
//
// Memory is bounded by tenants, pairs and assets: wallets are followed one after the other along their own
// chain, and that no entry lies outside a chain follows from counting (entries = sum of versions).

import type { Wallet } from "../actors/wallet.ts";
import { GenerationCache } from "./generation-cache.ts";
import type { ReadOnlyShard } from "./read-only-shard.ts";
import type { StepEntry, StepRow } from "./step-row.ts";
import type { Report } from "./violation.ts";

/** Assets of wallets kept while steps are summed. */
const ASSETS_CACHED = 200_000;

/** Checks all steps. @param entriesExpected sum of all wallets' versions. Cost: about 6 µs a step. */
export function verifySteps(door: ReadOnlyShard, entriesExpected: number, report: Report): void {
  const assetOf = assetLookUp(door);
  const lastOfTenant = new Map<number, number>();
  const transits = new Map<string, bigint>();
  let last: StepRow | undefined;
  let entries = 0;
  for (const step of door.steps()) {
    entries += step.entries.length;
    checkPlace(door, last, step, report);
    checkTenantChain(lastOfTenant, step, report);
    for (const [asset, sum] of sumsOf(step, assetOf)) {
      if (sum !== 0n) report(2, "step_sum_not_zero", `step ${step.number} sums to ${sum} ${asset}`);
    }
    for (const { peer, direction, asset, amount } of step.transits) {
      const key = `${peer} ${direction} ${asset}`;
      transits.set(key, (transits.get(key) ?? 0n) + amount);
    }
    last = step;
  }
  const { lastStep } = door.meta;
  if ((last?.number ?? 0) !== lastStep)
    report(5, "step_numbers", `the last step is ${last?.number}, not ${lastStep}`);
  if (entries !== entriesExpected) {
    report(4, "entries_miscounted", `${entries} entries, but versions add up to ${entriesExpected}`);
  }
  for (const { number, name, lastStep: stored } of door.tenants()) {
    const found = lastOfTenant.get(number) ?? 0;
    if (found !== stored) report(5, "step_chain_of_tenant", `${name}: last step ${found}, not ${stored}`);
  }
  checkTransits(door, transits, report);
}

/** Follows each wallet's entries from the newest to its opening. Cost: about 5 µs an entry. */
export function verifyEntryChains(door: ReadOnlyShard, report: Report): void {
  for (const wallet of door.wallets()) {
    const broken = brokenEntry(door, wallet);
    if (broken) report(4, broken.what, `${wallet.tenant}/${wallet.name}: ${broken.detail}`);
  }
}

function brokenEntry(
  door: ReadOnlyShard,
  wallet: Wallet,
): { what: "entry_chain_broken" | "entry_balance_differs"; detail: string } | undefined {
  let expected: Balance = wallet;
  let number = wallet.lastStep;
  for (let version = wallet.version; version >= 1; version -= 1) {
    const step = number > 0 ? door.step(number) : undefined;
    const entry = step?.entries.find((line) => line.wallet === wallet.number);
    if (!step || !entry)
      return { what: "entry_chain_broken", detail: `version ${version} is not in step ${number}` };
    if (entry.version !== version) {
      return {
        what: "entry_chain_broken",
        detail: `step ${number} has version ${entry.version}, not ${version}`,
      };
    }
    if (entry.previous >= number)
      return { what: "entry_chain_broken", detail: `step ${number} names a later one` };
    if (!isSame(entry, expected)) {
      return { what: "entry_balance_differs", detail: `version ${version} does not lead to what follows it` };
    }
    expected = before(entry);
    number = entry.previous;
  }
  if (number !== 0) return { what: "entry_chain_broken", detail: `step ${number} lies before the opening` };
  if (!isSame({ posted: 0n, held: 0n, incoming: 0n }, expected)) {
    return { what: "entry_balance_differs", detail: "the first entry does not begin at zero" };
  }
  return undefined;
}

interface Balance {
  readonly posted: bigint;
  readonly held: bigint;
  readonly incoming: bigint;
}

function isSame(left: Balance, right: Balance): boolean {
  return left.posted === right.posted && left.held === right.held && left.incoming === right.incoming;
}

function before({ posted, held, incoming, postedDelta, heldDelta, incomingDelta }: StepEntry): Balance {
  return { posted: posted - postedDelta, held: held - heldDelta, incoming: incoming - incomingDelta };
}

function checkPlace(door: ReadOnlyShard, last: StepRow | undefined, step: StepRow, report: Report): void {
  const { number, position, index, timeMs } = step;
  const { meta } = door;
  if (number !== (last?.number ?? 0) + 1)
    report(5, "step_numbers", `step ${number} follows ${last?.number ?? 0}`);
  const isSameRecord = last?.position === position;
  const isPlaced = isSameRecord
    ? index === (last?.index ?? -1) + 1
    : index === 0 && position > (last?.position ?? 0);
  const isTimely = timeMs >= (last?.timeMs ?? 0) && timeMs <= meta.timeMs;
  if (!isPlaced || !isTimely || position > meta.position) {
    report(5, "step_position", `step ${number} is at ${position}:${index}, time ${timeMs}`);
  }
}

function checkTenantChain(lastOfTenant: Map<number, number>, step: StepRow, report: Report): void {
  const last = lastOfTenant.get(step.tenant) ?? 0;
  if (step.previousOfTenant !== last) {
    report(
      5,
      "step_chain_of_tenant",
      `step ${step.number} names ${step.previousOfTenant} before it, not ${last}`,
    );
  }
  lastOfTenant.set(step.tenant, step.number);
}

/** Sum of posted changes + out - in, per asset. */
function sumsOf(step: StepRow, assetOf: (wallet: number) => string): Map<string, bigint> {
  const sums = new Map<string, bigint>();
  const add = (asset: string, amount: bigint) => sums.set(asset, (sums.get(asset) ?? 0n) + amount);
  for (const { wallet, postedDelta } of step.entries) add(assetOf(wallet), postedDelta);
  for (const { asset, amount, direction } of step.transits)
    add(asset, direction === "out" ? amount : -amount);
  return sums;
}

function assetLookUp(door: ReadOnlyShard): (wallet: number) => string {
  const cache = new GenerationCache<number, string>(ASSETS_CACHED);
  return (wallet) => {
    const known = cache.get(wallet);
    if (known !== undefined) return known;
    const asset = door.wallet(wallet)?.asset ?? `of the missing wallet ${wallet}`;
    cache.set(wallet, asset);
    cache.trim();
    return asset;
  };
}

function checkTransits(door: ReadOnlyShard, transits: Map<string, bigint>, report: Report): void {
  for (const { peer, direction, asset, sum } of door.pairMoney()) {
    const key = `${peer} ${direction} ${asset}`;
    const found = transits.get(key) ?? 0n;
    if (found !== sum) report(1, "transit_sum_differs", `${key}: steps sum to ${found}, the pair to ${sum}`);
    transits.delete(key);
  }
  for (const [key, sum] of transits)
    report(1, "transit_sum_differs", `${key}: steps sum to ${sum}, the pair to 0`);
}
