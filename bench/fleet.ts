// The wallets of a run: owners with one `main` wallet each, placed evenly over the shards, and one unlimited source
// of money a shard. Names are new in every run, so runs on one cluster do not meet.
//
// Owns what each wallet must hold in the end: the generator counts along, verification compares.

import { assert } from "../protocol/assert.ts";
import type { OwnerName, TenantName, WalletName } from "../protocol/names.ts";
import { ownerOf, parseAsset, parseOwner, parseWallet } from "../protocol/names.ts";
import { shardOf } from "../protocol/shard-map.ts";

const asset = parseAsset("USD/2");
assert(asset !== undefined, "USD/2 is an asset");
/** The asset of all wallets of a run. */
export const BENCH_ASSET = asset;

/** Digits of the number in every owner's name, so that all names are equally long. */
export const SERIAL_DIGITS = 9;

/** One wallet of the run. */
export interface FleetWallet {
  /** The number in the owner's name. */
  readonly serial: number;
  readonly owner: OwnerName;
  readonly wallet: WalletName;
  readonly shard: number;
}

/** What a fleet is made of. */
export interface FleetPlan {
  readonly tenant: TenantName;
  readonly shards: number;
  /** Shards that get wallets. */
  readonly shardsUsed: readonly number[];
  readonly walletsPerShard: number;
  /** Lower-case letters and digits that no other run has. */
  readonly token: string;
}

/** See the file header. Wallets are numbered 0.. over all shards; sources come after them. */
export class Fleet {
  readonly wallets: readonly FleetWallet[];
  /** The unlimited source of each used shard. */
  readonly sources: readonly FleetWallet[];
  /** Numbers of the wallets of each shard; empty for shards that are not used. */
  readonly byShard: readonly (readonly number[])[];
  /** What each wallet must hold, by its number, in minor units. Far below 2^53. */
  readonly expected: Float64Array;

  constructor(plan: FleetPlan) {
    const byShard: number[][] = Array.from({ length: plan.shards }, () => []);
    const wallets: FleetWallet[] = [];
    const sources: FleetWallet[] = [];
    const missing = (shard: number): boolean => (byShard[shard]?.length ?? 0) < plan.walletsPerShard;
    for (let number = 0; plan.shardsUsed.some(missing); number += 1) {
      const made = benchWallet(plan, "b", number);
      if (!plan.shardsUsed.includes(made.shard) || !missing(made.shard)) continue;
      byShard[made.shard]?.push(wallets.length);
      wallets.push(made);
    }
    for (const shard of plan.shardsUsed) sources.push(sourceOf(plan, shard));
    this.wallets = wallets;
    this.sources = sources;
    this.byShard = byShard;
    this.expected = new Float64Array(wallets.length);
  }

  /** The wallet with a number. */
  wallet(number: number): FleetWallet {
    const wallet = this.wallets[number];
    assert(wallet !== undefined, "the number names a wallet of the fleet");
    return wallet;
  }

  /** The source of money of a shard that is used. */
  sourceOn(shard: number): FleetWallet {
    const source = this.sources.find((each) => each.shard === shard);
    assert(source !== undefined, "the shard has a source");
    return source;
  }

  /** Notes that `amount` moved between two wallets; a source is not counted (its number is -1). */
  move(from: number, to: number, amount: number): void {
    if (from >= 0) this.expected[from] = (this.expected[from] ?? 0) - amount;
    if (to >= 0) this.expected[to] = (this.expected[to] ?? 0) + amount;
  }
}

function sourceOf(plan: FleetPlan, shard: number): FleetWallet {
  for (let number = 0; ; number += 1) {
    const made = benchWallet(plan, "w", number);
    if (made.shard === shard) return made;
  }
}

function benchWallet(plan: FleetPlan, kind: "b" | "w", serial: number): FleetWallet {
  const name = `${kind}${plan.token}-${String(serial).padStart(SERIAL_DIGITS, "0")}`;
  const owner = parseOwner(name);
  const wallet = parseWallet(`${name}:main`);
  assert(owner !== undefined && wallet !== undefined && ownerOf(wallet) === owner, "bench names are valid");
  return { serial, owner, wallet, shard: shardOf(plan.tenant, owner, plan.shards) };
}
