// Who pays whom in a load over HTTP: two of the wallets, a hot one and any other, or two of different shards.
// Invariant: the two are never one wallet; in `cross` their owners never live on one shard.

import { assert } from "../../protocol/assert.ts";
import { parseTenant, parseWallet } from "../../protocol/names.ts";
import { shardOfWallet } from "../../protocol/shard-map.ts";
import { SeededRandom } from "../random.ts";
import type { LoadPlan } from "./load-plan.ts";

/** Whom the keys belong to that a load is given: `coffer dev` has this tenant. */
const TENANT = parseTenant("demo");

/** See the file header. */
export class PairChoice {
  readonly random: SeededRandom;
  /** Numbers of the last pair. */
  from = 0;
  to = 0;
  readonly #count: number;
  readonly #firstOf: number;
  /** Of each wallet; null = it does not matter. */
  readonly #shards: Uint16Array | null;

  constructor({ load, wallets, hotWallets, shards, seed }: PairPlan) {
    this.random = new SeededRandom(seed);
    this.#count = wallets.length;
    this.#firstOf = load === "hot" || load === "single-hot" ? hotWallets : wallets.length;
    this.#shards = load === "cross" ? shardsOf(wallets, shards) : null;
    assert(this.#count > 1 && this.#firstOf > 0, "there are two wallets to choose");
  }

  /** Chooses; a hot wallet pays as often as it is paid. */
  next(): void {
    const { random } = this;
    const one = random.below(this.#firstOf);
    let other = this.#otherThan(one);
    const shards = this.#shards;
    if (shards !== null) while (shards[one] === shards[other]) other = this.#otherThan(one);
    const isForth = random.below(2) === 0;
    this.from = isForth ? one : other;
    this.to = isForth ? other : one;
  }

  #otherThan(one: number): number {
    return (one + 1 + this.random.below(this.#count - 1)) % this.#count;
  }
}

type PairPlan = Pick<LoadPlan, "load" | "wallets" | "hotWallets" | "shards" | "seed">;

function shardsOf(wallets: readonly string[], shards: number): Uint16Array {
  assert(TENANT !== undefined, "the tenant has a name");
  const found = Uint16Array.from(wallets, (text) => {
    const wallet = parseWallet(text);
    assert(wallet !== undefined, "wallets have names");
    return shardOfWallet(TENANT, wallet, shards);
  });
  assert(new Set(found).size > 1, "the wallets lie on several shards");
  return found;
}
