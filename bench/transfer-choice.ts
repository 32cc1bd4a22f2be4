// Who pays whom: the ways to choose the two wallets of a transfer that starts on a given shard.
// Does not own the law by which one of many is chosen (wallet-choice.ts).
// Invariant: the payer lives on the shard that was asked for, and the two wallets differ.

import { BenchFailure } from "./bench-failure.ts";
import type { Fleet } from "./fleet.ts";
import type { SeededRandom } from "./random.ts";
import type { RunSettings } from "./run-settings.ts";
import { WalletChoice } from "./wallet-choice.ts";

/** Chooses wallets by their numbers in the fleet. */
export interface TransferChoice {
  from: number;
  to: number;
  /** The next two, into `from` and `to`; `from` lies on `shard`. */
  next(shard: number): void;
}

/** What a choice works with. */
export interface ChoiceParts {
  readonly fleet: Fleet;
  readonly random: SeededRandom;
  readonly settings: Pick<RunSettings, "distribution" | "crossShare">;
}

/** The shards that have wallets enough for a transfer. */
export function shardsOf({ byShard }: Fleet): number[] {
  return [...byShard.keys()].filter((shard) => (byShard[shard]?.length ?? 0) > 1);
}

/** Two wallets of one shard, or with the share that the settings ask for, of two shards. */
export class LocalChoice implements TransferChoice {
  readonly #fleet: Fleet;
  readonly #random: SeededRandom;
  readonly #places: readonly (WalletChoice | null)[];
  /** Of 2^32. */
  readonly #crossBelow: number;
  from = 0;
  to = 0;

  /** Errors: BenchFailure when there is no second shard for transfers over two. */
  constructor(parts: ChoiceParts, crossShare: number = parts.settings.crossShare ?? 0) {
    const { fleet, random, settings } = parts;
    this.#fleet = fleet;
    this.#random = random;
    this.#crossBelow = crossShare * 0x1_0000_0000;
    this.#places = fleet.byShard.map(({ length }) =>
      length < 2 ? null : new WalletChoice(random, settings.distribution, length),
    );
    if (crossShare > 0) refuseOneShard(fleet);
  }

  next(shard: number): void {
    const numbers = this.#fleet.byShard[shard];
    const places = this.#places[shard];
    if (numbers === undefined || !places) return;
    places.next();
    this.from = numbers[places.from] ?? 0;
    this.to = numbers[places.to] ?? 0;
    if (this.#crossBelow === 0 || this.#random.next32() >= this.#crossBelow) return;
    this.to = elsewhere(this.#fleet, this.#random, shard);
  }
}

/** Any two wallets, wherever they live; `from` by the shard's own choice, `to` by one over all shards. */
export class GlobalChoice implements TransferChoice {
  readonly #local: LocalChoice;
  readonly #all: WalletChoice;
  from = 0;
  to = 0;

  constructor(parts: ChoiceParts) {
    const { fleet, random, settings } = parts;
    refuseOneShard(fleet);
    this.#local = new LocalChoice(parts, 0);
    this.#all = new WalletChoice(random, settings.distribution, fleet.wallets.length);
  }

  next(shard: number): void {
    this.#local.next(shard);
    this.#all.next();
    this.from = this.#local.from;
    this.to = this.#all.from === this.from ? this.#all.to : this.#all.from;
  }
}

/** One source of money pays any wallet, wherever it lives. */
export class PayoutChoice implements TransferChoice {
  readonly #all: WalletChoice;
  readonly from: number;
  to = 0;

  /** @param shard of the source */
  constructor({ fleet, random, settings }: ChoiceParts, shard: number) {
    this.from = fleet.sourceNumber(shard);
    this.#all = new WalletChoice(random, settings.distribution, fleet.wallets.length);
  }

  next(): void {
    this.#all.next();
    this.to = this.#all.from;
  }
}

/** A wallet on any other shard than `shard`. */
export function elsewhere(fleet: Fleet, random: SeededRandom, shard: number): number {
  for (;;) {
    const number = random.below(fleet.wallets.length);
    if (fleet.shardOf(number) !== shard) return number;
  }
}

function refuseOneShard(fleet: Fleet): void {
  if (shardsOf(fleet).length < 2)
    throw new BenchFailure(
      "transfers over two shards need an installation with two or more, and all of them loaded",
    );
}
