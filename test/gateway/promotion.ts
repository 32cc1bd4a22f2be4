/**
 * A campaign whose claims are asked for at several gateways at once, and what they were answered.
 *
 * Owns: the campaign, its wallet, wallets of its claimants, and which claims may be asked for now. The books are the
 * site's: a grant is a payment there, so its sums know of it.
 * Guards against: a second grant for a claim, one above the cap, money that is left although somebody may claim it.
 */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { until } from "../support/condition.ts";
import type { FaultSite } from "./fault-site.ts";
import type { Answer } from "./gateway-site.ts";

const OWNERS = 10;
const CAP = 3;
const AMOUNT = 100n;
/** What fits: fewer than OWNERS * CAP. */
const GRANTS = 22;
/** With a remainder that nobody gets. */
const BUDGET = BigInt(GRANTS) * AMOUNT + 50n;

/** How often all claims are asked for, at most; between two times, ms: what is left is looked at now and then only. */
const TRIES_MAX = 100;
const THINK_MS = 50;

interface Wanted {
  readonly owner: string;
  readonly ordinal: number;
}

/** See the file header. */
export class Promotion {
  readonly #site: FaultSite;
  readonly #urls: readonly string[];
  readonly #id: string;
  readonly #owners: readonly string[];
  /** Every claim, each owner's first one first. */
  readonly #wanted: readonly Wanted[];
  readonly #granted = new Set<string>();
  /** How many of the claims may be asked for: at first so few that some money is left. */
  #open = OWNERS;
  #asked = 0;

  private constructor(site: FaultSite, urls: readonly string[], id: string) {
    this.#site = site;
    this.#urls = urls;
    this.#id = id;
    this.#owners = Array.from({ length: OWNERS }, (_, index) => `fan${index}-${id}`);
    const ordinals = Array.from({ length: CAP }, (_, index) => index + 1);
    this.#wanted = ordinals.flatMap((ordinal) => this.#owners.map((owner) => ({ owner, ordinal })));
  }

  /** Makes a campaign. @param urls gateways to ask at */
  static async make(site: FaultSite, urls: readonly string[], id: string): Promise<Promotion> {
    const made = new Promotion(site, urls, id);
    const wallet = `${id}:usd`;
    await Promise.all(
      [wallet, ...made.#owners.map((owner) => `${owner}:usd`)].map((name) => site.open(name)),
    );
    await site.pay({ key: `fund-${wallet}`, from: "mint:usd", to: wallet, amount: BUDGET });
    const body = { id, wallet, amount: AMOUNT.toString(), capPerOwner: CAP };
    const { status, text } = await site.call("POST", "/v1/campaigns", { body });
    assert.equal(status, 201, text);
    return made;
  }

  /** Asks for one more claim, or for one again, at every gateway at once. */
  async claimNext(): Promise<void> {
    const wanted = this.#wanted[this.#asked % this.#open];
    this.#asked += 1;
    if (wanted !== undefined) await this.#claim(wanted);
  }

  /** From now on all claims may be asked for. */
  openAll(): void {
    this.#open = this.#wanted.length;
  }

  /** Waits until a claim is granted that was not under way at the call, as one may have been. */
  async grows(): Promise<void> {
    const goal = this.#granted.size + 2;
    await until("two more grants", () => this.#granted.size >= goal);
  }

  /** Claims all that fits, and requires that it is exactly that, and no more than the cap for anyone. */
  async exhaust(): Promise<void> {
    for (let tries = 0; this.#granted.size < GRANTS; tries += 1) {
      assert.ok(tries < TRIES_MAX, `${this.#granted.size} grants, and money for ${GRANTS}`);
      if (tries > 0) await delay(THINK_MS);
      await Promise.all(this.#wanted.map((wanted) => this.#claim(wanted)));
    }
    await Promise.all(this.#wanted.map((wanted) => this.#claim(wanted)));
    assert.equal(this.#granted.size, GRANTS, "not one more");
    await Promise.all(this.#owners.map((owner) => this.#requireCap(owner)));
    assert.equal(await this.#posted(`${this.#id}:usd`), BUDGET - BigInt(GRANTS) * AMOUNT);
  }

  async #claim(wanted: Wanted): Promise<void> {
    await Promise.all(
      this.#urls.map(async (url) => {
        const answer = await this.#site.unlessSilent(this.#ask(wanted, url));
        if (answer !== null) this.#take(wanted, answer);
      }),
    );
  }

  async #ask(body: Wanted, url?: string): Promise<Answer> {
    const at = url === undefined ? {} : { url };
    return await this.#site.call("POST", `/v1/campaigns/${this.#id}/claims`, { body, ...at });
  }

  #take({ owner, ordinal }: Wanted, answer: Answer): void {
    const { status, json, text } = answer;
    assert.ok([201, 202, 422, 503].includes(status), `${status} ${text}`);
    if (status === 422) assert.equal(json["code"], "insufficient_funds", text);
    if (status >= 422) assert.equal(json["final"], false, text);
    if (status !== 201) return;
    const key = `${this.#id} ${owner} ${ordinal}`;
    this.#granted.add(key);
    this.#site.book({ key, from: `${this.#id}:usd`, to: `${owner}:usd`, amount: AMOUNT }, answer);
  }

  async #requireCap(owner: string): Promise<void> {
    const above = await this.#ask({ owner, ordinal: CAP + 1 });
    assert.deepEqual([above.status, above.json["code"]], [422, "campaign_cap"], above.text);
    const posted = await this.#posted(`${owner}:usd`);
    assert.ok(posted <= BigInt(CAP) * AMOUNT, `${posted} is above the cap`);
  }

  async #posted(wallet: string): Promise<bigint> {
    return BigInt(String((await this.#site.call("GET", `/v1/wallets/${wallet}`)).json["posted"]));
  }
}
