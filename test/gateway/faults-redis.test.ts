// Faults of the Redis that gateways share: it is killed, emptied, stands still, and is written full of what is not theirs,
// while callers pay, repeat, claim and read. Guards against: a payment, a grant or an answer that the cache decided.
// After each fault every wallet holds what the answers said, the campaign gave exactly what it had, nobody got more than
// the cap, every repeat was answered as the first time, and every cached read showed what the wallet's entries have.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { until } from "../support/condition.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { CachedReader } from "./cached-reader.ts";
import { FaultSite, Load, type Payment } from "./fault-site.ts";
import type { Answer } from "./gateway-site.ts";
import { Promotion } from "./promotion.ts";
import { Scrape } from "./scrape.ts";

const CALLERS = 8;
/** Payments before and after a fault. */
const FLOWS = 8;
/** Between two steps of a caller who repeats, claims or reads, ms. */
const THINK_MS = 30;
/** How long Redis stands still, ms. */
const FROZEN_MS = 1_000;
const FLUSHES = 4;
const POISONINGS = 6;

interface Scene {
  readonly site: FaultSite;
  readonly redis: TestRedis;
  readonly urls: readonly string[];
  readonly load: Load;
  readonly promotion: Promotion;
}

type Fault = (scene: Scene) => Promise<void>;

const FAULTS: readonly (readonly [string, Fault])[] = [
  ["Redis that is killed and comes back empty costs nothing but speed", killed],
  ["so does Redis that is emptied again and again", emptied],
  ["so does Redis that stands still", stoodStill],
  ["so does Redis that is full of garbage, of copies, and of what was true before", poisoned],
];

test("HTTP over gateways that share Redis", async (t) => {
  const redis = await startTestRedis();
  t.after(() => redis.stop());
  const site = await FaultSite.start(t, { redisUrl: redis.url });
  const urls = [site.gateway.url, (await site.startGateway({ redisUrl: redis.url })).url];
  for (const [index, [name, fault]] of FAULTS.entries()) {
    await t.test(name, async () => {
      await underLoad({ site, redis, urls, fault, name: `promo${index}` });
      await site.prove();
    });
  }
});

/** A fault while everything that gateways do with a cache goes on. */
async function underLoad({
  name,
  fault,
  ...parts
}: Omit<Scene, "load" | "promotion"> & { name: string; fault: Fault }) {
  const { site, urls, redis } = parts;
  const promotion = await Promotion.make(site, urls, name);
  const reader = new CachedReader(site, urls);
  const repeater = new Repeater(site, urls);
  const load = new Load(site, CALLERS, (caller) => urls[caller % urls.length] ?? "");
  const steps = [() => repeater.next(), () => promotion.claimNext(), () => reader.readNext()];
  const over = new AbortController();
  const others = Promise.all(steps.map((step) => again(step, over.signal)));
  // Who fails is seen at the end.
  others.catch(() => undefined);
  try {
    await load.flows(FLOWS);
    await untilUsed(redis);
    promotion.openAll();
    await fault({ ...parts, load, promotion });
    await load.flows(FLOWS);
    await untilUsed(redis);
  } finally {
    over.abort();
    load.end().catch(() => undefined);
  }
  await Promise.all([load.end(), others]);
  await promotion.exhaust();
  await repeater.repeatAll();
  await reader.prove();
}

async function again(step: () => Promise<void>, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    await step();
    await delay(THINK_MS);
  }
}

async function killed({ redis, load, promotion }: Scene): Promise<void> {
  await redis.kill();
  await Promise.all([load.flows(FLOWS), promotion.grows()]);
  await redis.restart();
}

async function emptied({ redis, load }: Scene): Promise<void> {
  for (let round = 0; round < FLUSHES; round += 1) {
    await redis.command("FLUSHALL");
    await load.flows(FLOWS / 2);
  }
}

async function stoodStill({ redis, load, promotion }: Scene): Promise<void> {
  redis.freeze();
  try {
    await Promise.all([delay(FROZEN_MS), load.flows(FLOWS), promotion.grows()]);
  } finally {
    redis.thaw();
  }
}

async function poisoned({ redis, load, urls, promotion }: Scene): Promise<void> {
  const before = await refusedBy(urls);
  // First a number that looks like a count, and says that all is spent.
  const sums = (await keysOf(redis, "c:")).filter((key) => key.endsWith("}"));
  assert.ok(sums.length > 0);
  await Promise.all(sums.map((key) => redis.command("SET", key, "5000000")));
  await promotion.grows();
  const once = new Map<string, string>();
  for (let round = 0; round < POISONINGS; round += 1) {
    await poison(redis, once, round);
    await load.flows(FLOWS / 2);
  }
  const after = await refusedBy(urls);
  for (const [index, refused] of after.entries())
    assert.ok(refused > (before[index] ?? 0), "each gateway has met what is not its own");
}

/** Overwrites every key, another way each round. @param once the first value that was seen under each key */
async function poison(redis: TestRedis, once: Map<string, string>, round: number): Promise<void> {
  const keys = await keysOf(redis, "");
  for (const [index, key] of keys.entries()) {
    const own = String(await redis.command("GET", key).catch(() => ""));
    if (!once.has(key)) once.set(key, own);
    const other = keys[(index + 1 + round) % keys.length] ?? key;
    const texts = ["", "garbage", "0", "9223372036854775807", own.slice(0, 60), own.replaceAll("1", "7")];
    const ways: readonly (readonly string[])[] = [
      ...texts.map((text) => ["SET", key, text]),
      ["SET", key, once.get(key) ?? ""],
      ["COPY", other, key, "REPLACE"],
      ["COPY", other, key, "REPLACE"],
      ["EVAL", "redis.call('DEL', KEYS[1]) return redis.call('RPUSH', KEYS[1], 'a')", "1", key],
    ];
    const way = ways[(index + round * 3) % ways.length];
    if (way !== undefined) await redis.command(...way);
  }
}

/** Waits until gateways keep wallets, outcomes and counts of claims in Redis. */
async function untilUsed(redis: TestRedis): Promise<void> {
  await until("Redis is used", async () => {
    const kinds = await Promise.all(["w", "o", "c"].map((kind) => keysOf(redis, `${kind}:`)));
    return kinds.every((keys) => keys.length > 0);
  });
}

async function keysOf(redis: TestRedis, kind: string): Promise<string[]> {
  const keys = await redis.command("KEYS", `coffer:*:${kind}*`);
  return Array.isArray(keys) ? keys.map(String) : [];
}

/** What each gateway has found in Redis and not taken. */
async function refusedBy(urls: readonly string[]): Promise<number[]> {
  return await Promise.all(
    urls.map(async (url) => (await Scrape.of(url)).value('cache_total{kind="refused"}')),
  );
}

/** A caller who pays at one gateway, and then repeats and alters that at another. */
class Repeater {
  readonly #site: FaultSite;
  readonly #urls: readonly string[];
  readonly #paid: Payment[] = [];

  constructor(site: FaultSite, urls: readonly string[]) {
    this.#site = site;
    this.#urls = urls;
  }

  /** Pays, repeats, alters, and repeats an earlier payment. */
  async next(): Promise<void> {
    const payment = this.#site.payment();
    const at = this.#paid.length % this.#urls.length;
    const [first = "", other = ""] = [this.#urls[at], this.#urls[(at + 1) % this.#urls.length]];
    await this.#site.pay(payment, () => first);
    await this.#conflict({ ...payment, amount: payment.amount + 1n }, other);
    await this.#repeat(payment, other);
    this.#paid.push(payment);
    const earlier = this.#paid[Math.floor(this.#paid.length / 2)];
    if (earlier !== undefined) await this.#repeat(earlier, first);
  }

  /** Repeats every payment at every gateway. */
  async repeatAll(): Promise<void> {
    assert.ok(this.#paid.length > 0, "something was paid");
    const repeats = this.#paid.flatMap((payment) => this.#urls.map((url) => this.#repeat(payment, url)));
    await Promise.all(repeats);
  }

  /** The site's books require the first outcome, word by word. */
  async #repeat(payment: Payment, url: string): Promise<void> {
    const { headers } = await this.#site.pay(payment, () => url);
    assert.equal(headers.get("idempotent-replayed"), "true");
  }

  async #conflict(altered: Payment, url: string): Promise<void> {
    const send = (): Promise<Answer> => this.#site.send(altered, { url });
    const { status, json, text } = await this.#site.settle("an altered payment", send);
    assert.deepEqual([status, json["code"]], [422, "id_conflict"], text);
  }
}
