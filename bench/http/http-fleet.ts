// The wallets of an HTTP load: one owner each, funded from one unlimited source, opened over the API in batches.
// Funded by transfers of many legs: one of its own for each wallet would make the source a hot one.
// Names are new in every run, so that runs against one installation do not meet.

import { BenchFailure } from "../bench-failure.ts";
import { forAll, type HttpApi } from "./http-api.ts";

/** What each wallet is given, minor units: more than any run takes out of one. */
export const FUNDS = 1_000_000_000;
const ASSET = "USD/2";
/** Of the number in an owner's name: all names are equally long. */
const DIGITS = 7;
const BATCH_COMMANDS = 500;
/** As many as a transfer may have. */
const LEGS = 64;
const REQUESTS_AT_ONCE = 4;
/** How often a batch is sent again for the sake of commands that were not taken or did not settle in time. */
const TRIES_MAX = 20;

/** See the file header. */
export class HttpFleet {
  readonly wallets: readonly string[];
  readonly source: string;
  readonly #token: string;
  #number = 0;

  /** @param token 16 hex digits that no other run has */
  constructor(token: string, count: number) {
    const owner = (kind: string, index: number): string =>
      `${kind}${token.slice(0, 8)}-${String(index).padStart(DIGITS, "0")}`;
    this.wallets = Array.from({ length: count }, (_, index) => `${owner("h", index)}:usd`);
    this.source = `${owner("w", 0)}:usd`;
    this.#token = token;
  }

  /** Opens and funds all. Errors: BenchFailure when anything is refused. */
  async prepare(api: HttpApi): Promise<void> {
    const { wallets, source } = this;
    const open = (wallet: string, min: object = {}): object => {
      return { op: "open", id: this.#id(), wallet, asset: ASSET, ...min };
    };
    await batches(api, [open(source, { min: "unlimited" })]);
    const opens = wallets.map((wallet) => open(wallet));
    await batches(api, opens);
    const amount = String(FUNDS);
    await forAll(inPieces(wallets, LEGS), REQUESTS_AT_ONCE, async (piece) => {
      const legs = piece.map((to) => ({ from: source, to, amount }));
      await batch(api, [{ op: "transfer", id: this.#id(), legs }]);
    });
  }

  #id(): string {
    this.#number += 1;
    const token = this.#token;
    const number = this.#number.toString(16).padStart(8, "0");
    return `${number}-${token.slice(0, 4)}-8${token.slice(4, 7)}-9${token.slice(7, 10)}-${token.slice(10).padEnd(12, "0")}`;
  }
}

async function batches(api: HttpApi, commands: readonly object[]): Promise<void> {
  await forAll(
    inPieces(commands, BATCH_COMMANDS),
    REQUESTS_AT_ONCE,
    async (piece) => await batch(api, piece),
  );
}

async function batch(api: HttpApi, commands: readonly object[]): Promise<void> {
  let left = commands;
  for (let tries = 1; left.length > 0; tries += 1) {
    const { status, value } = await api.post("/v1/batches", JSON.stringify({ commands: left }));
    const outcomes = outcomesIn(value);
    const bad = outcomes.find((outcome) => !isSettled(outcome) && !isOpen(outcome));
    if (status !== 200 || outcomes.length !== left.length || bad !== undefined || tries > TRIES_MAX)
      throw new BenchFailure(`setting up got ${status}: ${JSON.stringify(bad ?? value).slice(0, 300)}`);
    left = left.filter((_, index) => !isSettled(outcomes[index] ?? {}));
  }
}

function inPieces<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}

function isSettled({ status }: BatchOutcome): boolean {
  return status === "open" || status === "posted";
}

/** Not taken, or not settled in time: to be sent again. */
function isOpen({ status, code }: BatchOutcome): boolean {
  return status === "pending" || status === "unknown" || code === "busy" || code === "rate_limited";
}

/** What is read of an outcome. */
export interface BatchOutcome {
  readonly status?: unknown;
  readonly code?: unknown;
}

/** The outcomes of a batch's answer; none of anything else. */
export function outcomesIn(value: unknown): BatchOutcome[] {
  if (typeof value !== "object" || value === null || !("outcomes" in value)) return [];
  return Array.isArray(value.outcomes) ? value.outcomes : [];
}
