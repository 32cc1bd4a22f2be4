// Calls of the API outside of what is measured: setting up, asking what became of a request, reading balances.
// A call that was not taken, or whose outcome is not known, is made again as its answer says: all of them may be.
// Does not own what the calls say (http-fleet.ts, http-verification.ts). None of them is in a figure.

import { setTimeout as delay } from "node:timers/promises";
import { BenchFailure } from "../bench-failure.ts";

const ANSWER_MS_MAX = 60_000;
const TRIES_MAX = 30;
/** Longest wait between two of them, s. */
const RETRY_SECONDS_MAX = 5;
/** Not taken, not known, not settled yet. */
const PASSING: readonly number[] = [429, 503, 202];

/** An answer: its status and its JSON. */
export interface ApiAnswer {
  readonly status: number;
  readonly value: unknown;
}

/** One system under load, reached with one key. */
export class HttpApi {
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(url: string, key: string) {
    this.#url = url.replace(/\/+$/, "");
    this.#headers = { authorization: `Bearer ${key}` };
  }

  /** Errors: BenchFailure when nobody answers. */
  async get(path: string): Promise<ApiAnswer> {
    return await this.#call(path, { headers: this.#headers });
  }

  /**
   * @param body JSON
   * @param triesMax how often it is sent at most
   * Errors: BenchFailure when nobody answers.
   */
  async post(path: string, body: string, triesMax = TRIES_MAX): Promise<ApiAnswer> {
    const headers = { ...this.#headers, "content-type": "application/json" };
    return await this.#call(path, { method: "POST", headers, body }, triesMax);
  }

  async #call(path: string, request: RequestInit, triesMax = TRIES_MAX): Promise<ApiAnswer> {
    for (let tries = 1; ; tries += 1) {
      const { retryAfter, ...answer } = await this.#try(path, request);
      if (!PASSING.includes(answer.status) || tries === triesMax) return answer;
      const seconds = Math.min(Math.max(retryAfter, 0), RETRY_SECONDS_MAX);
      await delay(seconds * 1_000);
    }
  }

  async #try(path: string, request: RequestInit): Promise<ApiAnswer & { readonly retryAfter: number }> {
    try {
      const signal = AbortSignal.timeout(ANSWER_MS_MAX);
      const response = await fetch(`${this.#url}${path}`, { ...request, signal });
      const text = await response.text();
      const retryAfter = Number(response.headers.get("retry-after") ?? 1) || 1;
      return { status: response.status, value: text === "" ? null : JSON.parse(text), retryAfter };
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      throw new BenchFailure(`${this.#url}${path} gave no usable answer: ${reason}`);
    }
  }
}

/** Does `work` for each item, at most `atOnce` at a time. Rejects with the first failure. */
export async function forAll<Item>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item, index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) {
      const item = items[index];
      if (item !== undefined) await work(item, index);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
