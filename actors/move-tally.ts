// What a move's legs come to for the wallets of this shard: per wallet the sum of its debits and of its
// credits, in the order in which the legs first name them. Legs do not fund each other, so sums are what is
// judged. Sums are wider than int64 (64 legs of 2^63-1), which is why they are bigint and never stored as such.

import type { Leg } from "../protocol/command.ts";
import type { ItemLeg } from "../protocol/item.ts";
import type { AssetName, TenantName, WalletName } from "../protocol/names.ts";
import { shardOfWallet } from "../protocol/shard-map.ts";
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
export type WalletSource = Pick<Ledger, "shard" | "shards" | "wallet" | "loadedWallet">;

/** Whether a wallet lives on the ledger's shard. About 0.1 µs with several shards. Never throws. */
export function isHere(ledger: WalletSource, tenant: TenantName, wallet: WalletName): boolean {
  return placeOf(ledger, tenant, wallet) === ledger.shard;
}

/** Numbers the legs of a command; `assets` are the legs' assets where they are known. Never throws. */
export function numberedLegs(legs: readonly Leg[], assets: readonly (AssetName | null)[] = []): ItemLeg[] {
  return legs.map(({ from, to, amount }, leg) => ({ leg, from, to, amount, asset: assets[leg] ?? null }));
}

/** Adds legs up. Reads the wallets of this shard, loading those that are not in memory. Errors: the ledger's only. */
export function tallyMove(ledger: WalletSource, tenant: TenantName, legs: readonly ItemLeg[]): MoveTally {
  const [leg] = legs;
  return leg !== undefined && legs.length === 1 && leg.from !== leg.to
    ? tallyLeg(ledger, tenant, leg)
    : tallyLegs(ledger, tenant, legs);
}

/** One leg between two wallets, which nearly every move is: what {@link tallyLegs} gives, without its maps. */
function tallyLeg(ledger: WalletSource, tenant: TenantName, leg: ItemLeg): MoveTally {
  const fromShard = placeOf(ledger, tenant, leg.from);
  const toShard = placeOf(ledger, tenant, leg.to);
  const wallets: WalletTally[] = [];
  const tallied = (name: WalletName, sums: { debit: bigint; credit: bigint }): WalletTally => {
    const counterparty = name === leg.from ? leg.to : leg.from;
    const wallet = ledger.wallet(tenant, name);
    const tally = { name, wallet, ...sums, touches: 1, leg: leg.leg, counterparty };
    wallets.push(tally);
    return tally;
  };
  const from = fromShard === ledger.shard ? tallied(leg.from, { debit: leg.amount, credit: 0n }) : null;
  const to = toShard === ledger.shard ? tallied(leg.to, { debit: 0n, credit: leg.amount }) : null;
  return { legs: [{ leg, fromShard, toShard, from, to }], wallets };
}

/** The shard of a wallet. About 0.1 µs with several shards. Never throws. */
export function placeOf(ledger: WalletSource, tenant: TenantName, wallet: WalletName): number {
  return ledger.shards === 1 ? ledger.shard : shardOfWallet(tenant, wallet, ledger.shards);
}

function tallyLegs(ledger: WalletSource, tenant: TenantName, legs: readonly ItemLeg[]): MoveTally {
  const sides = new TallySides(ledger, tenant);
  const tallied: TalliedLeg[] = [];
  for (const leg of legs) {
    const from = sides.side(leg.from, leg.leg, leg.to);
    const to = sides.side(leg.to, leg.leg, leg.from);
    if (from.tally) from.tally.debit += leg.amount;
    if (to.tally) to.tally.credit += leg.amount;
    tallied.push({ leg, fromShard: from.shard, toShard: to.shard, from: from.tally, to: to.tally });
  }
  return { legs: tallied, wallets: sides.wallets };
}

/** Where a wallet is, and what the legs do to it if that is here. */
interface TallySide {
  readonly shard: number;
  readonly tally: WalletTally | null;
}

/** The wallets of a move, each looked up once: one that is in memory is here, and only others need a hash. */
class TallySides {
  readonly wallets: WalletTally[] = [];
  readonly #ledger: WalletSource;
  readonly #tenant: TenantName;
  readonly #byName = new Map<WalletName, TallySide>();

  constructor(ledger: WalletSource, tenant: TenantName) {
    this.#ledger = ledger;
    this.#tenant = tenant;
  }

  /** One side of a leg, whose wallet it names once more. */
  side(name: WalletName, leg: number, counterparty: WalletName): TallySide {
    let side = this.#byName.get(name);
    if (!side) {
      side = this.#newSide(name, leg, counterparty);
      this.#byName.set(name, side);
    }
    if (side.tally) side.tally.touches += 1;
    return side;
  }

  #newSide(name: WalletName, leg: number, counterparty: WalletName): TallySide {
    const ledger = this.#ledger;
    const loaded = ledger.loadedWallet(this.#tenant, name);
    const shard = loaded ? ledger.shard : placeOf(ledger, this.#tenant, name);
    if (shard !== ledger.shard) return { shard, tally: null };
    const wallet = loaded ?? ledger.wallet(this.#tenant, name);
    const tally = { name, wallet, debit: 0n, credit: 0n, touches: 0, leg, counterparty };
    this.wallets.push(tally);
    return { shard, tally };
  }
}

/**
 * The other shards of a move in the order in which the legs first name them, each with the legs that touch it
 * and the assets that this shard knows. Empty when the move is local. Never throws.
 */
export function peersOf(move: MoveTally, shard: number): SagaPeer[] {
  const [only] = move.legs;
  if (only && move.legs.length === 1 && (only.fromShard === shard) !== (only.toShard === shard)) {
    return [peerOf(only.fromShard === shard ? only.toShard : only.fromShard, [withAsset(only)])];
  }
  const legsByShard = new Map<number, ItemLeg[]>();
  for (const tallied of move.legs) {
    const { fromShard, toShard } = tallied;
    if (fromShard === shard && toShard === shard) continue;
    const sent = withAsset(tallied);
    for (const place of fromShard === toShard ? [fromShard] : [fromShard, toShard]) {
      if (place === shard) continue;
      const legs = legsByShard.get(place);
      if (legs) legs.push(sent);
      else legsByShard.set(place, [sent]);
    }
  }
  return [...legsByShard].map(([place, legs]) => peerOf(place, legs));
}

/** A leg with the asset as far as this shard knows it. */
function withAsset({ leg, from, to }: TalliedLeg): ItemLeg {
  const asset = leg.asset ?? from?.wallet?.asset ?? to?.wallet?.asset ?? null;
  return asset === leg.asset ? leg : { leg: leg.leg, from: leg.from, to: leg.to, amount: leg.amount, asset };
}

function peerOf(shard: number, legs: readonly ItemLeg[]): SagaPeer {
  return { shard, legs, vote: "waiting", refusal: null, leg: 0, acknowledged: false };
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
