// Campaigns over HTTP on a real engine: terms, claims, caps, budgets, rounds, ends, and what each caller may see.
// Guards against: a second grant for one claim, a grant beyond the cap or the budget, a claim that is lost for good
// because its owner came too early.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { type Answer, type GatewaySite, startGatewaySite } from "./gateway-site.ts";

type Json = Readonly<Record<string, unknown>>;

let site: GatewaySite;
before(async () => {
  site = await startGatewaySite();
  site.keys.add("ann", "write", { owners: ["ann"] }).add("other", "admin", { owners: ["bob"] });
  await open("mint:usd", { min: "unlimited" });
});
after(() => site.stop());

const post = (path: string, body: Json, more: Json = {}): Promise<Answer> =>
  site.call("POST", path, { body, ...more });

async function open(wallet: string, more: Json = {}): Promise<void> {
  const answer = await post("/v1/wallets", { id: randomUUID(), wallet, asset: "USD/2", ...more });
  assert.ok(answer.status <= 201, answer.text);
}

async function fund(wallet: string, amount: number): Promise<void> {
  const move = { id: randomUUID(), from: "mint:usd", to: wallet, amount: String(amount) };
  assert.equal((await post("/v1/transfers", move)).status, 201);
}

async function posted(wallet: string): Promise<number> {
  return Number((await site.call("GET", `/v1/wallets/${wallet}`)).json["posted"]);
}

/** A campaign with a wallet of its own and so much in it. */
async function campaign(budget: number, more: Json = {}): Promise<{ id: string; wallet: string }> {
  const id = `c-${randomUUID().slice(0, 8)}`;
  const wallet = `${id}:usd`;
  await open(wallet);
  if (budget > 0) await fund(wallet, budget);
  const made = await post("/v1/campaigns", { id, wallet, amount: "100", capPerOwner: 1, ...more });
  assert.equal(made.status, 201, made.text);
  return { id, wallet };
}

/** An owner with an open wallet. */
async function claimant(): Promise<string> {
  const owner = `o${randomUUID().slice(0, 8)}`;
  await open(`${owner}:usd`);
  return owner;
}

const claim = (id: string, body: Json, more: Json = {}): Promise<Answer> =>
  post(`/v1/campaigns/${id}/claims`, body, more);

function assertProblem(answer: Answer, status: number, code: string, final?: boolean): void {
  assert.deepEqual([answer.status, answer.json["code"]], [status, code], answer.text);
  if (final !== undefined) assert.equal(answer.json["final"], final, answer.text);
}

describe("making a campaign", () => {
  test("201 with a location; equal again 200 with the same body, other terms 422", async () => {
    await open("spring:usd");
    const body = { id: "spring.2026", wallet: "spring:usd", amount: "500", capPerOwner: 3, ref: "s" };
    const made = await post("/v1/campaigns", { ...body, from: "2026-01-01T01:00:00+01:00" });
    assert.equal(made.status, 201, made.text);
    assert.equal(made.headers.get("location"), "/v1/campaigns/spring.2026");
    const { created, ...shown } = made.json;
    assert.equal(typeof created, "string");
    const terms = { ...body, purse: "usd", from: "2026-01-01T00:00:00.000Z" };
    assert.deepEqual(shown, { ...terms, asset: "USD/2", status: "open", round: 1 });
    const again = await post("/v1/campaigns", terms);
    assert.deepEqual([again.status, again.text], [200, made.text]);
    assert.equal((await site.call("GET", "/v1/campaigns/spring.2026")).text, made.text);
    for (const other of [{ amount: "501" }, { capPerOwner: 2 }, { wallet: "mint:usd" }, { ref: "t" }])
      assertProblem(await post("/v1/campaigns", { ...terms, ...other }), 422, "campaign_exists", true);
  });

  test("an Idempotency-Key stands for the id; exactly one of both must be there", async () => {
    const terms = { wallet: "mint:usd", amount: "1", capPerOwner: 1 };
    const headers = { "idempotency-key": "autumn" };
    const made = await post("/v1/campaigns", terms, { headers });
    const again = await post("/v1/campaigns", terms, { headers });
    assert.deepEqual([made.status, again.status, again.text], [201, 200, made.text]);
    assertProblem(await post("/v1/campaigns", terms), 400, "id_invalid");
    assertProblem(await post("/v1/campaigns", { ...terms, id: "a" }, { headers }), 400, "id_invalid");
  });

  test("terms that do not fit are told by the codes of commands", async () => {
    const good = { id: "bad", wallet: "mint:usd", amount: "1", capPerOwner: 1 };
    const cases: readonly (readonly [Json, number, string])[] = [
      [{ id: "." }, 400, "id_invalid"],
      [{ id: "a..b" }, 400, "id_invalid"],
      [{ id: "x".repeat(65) }, 400, "id_invalid"],
      [{ wallet: "mint" }, 400, "wallet_invalid"],
      [{ amount: "0" }, 400, "amount_invalid"],
      [{ amount: 5 }, 400, "amount_invalid"],
      [{ capPerOwner: 0 }, 400, "malformed"],
      [{ capPerOwner: 1001 }, 400, "malformed"],
      [{ purse: "A" }, 400, "malformed"],
      [{ ref: "r".repeat(129) }, 400, "too_large"],
      [{ from: "tomorrow" }, 400, "malformed"],
      [{ from: "2026-01-02T00:00:00Z", to: "2026-01-01T00:00:00Z" }, 400, "malformed"],
      [{ budget: "5" }, 400, "malformed"],
      [{ wallet: "nobody:usd" }, 404, "wallet_not_found"],
    ];
    for (const [change, status, code] of cases)
      assertProblem(await post("/v1/campaigns", { ...good, ...change }), status, code);
    assertProblem(await site.call("GET", "/v1/campaigns/bad"), 404, "campaign_not_found");
  });
});

describe("claims", () => {
  test("201 with the outcome; a repeat is the same one, and so is what its location shows", async () => {
    const { id, wallet } = await campaign(1_000);
    const owner = await claimant();
    const first = await claim(id, { owner });
    assert.equal(first.status, 201, first.text);
    assert.deepEqual(
      [first.json["campaign"], first.json["ordinal"], first.json["status"]],
      [id, 1, "posted"],
    );
    const repeat = await claim(id, { owner, ordinal: 1 });
    assert.equal(repeat.status, 201, repeat.text);
    assert.equal(repeat.headers.get("idempotent-replayed"), "true");
    assert.deepEqual({ ...repeat.json, replayed: false }, first.json);
    const location = first.headers.get("location") ?? "";
    assert.equal(location, `/v1/campaigns/${id}/claims/1?owner=${owner}`);
    const read = await site.call("GET", location);
    assert.deepEqual({ ...read.json, replayed: false }, first.json, read.text);
    assert.deepEqual([await posted(`${owner}:usd`), await posted(wallet)], [100, 900]);
  });

  test("each ordinal up to the cap is one grant; which one must be said, and no key is taken", async () => {
    const { id } = await campaign(1_000, { capPerOwner: 2 });
    const owner = await claimant();
    const answers = await Promise.all([1, 2, 2, 1].map((ordinal) => claim(id, { owner, ordinal })));
    assert.deepEqual(
      answers.map((answer) => answer.status),
      [201, 201, 201, 201],
    );
    assert.equal(await posted(`${owner}:usd`), 200);
    assertProblem(await claim(id, { owner, ordinal: 3 }), 422, "campaign_cap", true);
    assertProblem(await claim(id, { owner }), 400, "malformed");
    assertProblem(await claim(id, { owner, ordinal: 1.5 }), 400, "malformed");
    assertProblem(await claim(id, { owner, ordinal: 1, id: randomUUID() }), 400, "malformed");
    const headers = { "idempotency-key": "k" };
    assertProblem(await claim(id, { owner, ordinal: 1 }, { headers }), 400, "id_invalid");
    assertProblem(await claim("nothing", { owner }), 404, "campaign_not_found");
  });

  test("respond-async answers 202 with where the claim can be read", async () => {
    const { id } = await campaign(1_000);
    const owner = await claimant();
    const answer = await claim(id, { owner }, { headers: { prefer: "respond-async" } });
    assert.equal(answer.status, 202, answer.text);
    assert.deepEqual([answer.json["campaign"], answer.json["ordinal"]], [id, 1]);
    assert.equal(answer.headers.get("location"), `/v1/campaigns/${id}/claims/1?owner=${owner}`);
    assert.equal((await claim(id, { owner })).status, 201);
    assert.equal(await posted(`${owner}:usd`), 100);
  });

  test("who claims without a wallet, or with a frozen one, loses nothing by it", async () => {
    const { id } = await campaign(1_000);
    const owner = `o${randomUUID().slice(0, 8)}`;
    assertProblem(await claim(id, { owner }), 404, "wallet_not_found", false);
    await open(`${owner}:usd`);
    await post(`/v1/wallets/${owner}:usd/freeze`, { id: randomUUID(), reason: "a test" });
    assertProblem(await claim(id, { owner }), 422, "wallet_frozen", false);
    await post(`/v1/wallets/${owner}:usd/unfreeze`, { id: randomUUID(), reason: "a test" });
    assert.equal((await claim(id, { owner })).status, 201);
    const wrong = await post("/v1/wallets", { id: randomUUID(), wallet: `${owner}:eur`, asset: "EUR/2" });
    assert.equal(wrong.status, 201);
    assertProblem(await claim(id, { owner: id }), 400, "same_wallet", true);
    const other = await campaign(1_000, { purse: "eur" });
    assertProblem(await claim(other.id, { owner }), 422, "asset_mismatch", true);
  });

  test("the budget is exact: the last claim that fits is granted, the next is told to come back", async () => {
    const { id, wallet } = await campaign(350);
    const owners = await Promise.all(Array.from({ length: 8 }, claimant));
    const answers = await Promise.all(owners.map((owner) => claim(id, { owner })));
    const granted = answers.filter(({ status }) => status === 201);
    assert.equal(granted.length, 3, answers.map(({ text }) => text).join("\n"));
    const refused = answers.filter(({ status }) => status !== 201);
    for (const answer of refused) {
      assertProblem(answer, 503, "campaign_exhausted", false);
      assert.equal(answer.headers.get("retry-after"), "1");
    }
    assert.equal(await posted(wallet), 50);
    const lucky = owners[answers.findIndex(({ status }) => status === 201)] ?? "";
    const repeat = await claim(id, { owner: lucky });
    assert.deepEqual([repeat.status, repeat.headers.get("idempotent-replayed")], [201, "true"]);
  });
});

describe("ends and rounds", () => {
  test("closed: no new claim, what was granted is still told", async () => {
    const { id } = await campaign(1_000);
    const [early, late] = [await claimant(), await claimant()];
    const first = await claim(id, { owner: early });
    const closed = await post(`/v1/campaigns/${id}/close`, {});
    assert.deepEqual([closed.status, closed.json["status"]], [200, "closed"], closed.text);
    assert.equal((await site.call("POST", `/v1/campaigns/${id}/close`)).text, closed.text);
    const repeat = await claim(id, { owner: early });
    assert.deepEqual({ ...repeat.json, replayed: false }, first.json);
    assert.equal(repeat.headers.get("idempotent-replayed"), "true");
    assertProblem(await claim(id, { owner: late }), 422, "campaign_closed", false);
    assertProblem(
      await site.call("GET", `/v1/campaigns/${id}/claims/1?owner=${late}`),
      404,
      "transfer_not_found",
    );
  });

  test("outside its times a campaign takes no claim; long after its end that is final", async () => {
    const owner = await claimant();
    const past = await campaign(1_000, { to: "2020-01-01T00:00:00Z" });
    assertProblem(await claim(past.id, { owner }), 422, "campaign_closed", true);
    const future = await campaign(1_000, { from: "2100-01-01T00:00:00Z" });
    assertProblem(await claim(future.id, { owner }), 422, "campaign_closed", false);
  });
});

describe("who may", () => {
  test("a key of the claimant claims for him alone, and does not see the campaign's wallet", async () => {
    const { id } = await campaign(1_000);
    await open("ann:usd");
    const answer = await claim(id, { owner: "ann" }, { key: "ann" });
    assert.equal(answer.status, 201, answer.text);
    assert.deepEqual(
      Object.keys(answer.json["balances"] as Json).filter((name) => name !== "ann:usd"),
      [],
    );
    const read = await site.call("GET", answer.headers.get("location") ?? "", { key: "ann" });
    assert.equal(read.status, 200, read.text);
    assert.doesNotMatch(read.text, new RegExp(`${id}:usd`));
    assertProblem(await claim(id, { owner: "mint" }, { key: "ann" }), 404, "wallet_not_found");
    assertProblem(await site.call("GET", `/v1/campaigns/${id}`, { key: "ann" }), 404, "campaign_not_found");
  });

  test("a campaign is its wallet's owner's: others cannot make, see, close or change it", async () => {
    const { id, wallet } = await campaign(1_000);
    const key = "other";
    const terms = { id: "theft", wallet, amount: "1", capPerOwner: 1 };
    assertProblem(await post("/v1/campaigns", terms, { key }), 404, "wallet_not_found");
    assertProblem(await site.call("GET", `/v1/campaigns/${id}`, { key }), 404, "campaign_not_found");
    assertProblem(await post(`/v1/campaigns/${id}/close`, {}, { key }), 404, "campaign_not_found");
    assertProblem(await post(`/v1/campaigns/${id}/rounds`, { round: 2 }, { key }), 404, "campaign_not_found");
  });
});
