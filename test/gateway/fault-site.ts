/**
 * An installation whose parts are processes that a test kills, freezes and starts again, with callers who do what the
 * contract tells them after any doubt: send the same again with the same key; and the books of what they were answered.
 *
 * Owns: the processes, the wallets, what each wallet must hold by the answers. All of it ends with the test.
 */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type CreatedKey, KeyAdmin, type KeyWish } from "../../gateway/key-admin.ts";
import { until } from "../support/condition.ts";
import type { TestEngine } from "../support/engine.ts";
import {
  type GatewayProcessOptions,
  startGatewayProcess,
  type TestGateway,
} from "../support/gateway-process.ts";
import { requireClean, untilAllEnded, walletSums } from "../support/shard-files.ts";
import { Site } from "../support/site.ts";
import { type Answer, type Call, callHttp, testClock } from "./gateway-site.ts";
import { tenant } from "./key-site.ts";

/** How long a caller waits before it takes silence for a doubt, ms: less than anything is frozen for. */
const CALLER_WAIT_MS = 1_500;
const FUNDS = 1_000_000n;
/** Longer than any test: a hold that expires would hide one that was forgotten. */
const HOLD_MS = 600_000;
const PAYERS = 8;
/** Between two payments of a caller, ms: callers leave the machine to what they wait for. */
const THINK_MS = 100;
/** One caller of so many pays by hold and capture. */
const HOLDERS_OF = 4;
const ANY_KEY: KeyWish = {
  ...{ tenant: tenant("demo"), scopes: ["admin"], owners: null, lifetimeMs: null, name: null },
};

/** One payment: who, whom, how much, and the key that stands for it. */
export interface Payment {
  readonly key: string;
  readonly from: string;
  readonly to: string;
  readonly amount: bigint;
}

/** What a test may choose: options of the first gateway, and whether the engine tells events (default: not). */
interface FaultSiteOptions extends Omit<GatewayProcessOptions, "natsUrl"> {
  readonly hasEvents?: boolean;
}

/** See the file header. */
export class FaultSite {
  readonly site: Site;
  readonly wallets = Array.from({ length: PAYERS }, (_, index) => `payer${index}:usd`);
  readonly #admin: KeyAdmin;
  readonly #gateways: TestGateway[] = [];
  readonly #expected = new Map<string, bigint>();
  /** What a payment's answers said, but whether they were the first. */
  readonly #outcomes = new Map<string, string>();
  readonly #key: string;
  readonly #hasEvents: boolean;
  #engine: TestEngine | null = null;
  #payments = 0;

  private constructor(site: Site, admin: KeyAdmin, key: string, hasEvents: boolean) {
    this.site = site;
    this.#admin = admin;
    this.#key = key;
    this.#hasEvents = hasEvents;
  }

  /** Starts server, engine and one gateway, and gives every payer its funds. */
  static async start(
    t: TestContext,
    { hasEvents = false, ...options }: FaultSiteOptions = {},
  ): Promise<FaultSite> {
    const site = await Site.start(t);
    const admin = await KeyAdmin.open((await site.nats.connect("keys")).nc, testClock, 1);
    const { key } = await admin.create(ANY_KEY);
    const made = new FaultSite(site, admin, key, hasEvents);
    t.after(() => Promise.all(made.#gateways.map((gateway) => gateway.kill())));
    await made.startEngine();
    await made.startGateway(options);
    await made.#fund();
    return made;
  }

  /** The engine as it runs now. */
  get engine(): TestEngine {
    assert.ok(this.#engine, "an engine was started");
    return this.#engine;
  }

  /** Starts an engine on the site's data, and waits until it is ready. */
  async startEngine(): Promise<void> {
    this.#engine = await this.site.startEngine({ events: this.#hasEvents });
  }

  /** The gateway that was started last. */
  get gateway(): TestGateway {
    const last = this.#gateways.at(-1);
    assert.ok(last, "a gateway was started");
    return last;
  }

  /** Starts a gateway; from now on it is the one that callers use. */
  async startGateway(options: Omit<GatewayProcessOptions, "natsUrl"> = {}): Promise<TestGateway> {
    const gateway = await startGatewayProcess({ natsUrl: this.site.nats.url, ...options });
    this.#gateways.push(gateway);
    return gateway;
  }

  /** Makes a key; tenant demo, every right and owner unless the wish says otherwise. */
  async key(wish: Partial<KeyWish> = {}): Promise<CreatedKey> {
    return await this.#admin.create({ ...ANY_KEY, ...wish });
  }

  /** Ends a key after a while, 0 = at once. */
  async revoke(id: string, delayMs: number): Promise<void> {
    await this.#admin.revoke(id, delayMs);
  }

  /** One call to the newest gateway, or another, with a key of every right. Rejects when no answer comes. */
  async call(method: string, path: string, call: Call & { readonly url?: string } = {}): Promise<Answer> {
    return await callHttp(call.url ?? this.gateway.url, method, path, { key: this.#key, ...call });
  }

  /** Opens a wallet of dollars. @param min the least that it may hold, or "unlimited" */
  async open(wallet: string, min = "0"): Promise<void> {
    const body = { wallet, asset: "USD/2", min };
    const headers = { "idempotency-key": "open" };
    const { status, text } = await this.call("POST", "/v1/wallets", { body, headers });
    assert.equal(status, 201, text);
  }

  /** A payment between two payers, of other amounts and wallets each time. */
  payment(): Payment {
    const index = this.#payments++;
    const [from, to] = [index % PAYERS, (index + 1 + (Math.floor(index / PAYERS) % (PAYERS - 1))) % PAYERS];
    const [payer = "", payee = ""] = [this.wallets[from], this.wallets[to]];
    return { key: `payment-${index}`, from: payer, to: payee, amount: BigInt(1 + (index % 97)) };
  }

  /** Sends a payment once, with the site's key unless another is named. Rejects when no answer comes. */
  async send(
    { key: idempotencyKey, from, to, amount }: Payment,
    { prefer, ...more }: { url?: string; key?: string; prefer?: string } = {},
  ): Promise<Answer> {
    const wish = prefer === undefined ? {} : { prefer };
    const headers = { "idempotency-key": idempotencyKey, ...wish };
    const body = { from, to, amount: amount.toString() };
    return await this.call("POST", "/v1/transfers", { body, headers, ...more });
  }

  /**
   * Sends a payment until it is settled, again after any doubt: no answer, 202, 503. Anything else fails.
   * @returns the settled answer, which is in the books
   */
  async pay(payment: Payment, urlOf: () => string = () => this.gateway.url): Promise<Answer> {
    const answer = await this.settle(payment.key, () => this.send(payment, { url: urlOf() }));
    this.judge(answer);
    this.book(payment, answer);
    return answer;
  }

  /** As `pay`, in two steps: reserved by a hold, then captured whole. A caller never leaves a hold open. */
  async payByHold(payment: Payment, urlOf: () => string = () => this.gateway.url): Promise<Answer> {
    const { key, from, to, amount } = payment;
    const [name = ""] = from.split(":");
    const settled = async (path: string, body: object, step: string): Promise<Answer> => {
      const headers = { "idempotency-key": step };
      const answer = await this.settle(step, () => this.call("POST", path, { body, headers, url: urlOf() }));
      this.judge(answer);
      return answer;
    };
    const reserve = { from, to, amount: amount.toString(), hold: { ttlMs: HOLD_MS } };
    const { json } = await settled("/v1/transfers", reserve, key);
    const path = `/v1/transfers/${String(json["id"])}/capture?owner=${name}`;
    const captured = await settled(path, {}, `${key}-capture`);
    this.book(payment, captured);
    return captured;
  }

  /** Sends until there is no doubt any more: no silence, no 202, no 503. Whether the answer is right, the caller judges. */
  async settle(what: string, send: () => Promise<Answer>): Promise<Answer> {
    return await until(`${what} is settled`, async () => {
      const answer = await this.unlessSilent(send());
      if (answer === null) return undefined;
      const isDoubt = answer.status === 202 || answer.status === 503;
      if (isDoubt) this.judge(answer);
      return isDoubt ? undefined : answer;
    });
  }

  /** Requires an answer that a fault may bring about: settled, pending, or told to ask again. */
  judge(answer: Answer): void {
    assert.ok([200, 201, 202, 503].includes(answer.status), `${answer.status} ${answer.text}`);
    if (answer.status <= 201) assert.match(String(answer.json["status"]), /^(?:posted|held|captured)$/);
    if (answer.status === 202) assert.equal(answer.json["status"], "pending");
    if (answer.status === 503) assert.equal(answer.json["final"], false, answer.text);
  }

  /** Takes a settled payment into the books, once. */
  book({ key, from, to, amount }: Payment, { text }: Answer): void {
    const outcome = text.replace('"replayed":true', '"replayed":false');
    const known = this.#outcomes.get(key);
    if (known !== undefined) {
      assert.equal(outcome, known, "the same outcome again");
      return;
    }
    this.#outcomes.set(key, outcome);
    this.#change(from, -amount);
    this.#change(to, amount);
  }

  /** Requires that every wallet holds what the answers said, and nothing is reserved, open, made or lost. */
  async prove(): Promise<void> {
    await untilAllEnded(this.site.dataDir);
    for (const [wallet, expected] of this.#expected) {
      const { status, json } = await this.call("GET", `/v1/wallets/${wallet}`);
      const seen = [status, json["posted"], json["held"], json["incoming"]];
      assert.deepEqual(seen, [200, expected.toString(), "0", "0"], wallet);
    }
    assert.deepEqual(
      [...this.#expected.values()].reduce((sum, each) => sum + each, 0n),
      0n,
    );
    assert.deepEqual([...walletSums(this.site.dataDir)], [["USD/2", 0n]]);
    requireClean(this.site.dataDir, true);
  }

  async #fund(): Promise<void> {
    await Promise.all([
      this.open("mint:usd", "unlimited"),
      ...this.wallets.map((wallet) => this.open(wallet)),
    ]);
    for (const to of this.wallets) await this.pay({ key: `fund-${to}`, from: "mint:usd", to, amount: FUNDS });
  }

  /** Null when no answer comes, or none in time. */
  async unlessSilent(sent: Promise<Answer>): Promise<Answer | null> {
    const late = AbortSignal.timeout(CALLER_WAIT_MS);
    const silence = new Promise<null>((resolve) => late.addEventListener("abort", () => resolve(null)));
    return await Promise.race([sent.catch(() => null), silence]);
  }

  #change(wallet: string, by: bigint): void {
    this.#expected.set(wallet, (this.#expected.get(wallet) ?? 0n) + by);
  }
}

/** Callers who pay one payment after the other until they are told to end. */
export class Load {
  readonly #callers: readonly Promise<void>[];
  #isOver = false;
  /** Payments that were settled. */
  settled = 0;

  constructor(site: FaultSite, callers: number, urlOf?: (caller: number) => string) {
    this.#callers = Array.from({ length: callers }, async (_, caller) => {
      while (!this.#isOver) {
        const url = urlOf === undefined ? undefined : () => urlOf(caller);
        const isHeld = caller % HOLDERS_OF === 0;
        await (isHeld ? site.payByHold(site.payment(), url) : site.pay(site.payment(), url));
        this.settled += 1;
        await delay(THINK_MS);
      }
    });
    // A caller who fails is seen by `end`.
    for (const caller of this.#callers) caller.catch(() => undefined);
  }

  /** Waits until so many more were settled. */
  async flows(count: number): Promise<void> {
    const goal = this.settled + count;
    await until(`${count} more payments`, () => this.settled >= goal);
  }

  /** Lets every caller end the payment that it is at. Rejects when one saw what it must not. */
  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#callers);
  }
}
