// Commands over HTTP: each route end to end on a real engine, ids and keys, replays, waits, and how refusals look.
// Guards against: a retry that moves money twice, and a failure that is told as final and is not.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { type Answer, type GatewaySite, startGatewaySite } from "./gateway-site.ts";

let site: GatewaySite;
before(async () => {
  site = await startGatewaySite();
  await open("mint:usd", { min: "unlimited" });
});
after(() => site.stop());

type Json = Readonly<Record<string, unknown>>;

const post = (path: string, body: Json, headers: Record<string, string> = {}): Promise<Answer> =>
  site.call("POST", path, { body, headers });

async function open(wallet: string, more: Json = {}): Promise<void> {
  const answer = await post("/v1/wallets", { id: randomUUID(), wallet, asset: "USD/2", ...more });
  assert.equal(answer.status, 201, answer.text);
}

/** Two open wallets, the first with some money. */
async function pair(): Promise<{ from: string; to: string; owner: string }> {
  const owner = `o${randomUUID().slice(0, 8)}`;
  const [from, to] = [`${owner}:usd`, `p${owner}:usd`];
  await Promise.all([open(from), open(to)]);
  await post("/v1/transfers", { id: randomUUID(), from: "mint:usd", to: from, amount: "1000" });
  return { from, to, owner };
}

async function posted(wallet: string): Promise<unknown> {
  return (await site.call("GET", `/v1/wallets/${wallet}`)).json["posted"];
}

function assertProblem(answer: Answer, status: number, code: string): void {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.headers.get("content-type"), "application/problem+json");
  assert.equal(answer.json["code"], code, answer.text);
  assert.equal(answer.json["status"], status);
  const fields = ["code", "detail", "final", "id", "instance", "status", "title", "type"];
  assert.deepEqual(Object.keys(answer.json).sort(), fields);
}

describe("wallets", () => {
  test("opening answers 201 with a location, 200 when it was open with the same fields", async () => {
    const body = { wallet: "ann:usd", asset: "USD/2" };
    const id = randomUUID();
    const first = await post("/v1/wallets", { id, ...body });
    assert.equal(first.status, 201, first.text);
    assert.equal(first.headers.get("location"), "/v1/wallets/ann:usd");
    assert.equal(first.json["status"], "open");
    assert.equal((await post("/v1/wallets", { id: randomUUID(), ...body })).status, 200);
    const replay = await post("/v1/wallets", { id, ...body });
    assert.equal(replay.status, 201);
    assert.equal(replay.headers.get("idempotent-replayed"), "true");
    assertProblem(
      await post("/v1/wallets", { id: randomUUID(), ...body, asset: "EUR/2" }),
      422,
      "wallet_exists",
    );
  });

  test("limits, freeze, unfreeze and close change it", async () => {
    await open("bea:usd");
    const limit = await site.call("PATCH", "/v1/wallets/bea:usd", { body: { id: randomUUID(), max: "50" } });
    assert.equal(limit.status, 200, limit.text);
    const reason = "a test";
    const too = { id: randomUUID(), from: "mint:usd", to: "bea:usd", amount: "51" };
    assertProblem(await post("/v1/transfers", too), 422, "max_exceeded");
    assert.equal(
      (await post("/v1/wallets/bea:usd/freeze", { id: randomUUID(), reason })).json["status"],
      "done",
    );
    const into = { id: randomUUID(), from: "mint:usd", to: "bea:usd", amount: "1" };
    assertProblem(await post("/v1/transfers", into), 422, "wallet_frozen");
    assert.equal((await post("/v1/wallets/bea:usd/unfreeze", { id: randomUUID(), reason })).status, 200);
    assert.equal((await post("/v1/wallets/bea:usd/close", { id: randomUUID(), reason })).status, 200);
    assert.equal((await site.call("GET", "/v1/wallets/bea:usd")).json["status"], "closed");
  });
});

describe("transfers", () => {
  test("one leg: 201 with the outcome and where it can be read", async () => {
    const { from, to, owner } = await pair();
    const id = randomUUID();
    const answer = await post("/v1/transfers", { id, from, to, amount: "400", ref: "order-7" });
    assert.equal(answer.status, 201, answer.text);
    assert.equal(answer.json["status"], "posted");
    assert.equal(answer.headers.get("location"), `/v1/transfers/${id}?owner=${owner}`);
    assert.deepEqual([await posted(from), await posted(to)], ["600", "400"]);
    const read = await site.call("GET", answer.headers.get("location") ?? "");
    assert.deepEqual([read.status, read.json["status"], read.json["id"]], [200, "posted", id]);
  });

  test("hold, capture, release and reverse", async () => {
    const { from, to, owner } = await pair();
    const [held, other] = [randomUUID(), randomUUID()];
    const hold = { ttlMs: 60_000 };
    assert.equal(
      (await post("/v1/transfers", { id: held, from, to, amount: "300", hold })).json["status"],
      "held",
    );
    assert.equal((await post("/v1/transfers", { id: other, from, to, amount: "100", hold })).status, 201);
    const capture = await post(`/v1/transfers/${held}/capture?owner=${owner}`, {
      id: randomUUID(),
      amount: "200",
    });
    assert.deepEqual([capture.status, capture.json["status"]], [200, "captured"]);
    const release = await site.call("POST", `/v1/transfers/${other}/release?owner=${owner}`, {
      headers: { "idempotency-key": "release-1" },
    });
    assert.deepEqual([release.status, release.json["status"]], [200, "released"], release.text);
    const reverse = await post(`/v1/transfers/${held}/reverse?owner=${owner}`, {
      id: randomUUID(),
      amount: "50",
    });
    assert.deepEqual([reverse.status, reverse.json["status"]], [200, "reversed"]);
    assert.deepEqual([await posted(from), await posted(to)], ["850", "150"]);
    const again = await post(`/v1/transfers/${held}/capture?owner=${owner}`, { id: randomUUID() });
    assertProblem(again, 422, "hold_settled");
    const unknown = await post(`/v1/transfers/${randomUUID()}/capture?owner=${owner}`, { id: randomUUID() });
    assertProblem(unknown, 404, "hold_not_found");
    assert.equal(unknown.json["final"], true);
  });

  test("a refusal is a problem, final, with the id, and its replay is the same", async () => {
    const { from, to } = await pair();
    const body = { id: randomUUID(), from, to, amount: "1001" };
    const [first, again] = [await post("/v1/transfers", body), await post("/v1/transfers", body)];
    assertProblem(first, 422, "insufficient_funds");
    assert.deepEqual([first.json["final"], first.json["id"]], [true, body.id]);
    assert.deepEqual([again.status, again.text], [first.status, first.text]);
    assert.deepEqual(
      [first.headers.get("idempotent-replayed"), again.headers.get("idempotent-replayed")],
      [null, "true"],
    );
  });

  test("a version that is not the expected one is 409, a missing wallet 404", async () => {
    const { from, to } = await pair();
    const ifVersion = { [from]: "77" };
    const stale = { id: randomUUID(), from, to, amount: "1", ifVersion };
    assertProblem(await post("/v1/transfers", stale), 409, "version_mismatch");
    const lost = { id: randomUUID(), from, to: `${from}x`, amount: "1" };
    assertProblem(await post("/v1/transfers", lost), 404, "wallet_not_found");
  });
});

describe("ids and keys", () => {
  test("the same key moves money once, on each repeat and for every spelling of the key", async () => {
    const { from, to } = await pair();
    const body = { from, to, amount: "10" };
    const first = await post("/v1/transfers", body, { "idempotency-key": "order 7" });
    const again = await post("/v1/transfers", body, { "idempotency-key": '"order 7"' });
    assert.deepEqual([first.status, again.status], [201, 201], first.text + again.text);
    assert.equal(first.json["id"], again.json["id"]);
    assert.equal(again.headers.get("idempotent-replayed"), "true");
    assert.equal(await posted(to), "10");
    const other = await post("/v1/transfers", { ...body, amount: "11" }, { "idempotency-key": "order 7" });
    assertProblem(other, 422, "id_conflict");
  });

  test("copies that arrive at once are carried out once and all answered", async () => {
    const { from, to } = await pair();
    const body = { id: randomUUID(), from, to, amount: "5" };
    const answers = await Promise.all(Array.from({ length: 20 }, () => post("/v1/transfers", body)));
    assert.ok(answers.every(({ status }) => status === 201));
    assert.equal(answers.filter(({ headers }) => headers.get("idempotent-replayed") === null).length, 1);
    assert.equal(await posted(to), "5");
    const mixed = await Promise.all([
      post("/v1/transfers", { ...body, id: "0190c0de-0000-7000-8000-000000000000" }),
      post("/v1/transfers", { ...body, id: "0190c0de-0000-7000-8000-000000000000", amount: "6" }),
    ]);
    assert.deepEqual(mixed.map(({ status }) => status).sort(), [201, 422]);
  });

  test("neither or both are refused, and a key that is none", async () => {
    const body = { from: "mint:usd", to: "ann:usd", amount: "1" };
    assertProblem(await post("/v1/transfers", body), 400, "id_invalid");
    const both = await post("/v1/transfers", { ...body, id: randomUUID() }, { "idempotency-key": "a" });
    assertProblem(both, 400, "id_invalid");
    assertProblem(
      await post("/v1/transfers", body, { "idempotency-key": "x".repeat(256) }),
      400,
      "id_invalid",
    );
    assertProblem(await post("/v1/transfers", body, { "idempotency-key": '"open' }), 400, "id_invalid");
  });
});

describe("waiting", () => {
  test("respond-async answers as soon as the log has the command", async () => {
    const { from, to, owner } = await pair();
    const id = randomUUID();
    const answer = await post("/v1/transfers", { id, from, to, amount: "1" }, { prefer: "respond-async" });
    assert.ok(answer.status === 202 || answer.status === 201, answer.text);
    assert.equal(answer.headers.get("preference-applied"), "respond-async");
    const location = answer.headers.get("location");
    assert.equal(location, `/v1/transfers/${id}?owner=${owner}`);
    if (answer.status === 202) {
      assert.deepEqual(answer.json, { id, op: "transfer", status: "pending" });
      assert.equal(answer.headers.get("retry-after"), "1");
    }
    const waited = await post("/v1/transfers", { id, from, to, amount: "1" }, { prefer: "wait=5" });
    assert.equal(waited.status, 201);
    assert.equal(waited.headers.get("preference-applied"), "wait=5");
    assert.equal(await posted(to), "1");
  });
});

describe("batches", () => {
  test("each command has its own outcome, and a key with its place in the list is its id", async () => {
    const { from, to, owner } = await pair();
    const commands = [
      { op: "transfer", from, to, amount: "1" },
      { op: "transfer", from, to, amount: "100000" },
      { op: "fly" },
      { op: "release", owner, hold: randomUUID() },
    ];
    const send = (): Promise<Answer> => post("/v1/batches", { commands }, { "idempotency-key": "batch-1" });
    const codes = ({ json }: Answer): unknown =>
      (json["outcomes"] as Json[]).map((each) => each["code"] ?? each["status"]);
    const [first, again] = [await send(), await send()];
    assert.equal(first.status, 200, first.text);
    assert.deepEqual(codes(first), ["posted", "insufficient_funds", "unknown_op", "hold_not_found"]);
    assert.deepEqual(codes(again), codes(first));
    assert.equal(await posted(to), "1");
  });

  test("a thousand at once, one more is refused, and so is one without an id", async () => {
    const { from, to } = await pair();
    const commands = Array.from({ length: 1000 }, () => ({
      op: "transfer",
      id: randomUUID(),
      from,
      to,
      amount: "1",
    }));
    const answer = await post("/v1/batches", { commands });
    assert.equal(answer.status, 200);
    assert.equal(await posted(to), "1000");
    const more = [...commands, ...commands.slice(0, 1)];
    assertProblem(await post("/v1/batches", { commands: more }), 400, "too_large");
    assertProblem(await post("/v1/batches", { commands: [{ op: "open" }] }), 400, "id_invalid");
    assertProblem(await post("/v1/batches", { commands: [] }), 400, "malformed");
  });
});
