// The requests of a load, made one after the other as text, and what each of them moves.
//
// Owns the book: what every wallet must have gained or lost by the requests that were answered as settled.
// Bodies are put together from finished pieces: the load shares its machine with what it measures.

import { SeededRandom } from "../random.ts";
import type { LoadName, LoadPlan, UnansweredRequest } from "./load-plan.ts";

/** Transfers in a request of `batches`. */
const BATCH_TRANSFERS = 100;
const PATHS: Readonly<Record<LoadName, string>> = {
  uniform: "/v1/transfers",
  hot: "/v1/transfers",
  "single-hot": "/v1/transfers",
  batches: "/v1/batches",
};
/** The status of a request that did all that it asked for. */
const SETTLED: Readonly<Record<LoadName, number>> = {
  uniform: 201,
  hot: 201,
  "single-hot": 201,
  batches: 200,
};

/** One request: its body, and the wallets of its transfers: from, to, from, to … */
export interface SourceRequest {
  readonly body: string;
  readonly wallets: readonly number[];
}

/** See the file header. */
export class RequestSource {
  readonly path: string;
  readonly settledStatus: number;
  readonly commandsPerRequest: number;
  readonly #plan: LoadPlan;
  readonly #random: SeededRandom;
  readonly #idHead: string;
  readonly #idTail: string;
  readonly #changes: Float64Array;
  #number = 0;

  constructor(plan: LoadPlan) {
    this.#plan = plan;
    this.path = PATHS[plan.load];
    this.settledStatus = SETTLED[plan.load];
    this.commandsPerRequest = plan.load === "batches" ? BATCH_TRANSFERS : 1;
    this.#random = new SeededRandom(plan.seed);
    const { token } = plan;
    // UUIDv8: what is in it is ours. The number stands in front, so that new ids are neighbours as with UUIDv7.
    this.#idHead = `"${token.slice(0, 4)}`;
    this.#idTail = `-8${token.slice(4, 7)}-8${token.slice(7, 10)}-${token.slice(10, 16).padEnd(12, "0")}"`;
    this.#changes = new Float64Array(plan.wallets.length);
  }

  /** The next request. */
  next(): SourceRequest {
    if (this.commandsPerRequest === 1) {
      const [from, to] = this.#pair();
      return { body: `{${this.#fields(from, to)}}`, wallets: [from, to] };
    }
    const wallets: number[] = [];
    const commands: string[] = [];
    for (let count = 0; count < this.commandsPerRequest; count += 1) {
      const [from, to] = this.#pair();
      wallets.push(from, to);
      commands.push(`{"op":"transfer",${this.#fields(from, to)}}`);
    }
    return { body: `{"commands":[${commands.join(",")}]}`, wallets };
  }

  /** Notes that all transfers of a request are settled. */
  onSettled({ wallets }: SourceRequest): void {
    for (let index = 0; index < wallets.length; index += 2) {
      this.#add(wallets[index] ?? 0, -1);
      this.#add(wallets[index + 1] ?? 0, 1);
    }
  }

  /** What each wallet gained by what was noted. */
  get changes(): number[] {
    return [...this.#changes];
  }

  #add(wallet: number, change: number): void {
    this.#changes[wallet] = (this.#changes[wallet] ?? 0) + change;
  }

  #fields(from: number, to: number): string {
    const { wallets } = this.#plan;
    return `"id":${this.#id()},"from":"${wallets[from]}","to":"${wallets[to]}","amount":"1"`;
  }

  #id(): string {
    this.#number += 1;
    const hex = (this.#number + 0x1_0000_0000).toString(16);
    return `${this.#idHead}${hex.slice(1, 5)}-${hex.slice(5)}${this.#idTail}`;
  }

  /** Two different wallets; one of them hot where the load has hot ones, as often to it as from it. */
  #pair(): readonly [number, number] {
    const { load, wallets, hotWallets } = this.#plan;
    const random = this.#random;
    const one = random.below(load === "uniform" || load === "batches" ? wallets.length : hotWallets);
    const step = 1 + random.below(wallets.length - 1);
    const other = (one + step) % wallets.length;
    return random.below(2) === 0 ? [one, other] : [other, one];
  }
}

/** A request as it is handed on when nobody knows its answer. */
export function unansweredOf({ body, wallets }: SourceRequest): UnansweredRequest {
  return { body, changes: wallets.map((wallet, index) => [wallet, index % 2 === 0 ? -1 : 1]) };
}
