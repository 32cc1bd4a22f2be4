// The legacy baseline is a ledger that one could trust: otherwise it is no comparison. Real PostgreSQL, real HTTP.
// Guards against: a baseline that is fast because it forgets, and processes that stay when a measurement is killed.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import pg from "pg";
import { type Baseline, startBaseline } from "../../bench/baseline/baseline.ts";
import { findPostgres } from "../../bench/baseline/postgres.ts";
import { HttpApi } from "../../bench/http/http-api.ts";
import { isProcessAlive } from "../../cluster/process-alive.ts";
import { until } from "../support/condition.ts";

const settings = { env: process.env, onProgress: (line: string) => console.error(line) };
let baseline: Baseline;
let api: HttpApi;
before(async () => {
  baseline = await startBaseline({ ...settings, secret: randomBytes(32) });
  api = new HttpApi(baseline.url, baseline.key);
});
after(async () => {
  const pids = (await baseline.processes()).flatMap((each) => each.pids);
  await baseline.stop();
  await until("all processes have ended", () => !pids.some(isProcessAlive));
});

const post = async (path: string, body: object) => await api.post(path, JSON.stringify(body));
const open = async (wallet: string, more: object = {}) =>
  await post("/v1/wallets", { id: randomUUID(), wallet, asset: "USD/2", ...more });
const transfer = async (from: string, to: string, amount: string, id: string = randomUUID()) =>
  await post("/v1/transfers", { id, from, to, amount });
const posted = async (wallet: string): Promise<unknown> => {
  const { value } = await api.get(`/v1/wallets/${wallet}`);
  return new Map(Object.entries(value ?? {})).get("posted");
};
const field = (value: unknown, name: string): unknown => new Map(Object.entries(value ?? {})).get(name);
/** Three wallets of one test: a source without a limit, and two that were given 100. */
async function wallets(name: string): Promise<[source: string, one: string, other: string]> {
  const [source, one, other] = [`${name}-w:usd`, `${name}-1:usd`, `${name}-2:usd`];
  assert.equal((await open(source, { min: "unlimited" })).status, 201);
  for (const wallet of [one, other]) {
    assert.equal((await open(wallet)).status, 201);
    assert.equal((await transfer(source, wallet, "100")).status, 201);
  }
  return [source, one, other];
}

test("a transfer moves money once, however often it is asked for, also at the same time", async () => {
  const [, one, other] = await wallets("once");
  const id = randomUUID();
  const answers = await Promise.all(Array.from({ length: 8 }, () => transfer(one, other, "7", id)));
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([201]));
  assert.equal(answers.filter(({ value }) => field(value, "replayed") === false).length, 1);
  assert.deepEqual([await posted(one), await posted(other)], ["93", "107"]);
  const conflict = await transfer(one, other, "8", id);
  assert.deepEqual([conflict.status, field(conflict.value, "code")], [422, "id_conflict"]);
});

test("what a wallet does not have is refused, and stays refused", async () => {
  const [source, one, other] = await wallets("funds");
  const id = randomUUID();
  const refused = await transfer(one, other, "101", id);
  assert.deepEqual([refused.status, field(refused.value, "code")], [422, "insufficient_funds"]);
  assert.equal((await transfer(source, one, "50")).status, 201);
  const again = await transfer(one, other, "101", id);
  assert.deepEqual([again.status, field(again.value, "code")], [422, "insufficient_funds"]);
  assert.equal((await transfer(one, "nobody:usd", "1")).status, 404);
  assert.deepEqual([await posted(one), await posted(other)], ["150", "100"]);
});

test("all legs or none, and entries that add up to the balance", async () => {
  const [source, one, other] = await wallets("legs");
  const legs = [
    { from: one, to: other, amount: "60" },
    { from: one, to: source, amount: "60" },
  ];
  assert.equal((await post("/v1/transfers", { id: randomUUID(), legs })).status, 422);
  assert.equal((await post("/v1/transfers", { id: randomUUID(), legs: legs.slice(1) })).status, 201);
  assert.deepEqual([await posted(one), await posted(other)], ["40", "100"]);
  const { host, port, user, database } = baseline.postgres;
  const client = new pg.Client({ host, port, user, database });
  await client.connect();
  const { rows } = await client.query(
    "SELECT count(*)::int FROM wallets w WHERE posted <> (SELECT coalesce(sum(amount), 0) FROM entries e WHERE e.wallet = w.wallet)",
  );
  await client.end();
  assert.deepEqual(rows, [{ count: 0 }]);
});

test("a batch answers each of its commands, and one that refuses does not stop the others", async () => {
  const [, one, other] = await wallets("batch");
  const command = (fields: object) => ({ id: randomUUID(), ...fields });
  const { status, value } = await post("/v1/batches", {
    commands: [
      command({ op: "open", wallet: "batch-3:usd", asset: "USD/2" }),
      command({ op: "transfer", from: one, to: "batch-3:usd", amount: "30" }),
      command({ op: "transfer", from: one, to: other, amount: "71" }),
      command({ op: "transfer", from: "batch-3:usd", to: other, amount: "5" }),
    ],
  });
  const outcomes = field(value, "outcomes");
  assert.ok(Array.isArray(outcomes));
  assert.equal(status, 200);
  assert.deepEqual(
    outcomes.map((outcome) => field(outcome, "status")),
    ["open", "posted", "refused", "posted"],
  );
  assert.deepEqual(
    [await posted(one), await posted("batch-3:usd"), await posted(other)],
    ["70", "25", "105"],
  );
});

test("opposite transfers at once do not wait for each other for ever", async () => {
  const [, one, other] = await wallets("lock");
  const pairs = Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? [one, other] : [other, one]));
  const answers = await Promise.all(pairs.map(([from = "", to = ""]) => transfer(from, to, "1")));
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([201]));
  assert.deepEqual([await posted(one), await posted(other)], ["100", "100"]);
});

test("nobody gets in without the key, and a number is no amount", async () => {
  const strangers = ["", "x", `${baseline.key}x`, baseline.key.replace("baseline", "somebody")];
  for (const key of strangers)
    assert.equal((await new HttpApi(baseline.url, key).get("/v1/wallets/once-1:usd")).status, 401);
  const body = { id: randomUUID(), from: "once-1:usd", to: "once-2:usd", amount: 1 };
  assert.equal((await post("/v1/transfers", body)).status, 400);
});

test("a killed measurement leaves no process behind", { timeout: 30_000 }, async () => {
  const module = new URL("../../bench/baseline/baseline.ts", import.meta.url).href;
  const script = `import { startBaseline } from ${JSON.stringify(module)};
    const { processes } = await startBaseline({ env: process.env, secret: new Uint8Array(32) });
    console.log(JSON.stringify((await processes()).flatMap(({ pids }) => pids)));
    setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const line = await new Promise<string>((resolve) =>
    createInterface({ input: child.stdout }).once("line", resolve),
  );
  const pids: number[] = JSON.parse(line);
  assert.ok(pids.length >= 2 && pids.every(isProcessAlive));
  child.kill("SIGKILL");
  await until("all processes have ended", () => !pids.some(isProcessAlive));
});

test("without PostgreSQL 15 the message says what to do", async () => {
  const empty = await mkdtemp(join(tmpdir(), "coffer-no-postgres-"));
  try {
    const nowhere = { systemRoot: empty, cacheDirs: [empty], etcDir: empty };
    for (const search of [{ env: { PATH: empty }, ...nowhere }, { env: { COFFER_POSTGRES: empty } }]) {
      await assert.rejects(findPostgres(search), (error: Error) => {
        for (const word of ["PostgreSQL 15", "COFFER_POSTGRES", "--skip-baseline"])
          assert.ok(error.message.includes(word), error.message);
        return true;
      });
    }
  } finally {
    await rm(empty, { recursive: true, force: true });
  }
});
