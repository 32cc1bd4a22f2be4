// What a move's legs come to for the wallets of this shard: per wallet the sum of its debits and of its
// credits, in the order in which the legs first name them. Legs do not fund each other, so sums are what is
// judged. Sums are wider than int64 (64 legs of 2^63-1), which is why they are bigint and never stored as such.

import type { Leg } from "../protocol/command.ts";
import type { ItemLeg } from "../protocol/item.ts";
import {
  type AssetName,
  type OwnerName,
  ownerOf,
  type TenantName,
  type WalletName,
} from "../protocol/names.ts";
import { shardOf } from "../protocol/shard-map.ts";
import type { Ledger, Reservation, SagaPeer, WalletChange } from "./ledger.ts";
import type { Wallet } from "./wallet.ts";

/** What the legs of one move do to one wallet of this shard. */
export interface WalletTally {
  readonly name: WalletName;
  /** `undefined` when no such wallet was opened. */
  readonly wallet: Wallet | undefined;
  debit: bigint;
  credit: bigint;
  /** How many legs name it. */
  touches: number;
  /** The first leg that names it, and the other wallet of that leg. */
  readonly leg: number;
  readonly counterparty: WalletName;
}

/** One leg with the places of its wallets; a tally is null for a wallet of another shard. */
export interface TalliedLeg {
  readonly leg: ItemLeg;
  readonly fromShard: number;
  readonly toShard: number;
  readonly from: WalletTally | null;
  readonly to: WalletTally | null;
}

/** All legs of a move and the wallets of this shard in the order first named. */
export interface MoveTally {
  readonly legs: readonly TalliedLeg[];
  readonly wallets: readonly WalletTally[];
}

/** Where wallets are looked up: a ledger, or anything that knows its shard and its wallets. */
export type WalletSource = Pick<Ledger, "shard" | "shards" | "wallet">;

/** Whether a wallet lives on the ledger's shard. About 0.1 µs with several shards. Never throws. */
export function isHere(ledger: WalletSource, tenant: TenantName, wallet: WalletName): boolean {
  return ledger.shards === 1 || shardOf(tenant, ownerOf(wallet), ledger.shards) === ledger.shard;
}

/** Numbers the legs of a command; `assets` are the legs' assets where they are known. Never throws. */
export function numberedLegs(legs: readonly Leg[], assets: readonly (AssetName | null)[] = []): ItemLeg[] {
  return legs.map(({ from, to, amount }, leg) => ({ leg, from, to, amount, asset: assets[leg] ?? null }));
}

/** Adds legs up. Reads the wallets of this shard, loading those that are not in memory. Errors: the ledger's only. */
export function tallyMove(ledger: WalletSource, tenant: TenantName, legs: readonly ItemLeg[]): MoveTally {
  const places = new Map<OwnerName, number>();
  const byName = new Map<WalletName, WalletTally>();
  const wallets: WalletTally[] = [];
  const place = (wallet: WalletName): number => {
    if (ledger.shards === 1) return ledger.shard;
    const owner = ownerOf(wallet);
    const known = places.get(owner);
    if (known !== undefined) return known;
    const shard = shardOf(tenant, owner, ledger.shards);
    places.set(owner, shard);
    return shard;
  };
  const tallied = (name: WalletName, leg: number, counterparty: WalletName): WalletTally => {
    let tally = byName.get(name);
    if (!tally) {
      const wallet = ledger.wallet(tenant, name);
      tally = { name, wallet, debit: 0n, credit: 0n, touches: 0, leg, counterparty };
      byName.set(name, tally);
      wallets.push(tally);
    }
    tally.touches += 1;
    return tally;
  };
  const talliedLegs = legs.map((leg): TalliedLeg => {
    const fromShard = place(leg.from);
    const toShard = place(leg.to);
    const from = fromShard === ledger.shard ? tallied(leg.from, leg.leg, leg.to) : null;
    const to = toShard === ledger.shard ? tallied(leg.to, leg.leg, leg.from) : null;
    if (from) from.debit += leg.amount;
    if (to) to.credit += leg.amount;
    return { leg, fromShard, toShard, from, to };
  });
  return { legs: talliedLegs, wallets };
}

/**
 * The other shards of a move in the order in which the legs first name them, each with the legs that touch it
 * and the assets that this shard knows. Empty when the move is local. Never throws.
 */
export function peersOf(move: MoveTally, shard: number): SagaPeer[] {
  const legsByShard = new Map<number, ItemLeg[]>();
  for (const { leg, fromShard, toShard, from, to } of move.legs) {
    if (fromShard === shard && toShard === shard) continue;
    const asset = leg.asset ?? from?.wallet?.asset ?? to?.wallet?.asset ?? null;
    const sent = asset === leg.asset ? leg : { ...leg, asset };
    for (const place of fromShard === toShard ? [fromShard] : [fromShard, toShard]) {
      if (place === shard) continue;
      const legs = legsByShard.get(place);
      if (legs) legs.push(sent);
      else legsByShard.set(place, [sent]);
    }
  }
  return [...legsByShard].map(([place, legs]) => ({
    shard: place,
    legs,
    vote: "waiting",
    refusal: null,
    leg: 0,
    acknowledged: false,
  }));
}

/** Leg and counterparty as journal lines carry them: only when one leg alone names the wallet. Never throws. */
export function soleLeg(tally: WalletTally): Pick<WalletChange, "leg" | "counterparty"> {
  return tally.touches === 1
    ? { leg: tally.leg, counterparty: tally.counterparty }
    : { leg: null, counterparty: null };
}

/** A tally as a reservation; `credits` false leaves the credits out, as holds do. Never throws. */
export function reservationOf(tally: WalletTally, credits: boolean): Reservation {
  return { wallet: tally.name, debit: tally.debit, credit: credits ? tally.credit : 0n, ...soleLeg(tally) };
}
