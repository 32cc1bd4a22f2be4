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
  /** What each wallet and source must hold, by its number, in minor units: whole numbers within ±2^53. */
  readonly expected: Float64Array;
  /** Further wallets that were opened during the run, and what each must hold. */
  readonly opened: { readonly wallet: FleetWallet; readonly expected: number }[] = [];
  /** The numbers in the owners' names and the shards, by the number of the wallet or source. */
  readonly #serials: Int32Array;
  readonly #shards: Int32Array;

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
    this.expected = new Float64Array(wallets.length + sources.length);
    this.#serials = Int32Array.from([...wallets, ...sources], ({ serial }) => serial);
    this.#shards = Int32Array.from([...wallets, ...sources], ({ shard }) => shard);
  }

  /** The number in the name of the owner of a wallet or source. */
  serialOf(number: number): number {
    return this.#serials[number] ?? -1;
  }

  /** The shard of a wallet or source. */
  shardOf(number: number): number {
    return this.#shards[number] ?? -1;
  }

  /** The wallet with a number. */
  wallet(number: number): FleetWallet {
    const wallet = this.wallets[number];
    assert(wallet !== undefined, "the number names a wallet of the fleet");
    return wallet;
  }

  /** The wallet or source with a number. */
  party(number: number): FleetWallet {
    const party = this.wallets[number] ?? this.sources[number - this.wallets.length];
    assert(party !== undefined, "the number names a wallet or a source of the fleet");
    return party;
  }

  /** The source of money of a shard that is used. */
  sourceOn(shard: number): FleetWallet {
    const source = this.sources[this.sourceNumber(shard) - this.wallets.length];
    assert(source !== undefined, "the shard has a source");
    return source;
  }

  /** The number of the source of a shard that is used. */
  sourceNumber(shard: number): number {
    const index = this.sources.findIndex((each) => each.shard === shard);
    assert(index >= 0, "the shard has a source");
    return this.wallets.length + index;
  }

  /** Notes that `amount` moved between two wallets or sources. */
  move(from: number, to: number, amount: number): void {
    const { expected } = this;
    expected[from] = (expected[from] ?? 0) - amount;
    expected[to] = (expected[to] ?? 0) + amount;
  }
}

function sourceOf(plan: FleetPlan, shard: number): FleetWallet {
  for (let number = 0; ; number += 1) {
    const made = benchWallet(plan, "w", number);
    if (made.shard === shard) return made;
  }
}

/** The wallet whose owner has another number in an otherwise equal name; its shard is not known. */
export function withSerial({ owner, wallet }: FleetWallet, serial: number): FleetWallet {
  const named = `${owner.slice(0, -SERIAL_DIGITS)}${String(serial).padStart(SERIAL_DIGITS, "0")}`;
  return { ...namesOf(named, wallet.slice(owner.length)), serial, shard: -1 };
}

function benchWallet(plan: FleetPlan, kind: "b" | "w", serial: number): FleetWallet {
  const name = `${kind}${plan.token}-${String(serial).padStart(SERIAL_DIGITS, "0")}`;
  const names = namesOf(name, ":main");
  return { ...names, serial, shard: shardOf(plan.tenant, names.owner, plan.shards) };
}

function namesOf(name: string, purse: string): Pick<FleetWallet, "owner" | "wallet"> {
  const owner = parseOwner(name);
  const wallet = parseWallet(`${name}${purse}`);
  assert(owner !== undefined && wallet !== undefined && ownerOf(wallet) === owner, "bench names are valid");
  return { owner, wallet };
}
