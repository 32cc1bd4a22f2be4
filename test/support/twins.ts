/**
 * Twin shards that play the same acts, one the short way and one the long way, and agree after every record: on what it
 * came to, on the state chain (which takes every step, saga, hold, timer, item and outcome), on the pairs with their
 * peers, and at the end of a history on the wallets. Does not own the acts nor the two ways: each test brings its own.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { WalletName } from "../../protocol/names.ts";
import type { Outcome } from "../../protocol/outcome.ts";
import { IDENTITY, TENANT, type TestShard } from "../storage/shard-file-support.ts";

/** What an act came to: null = nothing yet, text = what was thrown and rolled back. */
export type End = Outcome | string | null;

/** A shard that plays acts one way. */
export interface Twin<Act> extends Disposable {
  readonly shard: TestShard;
  /** Plays one act as a record. */
  play(act: Act): End;
}

/** An end in one word: the refusal's code, else the status; `waiting` for null. */
export function endOf(end: End): string {
  if (end === null || typeof end === "string") return end ?? "waiting";
  return end.refusal?.code ?? end.status;
}

/** See the file header. */
export class Twins<Act> implements Disposable {
  readonly #short: Twin<Act>;
  readonly #long: Twin<Act>;

  /** @param make makes a twin that goes one way */
  constructor(make: (way: "short" | "long") => Twin<Act>) {
    this.#short = make("short");
    this.#long = make("long");
  }

  /** Plays one act on both. Errors: asserts that they agree. */
  play(act: Act): End {
    const [short, long] = [this.#short, this.#long];
    const end = short.play(act);
    assert.deepStrictEqual(end, long.play(act));
    assert.deepStrictEqual(short.shard.file.stateChain, long.shard.file.stateChain);
    for (let peer = 0; peer < IDENTITY.shards; peer += 1) {
      if (peer === short.shard.shard) continue;
      assert.deepStrictEqual(short.shard.ledger.pair(peer), long.shard.ledger.pair(peer));
    }
    return end;
  }

  /** Errors: asserts that both have the same wallets of these names. */
  compare(wallets: readonly WalletName[]): void {
    for (const name of wallets) {
      assert.deepStrictEqual(
        this.#short.shard.ledger.wallet(TENANT, name),
        this.#long.shard.ledger.wallet(TENANT, name),
      );
    }
  }

  [Symbol.dispose](): void {
    this.#short[Symbol.dispose]();
    this.#long[Symbol.dispose]();
  }
}

/**
 * Plays random histories, each on twins of its own.
 * @param runs how many
 * @returns every end that some act came to
 * Errors: asserts that the twins agree.
 */
export function playHistories<Act>(
  acts: fc.Arbitrary<Act[]>,
  { make, wallets, runs }: { make: () => Twins<Act>; wallets: readonly WalletName[]; runs: number },
): Set<string> {
  const ends = new Set<string>();
  const history = fc.property(acts, (all) => {
    using twins = make();
    for (const act of all) ends.add(endOf(twins.play(act)));
    twins.compare(wallets);
  });
  fc.assert(history, { numRuns: runs });
  return ends;
}
