// Reads over HTTP: wallets, owners, holds and entries on a real engine; tags, instants, filters, tables, foreign owners.
// Guards against: a key that is bound to owners and sees, or takes money from, somebody else's wallet.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { type Answer, type GatewaySite, startGatewaySite } from "./gateway-site.ts";

type Json = Readonly<Record<string, unknown>>;

let site: GatewaySite;
const held = randomUUID();

before(async () => {
  site = await startGatewaySite();
  site.keys.add("amy", "admin", { owners: ["amy"] });
  site.keys.add("elsewhere", "admin", { tenant: "other" });
  for (const wallet of ["amy:usd", "amy:eur", "ben:usd"])
    await post("/v1/wallets", { wallet, asset: "USD/2" });
  await post("/v1/wallets", { wallet: "mint:usd", asset: "USD/2", min: "unlimited" });
  for (const [index, ref] of ["a", "=1+1", "a", "b", "a"].entries())
    await post("/v1/transfers", { from: "mint:usd", to: "amy:usd", amount: String(100 + index), ref });
  const hold = { ttlMs: 60_000 };
  await post("/v1/transfers", { id: held, from: "amy:usd", to: "ben:usd", amount: "7", hold });
});
after(() => site.stop());

const get = (path: string, headers: Record<string, string> = {}, key = "admin"): Promise<Answer> =>
  site.call("GET", path, { headers, key });

async function post(path: string, body: Json, key = "admin"): Promise<Answer> {
  return await site.call("POST", path, { body: { id: randomUUID(), ...body }, key });
}

const data = ({ json }: Answer): readonly Json[] => json["data"] as Json[];

describe("wallets and owners", () => {
  test("show balances with a tag that changes with them, and the instant in headers", async () => {
    const first = await get("/v1/owners/amy");
    assert.equal(first.status, 200, first.text);
    const wallets = first.json["wallets"] as Json[];
    assert.deepEqual(wallets.map(({ wallet }) => wallet).sort(), ["amy:eur", "amy:usd"]);
    assert.match(first.headers.get("coffer-as-of") ?? "", /^20\d\d-.*Z; shard=\d+; position=\d+$/);
    assert.equal(first.headers.get("age"), "0");
    assert.equal(first.headers.get("cache-control"), "private, no-cache");
    const tag = first.headers.get("etag") ?? "";
    assert.match(tag, /^"[\w-]+"$/);
    const same = await get("/v1/owners/amy", { "if-none-match": `"x", W/${tag}` });
    assert.deepEqual([same.status, same.text, same.headers.get("etag")], [304, "", tag]);
    await post("/v1/transfers", { from: "mint:usd", to: "amy:eur", amount: "1" });
    const changed = await get("/v1/owners/amy", { "if-none-match": tag });
    assert.equal(changed.status, 200);
    assert.notEqual(changed.headers.get("etag"), tag);
    assert.equal((await get("/v1/wallets/amy:usd")).json["held"], "7");
  });

  test("an owner's wallets are strong, whatever would do; entries and holds exist strong alone", async () => {
    assert.equal((await get("/v1/owners/amy?consistency=strong")).status, 200);
    const whole = await get("/v1/owners/amy?consistency=cached");
    assert.deepEqual([whole.status, whole.headers.get("age")], [200, "0"]);
    assert.equal((await get("/v1/owners/amy?consistency=old")).status, 400);
    assert.equal((await get("/v1/owners/amy/holds?consistency=cached")).status, 400);
    assert.equal((await get("/v1/wallets/amy:usd/entries?consistency=cached")).status, 400);
  });

  test("what is missing is 404 and not final", async () => {
    for (const path of ["/v1/wallets/amy:jpy", "/v1/owners/nobody", "/v1/wallets/amy:jpy/entries"]) {
      const answer = await get(path);
      assert.deepEqual(
        [answer.status, answer.json["code"], answer.json["final"]],
        [404, "wallet_not_found", false],
      );
    }
    const lost = await get(`/v1/transfers/${randomUUID()}?owner=amy`);
    assert.deepEqual([lost.status, lost.json["code"]], [404, "transfer_not_found"]);
  });
});

describe("holds and entries", () => {
  test("come in pages", async () => {
    const holds = await get("/v1/owners/amy/holds");
    assert.deepEqual(
      data(holds).map(({ id, status }) => [id, status]),
      [[held, "open"]],
    );
    const seen: unknown[] = [];
    let path: string | null = "/v1/wallets/amy:usd/entries?limit=4";
    while (path !== null) {
      const page: Answer = await get(path);
      seen.push(...data(page).map(({ version }) => version));
      const { next } = page.json;
      assert.equal(page.headers.get("link") !== null, next !== undefined);
      path = typeof next === "string" ? `/v1/wallets/amy:usd/entries?limit=4&cursor=${next}` : null;
    }
    assert.deepEqual(seen, ["7", "6", "5", "4", "3", "2", "1"]);
    assert.equal((await get("/v1/wallets/amy:usd/entries?cursor=nonsense")).status, 400);
    for (const limit of ["0", "501", "1.5", "-1", "x"])
      assert.equal((await get(`/v1/wallets/amy:usd/entries?limit=${limit}`)).status, 400, limit);
  });

  test("are filtered by reference and time", async () => {
    const byRef = await get("/v1/wallets/amy:usd/entries?ref=a&limit=2");
    assert.deepEqual(
      data(byRef).map(({ amount }) => amount),
      ["104", "102"],
    );
    const rest = await get(`/v1/wallets/amy:usd/entries?ref=a&limit=2&cursor=${byRef.json["next"]}`);
    assert.deepEqual(
      data(rest).map(({ amount }) => amount),
      ["100"],
    );
    const whole = data(await get("/v1/wallets/amy:usd/entries"));
    const middle = String(whole[3]?.["time"]);
    const times = (list: readonly Json[]): unknown[] => list.map(({ version }) => version);
    const from = data(await get(`/v1/wallets/amy:usd/entries?from=${middle}`));
    const to = data(await get(`/v1/wallets/amy:usd/entries?to=${middle}`));
    assert.deepEqual([...times(from), ...times(to)], times(whole));
    assert.equal((await get("/v1/wallets/amy:usd/entries?from=noon")).status, 400);
  });

  test("are a table when asked for, without formulas", async () => {
    const table = await get("/v1/wallets/amy:usd/entries", { accept: "text/csv" });
    assert.equal(table.headers.get("content-type"), "text/csv; charset=utf-8");
    const [head = "", ...rows] = table.text.trimEnd().split("\r\n");
    assert.equal(rows.length, 7);
    assert.equal(head.split(",").length, rows[0]?.split(",").length);
    assert.match(table.text, /,'=1\+1,/);
    assert.equal((await get("/v1/wallets/amy:usd/entries", { accept: "image/png" })).status, 406);
  });
});

describe("a key that is bound to owners", () => {
  test("sees foreign wallets as it sees missing ones", async () => {
    const pairs = [
      ["/v1/wallets/ben:usd", "/v1/wallets/zoe:usd"],
      ["/v1/owners/ben", "/v1/owners/zoe"],
      ["/v1/owners/ben/holds", "/v1/owners/zoe/holds"],
      ["/v1/wallets/ben:usd/entries", "/v1/wallets/zoe:usd/entries"],
      [`/v1/transfers/${held}?owner=ben`, `/v1/transfers/${held}?owner=zoe`],
    ] as const;
    for (const [foreign, missing] of pairs) {
      const [one, other] = [await get(foreign, {}, "amy"), await get(missing, {}, "amy")];
      assert.equal(one.status, 404, foreign);
      assert.equal(one.text.replaceAll("ben", "zoe"), other.text);
    }
    assert.equal((await get("/v1/owners/amy", {}, "amy")).status, 200);
  });

  test("takes money only from its own wallets and sees only their balances", async () => {
    const take = [
      { from: "ben:usd", to: "amy:usd", amount: "1" },
      {
        legs: [
          { from: "amy:usd", to: "ben:usd", amount: "1" },
          { from: "ben:usd", to: "amy:usd", amount: "1" },
        ],
      },
      { legs: [{ from: "ben:usd", to: "amy:usd", amount: "1" }] },
    ];
    for (const body of take) {
      const answer = await post("/v1/transfers", body, "amy");
      assert.deepEqual([answer.status, answer.json["code"]], [404, "wallet_not_found"], answer.text);
    }
    const commands = take.map((body) => ({ op: "transfer", id: randomUUID(), ...body }));
    const batch = await site.call("POST", "/v1/batches", { key: "amy", body: { commands } });
    const codes = (batch.json["outcomes"] as Json[]).map(({ code }) => code);
    assert.deepEqual(
      codes,
      take.map(() => "wallet_not_found"),
    );
    for (const path of ["freeze", "close"]) {
      const answer = await post(`/v1/wallets/ben:usd/${path}`, { reason: "mine" }, "amy");
      assert.equal(answer.status, 404);
    }
    const release = await post(`/v1/transfers/${held}/release?owner=ben`, {}, "amy");
    assert.deepEqual([release.status, release.json["code"]], [404, "hold_not_found"]);
    const paid = await post("/v1/transfers", { from: "amy:usd", to: "ben:usd", amount: "1" }, "amy");
    assert.equal(paid.status, 201, paid.text);
    assert.deepEqual(Object.keys(paid.json["balances"] as Json), ["amy:usd"]);
  });

  test("another tenant sees nothing of this one", async () => {
    assert.equal((await get("/v1/wallets/amy:usd", {}, "elsewhere")).status, 404);
    const take = await post("/v1/transfers", { from: "amy:usd", to: "ben:usd", amount: "1" }, "elsewhere");
    assert.deepEqual([take.status, take.json["code"]], [404, "wallet_not_found"]);
  });
});
