// Judges the legs of a move against the wallets of this shard: local transfers, holds, captures, reverses and
// what other shards ask for all come through here, so that an outcome does not depend on placement.
//
// Order: of all codes that apply anywhere in the move the first in the precedence is returned; of several
// places with that code the first in the order of the legs, `from` before `to`. Every check is made against
// the state before the move. A refusal is a value, never a throw.

import type { Leg, TransferCommand } from "../protocol/command.ts";
import { INT64_MAX, INT64_MIN } from "../protocol/money.ts";
import type { AssetName } from "../protocol/names.ts";
import { precedenceOf, type Refusal, type RefusalCode, refusal } from "../protocol/outcome.ts";
import type { MoveTally, TalliedLeg, WalletTally } from "./move-tally.ts";
import type { Wallet } from "./wallet.ts";

/** A refusal and the leg that caused it, 0-based in the command. */
export interface RefusedLeg {
  readonly refusal: Refusal;
  readonly leg: number;
}

/** What is judged besides the legs. */
export interface JudgeRules {
  /** `false` for captures: what a hold has reserved is never refused, only where it goes. */
  readonly debits: boolean;
  /** Expected versions of wallets of this shard. */
  readonly ifVersion: TransferCommand["ifVersion"];
}

/** The rules of a move without expected versions. */
export const PLAIN_RULES: JudgeRules = { debits: true, ifVersion: null };
/** The rules of a capture. */
export const CAPTURE_RULES: JudgeRules = { debits: false, ifVersion: null };

/** Judges one leg between two wallets of this shard: {@link judgeMove} without its sums. Never throws. */
export function judgeLeg(
  from: Wallet | undefined,
  to: Wallet | undefined,
  leg: Leg,
  ifVersion: TransferCommand["ifVersion"],
): Refusal | null {
  if (!from) return refusal("wallet_not_found", leg.from);
  if (!to) return refusal("wallet_not_found", leg.to);
  if (from.asset !== to.asset) return refusal("asset_mismatch", leg.to);

  if (from.status === "closed") return refusal("wallet_closed", leg.from);
  if (to.status === "closed") return refusal("wallet_closed", leg.to);
  if (from.status === "frozen") return refusal("wallet_frozen", leg.from);
  if (to.status === "frozen") return refusal("wallet_frozen", leg.to);

  if (ifVersion && !hasVersion(from, ifVersion)) return refusal("version_mismatch", leg.from);
  if (ifVersion && !hasVersion(to, ifVersion)) return refusal("version_mismatch", leg.to);

  // Adding nothing would make a new number.
  const { held } = from;
  const { incoming } = to;
  const lowest = (held === 0n ? from.posted : from.posted - held) - leg.amount;
  const highest = (incoming === 0n ? to.posted : to.posted + incoming) + leg.amount;
  if (lowest < INT64_MIN || (held !== 0n && held + leg.amount > INT64_MAX))
    return refusal("overflow", leg.from);
  if (highest > INT64_MAX || (incoming !== 0n && incoming + leg.amount > INT64_MAX))
    return refusal("overflow", leg.to);
  if (to.max !== "unlimited" && highest > to.max) return refusal("max_exceeded", leg.to);
  if (from.min !== "unlimited" && lowest < from.min) return refusal("insufficient_funds", leg.from);
  return null;
}

/** One side of a leg: the wallet that pays or the one that receives. */
export interface LegSide {
  readonly leg: Leg;
  /** The leg's asset where it is known. */
  readonly asset: AssetName | null;
  readonly pays: boolean;
}

/** Judges the side of one leg that is here: {@link judgeMove} without its sums and expected versions. Never throws. */
export function judgeSide(wallet: Wallet | undefined, { leg, asset, pays }: LegSide): Refusal | null {
  const name = pays ? leg.from : leg.to;
  if (!wallet) return refusal("wallet_not_found", name);
  if (asset !== null && asset !== wallet.asset) return refusal("asset_mismatch", leg.to);
  if (wallet.status === "closed") return refusal("wallet_closed", name);
  if (wallet.status === "frozen") return refusal("wallet_frozen", name);
  const code = judgeBounds(wallet, pays ? leg.amount : 0n, pays ? 0n : leg.amount);
  return code && refusal(code, name);
}

/** Judges all that this shard can see of a move. Cost: linear in the legs. Never throws. */
export function judgeMove(move: MoveTally, rules: JudgeRules): RefusedLeg | null {
  let first: RefusedLeg | null = null;
  for (const leg of move.legs) {
    first = earlier(first, leg.from && judgePresence(leg.from), leg.leg.leg);
    first = earlier(first, leg.to && judgePresence(leg.to), leg.leg.leg);
    first = earlier(first, isAssetMismatch(leg) ? refusal("asset_mismatch", leg.leg.to) : null, leg.leg.leg);
  }
  for (const tally of move.wallets) {
    first = earlier(first, judgeWallet(tally, rules), tally.leg);
  }
  return first;
}

/** Of equal codes the one noted first stays, and tallies and legs come in the order of the legs. */
function earlier(first: RefusedLeg | null, found: Refusal | null, leg: number): RefusedLeg | null {
  if (!found) return first;
  if (first && precedenceOf(first.refusal.code) <= precedenceOf(found.code)) return first;
  return { refusal: found, leg };
}

function judgePresence(tally: WalletTally): Refusal | null {
  return tally.wallet ? null : refusal("wallet_not_found", tally.name);
}

function isAssetMismatch({ leg, from, to }: TalliedLeg): boolean {
  const paid: AssetName | null = from?.wallet?.asset ?? leg.asset;
  const received: AssetName | null = to?.wallet?.asset ?? leg.asset;
  return paid !== null && received !== null && paid !== received;
}

/** The first code that one wallet's status, version or bounds give. */
function judgeWallet(tally: WalletTally, rules: JudgeRules): Refusal | null {
  const { wallet, name, credit } = tally;
  if (!wallet) return null;
  const debit = rules.debits ? tally.debit : 0n;
  if (debit === 0n && credit === 0n) return null;
  if (wallet.status === "closed") return refusal("wallet_closed", name);
  if (wallet.status === "frozen") return refusal("wallet_frozen", name);
  if (rules.ifVersion && !hasVersion(wallet, rules.ifVersion)) return refusal("version_mismatch", name);
  const code = judgeBounds(wallet, debit, credit);
  return code && refusal(code, name);
}

/**
 * Whether a wallet has room for sums of debits and credits, wider than int64; a side without any is not judged.
 * What would not fit when it is reserved is refused also where nothing is: the outcome does not depend on placement.
 */
function judgeBounds(wallet: Wallet, debit: bigint, credit: bigint): RefusalCode | null {
  const { held, incoming, min, max } = wallet;
  // Adding nothing would make a new number.
  const lowest = debit === 0n ? null : (held === 0n ? wallet.posted : wallet.posted - held) - debit;
  const highest =
    credit === 0n ? null : (incoming === 0n ? wallet.posted : wallet.posted + incoming) + credit;
  if (lowest !== null && (lowest < INT64_MIN || held + debit > INT64_MAX)) return "overflow";
  if (highest !== null && (highest > INT64_MAX || incoming + credit > INT64_MAX)) return "overflow";
  if (highest !== null && max !== "unlimited" && highest > max) return "max_exceeded";
  if (lowest !== null && min !== "unlimited" && lowest < min) return "insufficient_funds";
  return null;
}

function hasVersion(wallet: Wallet, ifVersion: NonNullable<TransferCommand["ifVersion"]>): boolean {
  const expected = ifVersion.find(([name]) => name === wallet.name);
  return !expected || expected[1] === wallet.version;
}
