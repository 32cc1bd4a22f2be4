// Invariants 1 and 2 of one shard: sums per asset are zero with the money that moved with items, bounds hold,
// and held and incoming of each wallet are the sums of what is open. Wallets are judged up to date; that rows which
// lag fit the steps that they lag behind (invariant 4) is checked first-hand.

import type { Hold, Reservation } from "../actors/ledger.ts";
import type { Wallet } from "../actors/wallet.ts";
import { assertWallet } from "../actors/wallet-invariant.ts";
import { AssertionFailure } from "../protocol/assert.ts";
import type { TenantName, WalletName } from "../protocol/names.ts";
import type { ReadOnlyShard } from "./read-only-shard.ts";
import { ReservationScratch } from "./reservation-scratch.ts";
import type { Report } from "./violation.ts";

/** What a sweep over the wallets counted. */
export interface WalletCount {
  readonly wallets: number;
  /** Sum of all versions: the number of entries that there must be. */
  readonly entries: number;
  /** Sum of posted per asset. */
  readonly posted: ReadonlyMap<string, bigint>;
}

/** Checks bounds, reservations and sums. Cost: about 5 µs a wallet. */
export function verifyWallets(door: ReadOnlyShard, report: Report): WalletCount {
  using reserved = collectReserved(door, report);
  const posted = new Map<string, bigint>();
  let wallets = 0;
  let entries = 0;
  for (const wallet of door.wallets()) {
    wallets += 1;
    entries += wallet.version;
    if (wallet.number !== wallets) {
      report(4, "wallet_numbers", `wallet ${wallet.number} is the ${wallets}th`);
      wallets = wallet.number;
    }
    posted.set(wallet.asset, (posted.get(wallet.asset) ?? 0n) + wallet.posted);
    checkBounds(wallet, report);
    checkReserved(wallet, reserved, report);
  }
  for (const fault of door.walletFaults()) report(4, "wallet_row_differs", fault);
  const { lastWallet } = door.meta;
  if (wallets !== lastWallet)
    report(4, "wallet_numbers", `${wallets} wallets, the last number is ${lastWallet}`);
  checkSums(door, posted, report);
  return { wallets, entries, posted };
}

/** What every open hold and move has reserved, by wallet. */
function collectReserved(door: ReadOnlyShard, report: Report): ReservationScratch {
  const scratch = new ReservationScratch();
  const add = (
    owner: string,
    key: { tenant: TenantName; name: WalletName },
    held: bigint,
    incoming: bigint,
  ) => {
    const number = door.walletNumber(key.tenant, key.name);
    if (number !== undefined) scratch.add(number, held, incoming);
    else report(2, "reservation_stray", `${owner} reserves ${key.name}, which does not exist`);
  };
  const addAll = (owner: string, tenant: TenantName, reservations: readonly Reservation[]) => {
    for (const { wallet, debit, credit } of reservations) add(owner, { tenant, name: wallet }, debit, credit);
  };
  for (const hold of door.holds()) {
    for (const { from, amount } of heldLegs(hold))
      add(`hold ${hold.number}`, { tenant: hold.tenant, name: from }, amount, 0n);
  }
  for (const saga of door.sagas()) {
    // A hold's placing reserves what the hold holds; a committed move has posted its own legs.
    if (saga.move === "hold" || saga.phase === "committing") continue;
    addAll(`saga ${saga.number}`, saga.tenant, saga.own);
  }
  for (const prepared of door.prepared()) {
    addAll(`prepared move ${prepared.coordinator}/${prepared.saga}`, prepared.tenant, prepared.reserved);
  }
  return scratch;
}

/** What a hold still holds, by leg. */
function heldLegs({ status, legs, left }: Hold): { from: WalletName; amount: bigint }[] {
  if ((status !== "open" && status !== "placing") || left === 0n) return [];
  return legs.map(({ from, amount }) => ({ from, amount: legs.length === 1 ? left : amount }));
}

function checkBounds(wallet: Wallet, report: Report): void {
  try {
    assertWallet(wallet);
  } catch (error) {
    if (!(error instanceof AssertionFailure)) throw error;
    report(2, "bounds_broken", `${wallet.tenant}/${wallet.name}: not true: ${error.message}`);
  }
}

function checkReserved(wallet: Wallet, reserved: ReservationScratch, report: Report): void {
  const { held, incoming } = reserved.sumOf(wallet.number);
  const name = `${wallet.tenant}/${wallet.name}`;
  if (held !== wallet.held) report(2, "held_differs", `${name} has held ${wallet.held}, open are ${held}`);
  if (incoming !== wallet.incoming) {
    report(2, "incoming_differs", `${name} has incoming ${wallet.incoming}, open are ${incoming}`);
  }
}

function checkSums(door: ReadOnlyShard, posted: ReadonlyMap<string, bigint>, report: Report): void {
  const sums = new Map(posted);
  for (const { asset, direction, sum } of door.pairMoney()) {
    sums.set(asset, (sums.get(asset) ?? 0n) + (direction === "out" ? sum : -sum));
  }
  for (const [asset, sum] of sums) {
    if (sum !== 0n) report(1, "sum_not_zero", `${asset}: wallets and moved money sum to ${sum}`);
  }
}
