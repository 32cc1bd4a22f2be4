// Cached reads of wallets over HTTP on a real engine: ages, tags, events, and the balance at a time that has passed.
// The first gateway hears no events, so that age alone bounds what it shows; its steady clock is moved by the tests. For
// the second one hardly any time passes, so that events alone can bring a change.
// Guards against: a balance that is older than it says, and one of a wallet that the caller may not see.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { until } from "../support/condition.ts";
import { type Answer, type GatewaySite, startGatewaySite, testClock } from "./gateway-site.ts";

type Entry = Readonly<Record<"version" | "time", string>> & { readonly balance: object };

let passedMs = 0;
const movedClock = { ...testClock, steadyMs: () => performance.now() + passedMs };
const slowClock = { ...testClock, steadyMs: () => performance.now() / 1_000 };
const sites: { deaf: GatewaySite; hearing: GatewaySite } = Object.create(null);

before(async () => {
  const [deaf, hearing] = await Promise.all([
    startGatewaySite({ shards: 1, events: false, clock: movedClock }),
    startGatewaySite({ shards: 2, clock: slowClock }),
  ]);
  Object.assign(sites, { deaf, hearing });
  for (const site of [deaf, hearing]) {
    await post(site, "/v1/wallets", { wallet: "mint:usd", asset: "USD/2", min: "unlimited" });
    for (const wallet of ["amy:usd", "ben:usd"]) await post(site, "/v1/wallets", { wallet, asset: "USD/2" });
  }
});
after(async () => {
  await Promise.all([sites.deaf?.stop(), sites.hearing?.stop()]);
});

async function post(
  site: GatewaySite,
  path: string,
  body: Readonly<Record<string, unknown>>,
): Promise<Answer> {
  const answer = await site.call("POST", path, { body: { id: randomUUID(), ...body } });
  assert.ok(answer.status < 300, answer.text);
  return answer;
}

const pay = (site: GatewaySite, to = "amy:usd", amount = "1"): Promise<Answer> =>
  post(site, "/v1/transfers", { from: "mint:usd", to, amount });

/** Reads a wallet; `cached` unless the headers or the query say otherwise. */
const read = (
  site: GatewaySite,
  headers: Record<string, string> = {},
  query = "consistency=cached",
  wallet = "amy:usd",
): Promise<Answer> => site.call("GET", `/v1/wallets/${wallet}?${query}`, { headers, key: "read" });

const ageOf = ({ headers }: Answer): number => Number(headers.get("age"));
const strong = (site: GatewaySite): Promise<Answer> => read(site, {}, "consistency=strong");

/** The wallet as it is, by a read that no cache learns of. */
async function unkept(site: GatewaySite): Promise<Readonly<Record<string, unknown>>> {
  const { json } = await site.call("GET", "/v1/owners/amy");
  assert.ok(Array.isArray(json["wallets"]));
  return json["wallets"][0];
}

describe("a cached read", () => {
  test("says what a strong one says, with its age, tag and instant", async () => {
    const { deaf } = sites;
    const first = await read(deaf);
    assert.deepEqual([first.status, ageOf(first)], [200, 0], first.text);
    const again = await read(deaf);
    const now = await strong(deaf);
    assert.deepEqual([again.text, again.headers.get("etag")], [now.text, now.headers.get("etag")]);
    assert.equal(again.headers.get("coffer-as-of"), first.headers.get("coffer-as-of"));
    assert.equal(again.headers.get("cache-control"), "private, no-cache");
    assert.equal(ageOf(again), 1, "rounded up, so that it is never understated");
    const tag = again.headers.get("etag") ?? "";
    const same = await read(deaf, { "if-none-match": tag });
    assert.deepEqual([same.status, same.text, same.headers.get("etag")], [304, "", tag]);
  });

  test("never shows what was current longer ago than is declared, or than is asked for", async () => {
    const { deaf } = sites;
    await read(deaf, { "cache-control": "max-age=0" });
    passedMs += 6_000;
    const old = await read(deaf);
    await pay(deaf);
    const fresh = await strong(deaf);
    assert.notEqual(fresh.text, old.text);
    // The strong read was kept, so a payment more is what cached reads cannot know of yet.
    await pay(deaf);
    passedMs += 2_000;
    const kept = await read(deaf);
    assert.equal(kept.text, fresh.text, "two seconds old");
    assert.ok(ageOf(kept) >= 2 && ageOf(kept) <= 5);
    assert.equal((await read(deaf, { "cache-control": "max-age=60" })).text, fresh.text, "5 s at most");
    for (const less of ["max-age=1", "no-cache", "max-age=0", "private, max-age=1"]) {
      passedMs += 2_000;
      const answer = await read(deaf, { "cache-control": less });
      assert.notEqual(answer.text, fresh.text, less);
      assert.equal(ageOf(answer), 0, less);
    }
    await pay(deaf);
    passedMs += 5_001;
    assert.equal((await read(deaf)).text, (await strong(deaf)).text, "older than declared");
  });

  test("is refused for foreign wallets and missing for missing ones, however warm the cache is", async () => {
    const { deaf } = sites;
    deaf.keys.add("ben", "read", { owners: ["ben"] }).add("elsewhere", "read", { tenant: "other" });
    await read(deaf);
    for (const key of ["ben", "elsewhere"]) {
      const answer = await deaf.call("GET", "/v1/wallets/amy:usd?consistency=cached", { key });
      assert.deepEqual([answer.status, answer.json["code"]], [404, "wallet_not_found"], key);
    }
    assert.equal((await read(deaf, {}, "consistency=cached", "amy:jpy")).status, 404);
  });
});

describe("events", () => {
  test("bring a change to cached reads before the age does", async () => {
    const { hearing } = sites;
    const tags = new Set<unknown>();
    for (let round = 0; round < 5; round += 1) {
      await read(hearing);
      await pay(hearing);
      const now = await unkept(hearing);
      const seen = await until("the change shows", async () => {
        const answer = await read(hearing);
        return answer.json["version"] === now["version"] ? answer : null;
      });
      assert.deepEqual(seen.json, now);
      tags.add(seen.headers.get("etag"));
    }
    assert.equal(tags.size, 5);
  });

  test("bring holds, and what is more than balances", async () => {
    const { hearing } = sites;
    const changes: (readonly [string, object])[] = [
      ["/v1/transfers", { from: "amy:usd", to: "ben:usd", amount: "1", hold: { ttlMs: 60_000 } }],
      ["/v1/wallets/amy:usd/freeze", { reason: "test" }],
      ["/v1/wallets/amy:usd/unfreeze", { reason: "test" }],
    ];
    for (const [path, body] of changes) {
      await read(hearing);
      await post(hearing, path, { ...body });
      const now = await unkept(hearing);
      await until(`${path} shows`, async () => (await read(hearing)).json["version"] === now["version"]);
      assert.deepEqual((await read(hearing)).json, now);
    }
  });
});

describe("the balance at a time", () => {
  test("is that of the newest entry which is not younger", async () => {
    const { hearing } = sites;
    for (let count = 0; count < 25; count += 1) await pay(hearing, "ben:usd");
    const page = await hearing.call("GET", "/v1/wallets/ben:usd/entries?limit=500");
    const entries = page.json["data"];
    assert.ok(Array.isArray(entries) && entries.length > 25);
    for (const at of [entries[0], entries[3], entries[24], entries.at(-1)]) {
      const same: Entry = entries.find(({ time }: Entry) => time <= at.time);
      const past = await read(hearing, {}, `at=${at.time}`, "ben:usd");
      const { balance, version, time } = same;
      const asset = "USD/2";
      assert.deepEqual(past.json, {
        ...{ wallet: "ben:usd", asset, at: at.time, version, time },
        ...balance,
      });
    }
    const before = new Date(Date.parse(entries.at(-1).time) - 1).toISOString();
    assert.equal((await read(hearing, {}, `at=${before}`, "ben:usd")).json["code"], "wallet_not_found");
    assert.equal((await read(hearing, {}, "at=1900-01-01T00:00:00Z", "ben:usd")).status, 404);
  });

  test("is of the past alone, a time, and strong", async () => {
    const soon = new Date(Date.now() + 60_000).toISOString();
    const now = new Date().toISOString();
    for (const query of [
      `at=${soon}`,
      "at=noon",
      "at=",
      `at=${now}&consistency=cached`,
      "at=2026-02-30T00:00:00Z",
    ]) {
      const answer = await read(sites.hearing, {}, query);
      assert.deepEqual([answer.status, answer.json["code"]], [400, "malformed"], query);
    }
    assert.equal((await read(sites.hearing, {}, `at=${now}&consistency=strong`, "mint:usd")).status, 200);
  });
});
