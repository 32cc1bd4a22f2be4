// The invariants of money that anybody can check from outside: over all wallets the posted amounts of an asset add up
// to zero at any time, and when nothing is under way what wallets have reserved is what open holds say.
import assert from "node:assert/strict";
import type { WalletJson } from "./json-shape.ts";
import type { OutsideCaller } from "./outside-caller.ts";

const QUIET_MS_MAX = 30_000;

/** Fails unless every asset sums to zero and, within a bounded time, nothing but open holds is reserved. */
export async function assertQuiet(caller: OutsideCaller): Promise<void> {
  const deadline = AbortSignal.timeout(QUIET_MS_MAX);
  for (;;) {
    const stray = await strayAmounts(caller);
    if (stray.length === 0) return;
    assert(!deadline.aborted, `not quiet: ${stray.join(", ")}`);
  }
}

async function strayAmounts(caller: OutsideCaller): Promise<string[]> {
  const stray: string[] = [];
  const sums = new Map<string, bigint>();
  for (const owner of caller.owners) {
    const wallets = await caller.wallets(owner);
    const reserved = await openHolds(caller, owner);
    for (const { wallet, asset, posted, held, incoming } of wallets) {
      sums.set(asset, (sums.get(asset) ?? 0n) + BigInt(posted));
      if (incoming !== "0") stray.push(`${wallet} incoming ${incoming}`);
      if (BigInt(held) !== (reserved.get(wallet) ?? 0n)) stray.push(`${wallet} held ${held}`);
    }
    for (const wallet of wallets) assertBounds(wallet);
  }
  for (const [asset, sum] of sums) if (sum !== 0n) stray.push(`${asset} sums to ${sum}`);
  return stray;
}

async function openHolds(caller: OutsideCaller, owner: string): Promise<Map<string, bigint>> {
  const reserved = new Map<string, bigint>();
  let cursor: string | undefined;
  do {
    const page = await caller.holds(owner, cursor === undefined ? {} : { cursor });
    for (const { status, legs } of page.rows) {
      if (status !== "open") continue;
      for (const { from, remaining } of legs) {
        reserved.set(from, (reserved.get(from) ?? 0n) + BigInt(remaining));
      }
    }
    cursor = page.next;
  } while (cursor !== undefined);
  return reserved;
}

/** `available` = posted - held - min; nothing lies outside min and max. */
function assertBounds({ wallet, posted, held, incoming, available, min, max }: WalletJson): void {
  const lowest = BigInt(posted) - BigInt(held);
  const expected = min === "unlimited" ? min : (lowest - BigInt(min)).toString();
  assert.equal(available, expected, `available of ${wallet}`);
  assert(min === "unlimited" || lowest >= BigInt(min), `${wallet} is below its min`);
  assert(
    max === "unlimited" || BigInt(posted) + BigInt(incoming) <= BigInt(max),
    `${wallet} is above its max`,
  );
}
