// The wallets of an HTTP load: one owner each, funded from one unlimited source, opened over the API in batches.
// Names are new in every run, so that runs against one installation do not meet.

import { BenchFailure } from "../bench-failure.ts";
import { forAll, type HttpApi } from "./http-api.ts";

/** What each wallet is given, minor units: more than any run takes out of one. */
export const FUNDS = 1_000_000_000;
const ASSET = "USD/2";
const BATCH_COMMANDS = 500;
const BATCHES_AT_ONCE = 4;

/** See the file header. */
export class HttpFleet {
  readonly wallets: readonly string[];
  readonly source: string;
  readonly #token: string;
  #number = 0;

  /** @param token 16 hex digits that no other run has */
  constructor(token: string, count: number) {
    const owner = (kind: string, index: number): string =>
      `${kind}${token.slice(0, 8)}-${String(index).padStart(6, "0")}`;
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
    await batches(
      api,
      wallets.map((wallet) => open(wallet)),
    );
    const amount = String(FUNDS);
    await batches(
      api,
      wallets.map((to) => ({ op: "transfer", id: this.#id(), from: source, to, amount })),
    );
  }

  #id(): string {
    this.#number += 1;
    const token = this.#token;
    const number = this.#number.toString(16).padStart(8, "0");
    return `${number}-${token.slice(0, 4)}-8${token.slice(4, 7)}-9${token.slice(7, 10)}-${token.slice(10).padEnd(12, "0")}`;
  }
}

async function batches(api: HttpApi, commands: readonly object[]): Promise<void> {
  const count = Math.ceil(commands.length / BATCH_COMMANDS);
  const slices = Array.from({ length: count }, (_, index) =>
    commands.slice(index * BATCH_COMMANDS, (index + 1) * BATCH_COMMANDS),
  );
  await forAll(slices, BATCHES_AT_ONCE, async (slice) => {
    const { status, value } = await api.post("/v1/batches", JSON.stringify({ commands: slice }));
    const outcomes = outcomesIn(value);
    const bad = outcomes.find(({ status: settled }) => settled !== "open" && settled !== "posted");
    if (status !== 200 || outcomes.length !== slice.length || bad !== undefined)
      throw new BenchFailure(`setting up got ${status}: ${JSON.stringify(bad ?? value).slice(0, 300)}`);
  });
}

/** The outcomes of a batch's answer; none of anything else. */
export function outcomesIn(value: unknown): { readonly status?: unknown }[] {
  if (typeof value !== "object" || value === null || !("outcomes" in value)) return [];
  return Array.isArray(value.outcomes) ? value.outcomes : [];
}
