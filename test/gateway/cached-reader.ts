/**
 * A caller who reads wallets from gateways' caches while they change, and holds against them what is known for certain:
 * strong reads that came before, and afterwards the wallets' entries.
 *
 * Guards against: a cached read that is older than was asked for, of another wallet, or made up.
 */
import assert from "node:assert/strict";
import type { FaultSite } from "./fault-site.ts";

/** The age that is asked for, s. */
const AGE_S_MAX = 1;
const PAGE = 500;

/** A version that a strong read has told, and when the answer was here, ms of the process. */
interface Known {
  readonly version: number;
  readonly atMs: number;
}

type Json = Readonly<Record<string, unknown>>;

/** See the file header. */
export class CachedReader {
  readonly #site: FaultSite;
  readonly #urls: readonly string[];
  readonly #known = new Map<string, Known[]>();
  /** Balances by wallet and version, as cached reads have shown them. */
  readonly #shown = new Map<string, Map<string, string>>();
  #reads = 0;

  constructor(site: FaultSite, urls: readonly string[]) {
    this.#site = site;
    this.#urls = urls;
  }

  /** Reads a wallet from each gateway's cache, the next one each time, and then what it is now. */
  async readNext(): Promise<void> {
    const { wallets } = this.#site;
    const wallet = wallets[this.#reads % wallets.length] ?? "";
    this.#reads += 1;
    await Promise.all(this.#urls.map((url) => this.#readCached(wallet, url)));
    const owner = wallet.slice(0, wallet.indexOf(":"));
    // Not the route that tells the caches what it has read.
    const { status, json } = await this.#site.call("GET", `/v1/owners/${owner}`);
    const shown: unknown = json["wallets"];
    if (status !== 200 || !Array.isArray(shown)) return;
    const known = { version: Number(Reflect.get(shown[0], "version")), atMs: performance.now() };
    this.#known.set(wallet, [...(this.#known.get(wallet) ?? []), known]);
  }

  /** Requires that everything that was shown has been so, by the entries of each wallet. */
  async prove(): Promise<void> {
    assert.ok(this.#shown.size > 0, "something was read");
    for (const [wallet, shown] of this.#shown) {
      const balances = await this.#entriesOf(wallet);
      for (const [version, balance] of shown)
        assert.equal(balance, balances.get(version), `${wallet}, version ${version}`);
    }
  }

  async #readCached(wallet: string, url: string): Promise<void> {
    const oldestMs = performance.now() - AGE_S_MAX * 1_000;
    const headers = { "cache-control": `max-age=${AGE_S_MAX}` };
    const path = `/v1/wallets/${wallet}?consistency=cached`;
    const answer = await this.#site.call("GET", path, { url, headers });
    const { status, json, text } = answer;
    if (status === 503 && json["final"] === false) return;
    assert.equal(status, 200, text);
    assert.deepEqual([json["wallet"], json["status"]], [wallet, "open"], text);
    assert.ok(Number(answer.headers.get("age")) <= AGE_S_MAX, "older than it says");
    const known = this.#known.get(wallet)?.findLast(({ atMs }) => atMs <= oldestMs);
    assert.ok(Number(json["version"]) >= (known?.version ?? 0), `older than asked for: ${text}`);
    const shown = this.#shown.get(wallet) ?? new Map<string, string>();
    this.#shown.set(wallet, shown.set(String(json["version"]), balanceIn(json)));
  }

  /** The balances that a wallet has had, by version. */
  async #entriesOf(wallet: string): Promise<Map<string, string>> {
    const balances = new Map<string, string>();
    let query = `limit=${PAGE}`;
    for (;;) {
      const { status, json, text } = await this.#site.call("GET", `/v1/wallets/${wallet}/entries?${query}`);
      assert.equal(status, 200, text);
      const entries: unknown = json["data"];
      assert.ok(Array.isArray(entries), text);
      for (const { version, balance } of entries) balances.set(String(version), balanceIn(balance));
      if (json["next"] === undefined) return balances;
      query = `limit=${PAGE}&cursor=${encodeURIComponent(String(json["next"]))}`;
    }
  }
}

function balanceIn({ posted, held, incoming }: Json): string {
  return `posted ${posted}, held ${held}, incoming ${incoming}`;
}
