// Every command that speaks to an engine, against one real `coffer dev`: what it prints, what it refuses, and the exit
// code, as JSON and as text. Two shards, so that moves between shards are among them.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { CallResult, TestDev } from "./program-call.ts";
import {
  call,
  callJson,
  callProcess,
  discard,
  fieldOf,
  objectOf,
  startDev,
  temporaryDirectory,
  until,
} from "./program-call.ts";

type JsonCall = Awaited<ReturnType<typeof callJson>>;

const ID = (number: number): string => `0198c0de-0000-7000-8000-${number.toString().padStart(12, "0")}`;

let dev: TestDev;

async function json(line: string, ...more: readonly string[]): Promise<JsonCall> {
  return await callJson([...line.split(" "), ...more, "--server", dev.url]);
}

async function text(line: string, ...more: readonly string[]): Promise<CallResult> {
  return await call([...line.split(" "), ...more, "--server", dev.url]);
}

async function done(line: string, status: string): Promise<Record<string, unknown>> {
  const { exit, json: outcome } = await json(line);
  assert.deepEqual([exit, outcome["status"]], [0, status], `${line}: ${JSON.stringify(outcome)}`);
  return outcome;
}

async function refused(line: string, code: string): Promise<Record<string, unknown>> {
  const { exit, json: outcome } = await json(line);
  assert.deepEqual([exit, outcome["status"], outcome["code"]], [1, "refused", code], JSON.stringify(outcome));
  return outcome;
}

async function failed(line: string, exitCode: number, code: string): Promise<void> {
  const { exit, json: told } = await json(line);
  assert.deepEqual([exit, fieldOf(told, "error")["code"]], [exitCode, code]);
}

async function posted(wallet: string): Promise<unknown> {
  return fieldOf((await json(`wallet show ${wallet}`)).json, "wallet")["posted"];
}

describe("commands that speak to an engine", { concurrency: 1 }, () => {
  before(async () => {
    dev = await startDev(["--shards", "2", "--durability", "relaxed", "--no-demo", "--no-gateway"]);
    await done("wallet open world:usd USD/2 --min unlimited", "open");
    for (const name of ["alice", "bob", "shop", "carol"]) await done(`wallet open ${name}:usd USD/2`, "open");
    for (const name of ["alice", "bob"]) await done(`transfer world:usd ${name}:usd 100000`, "posted");
  });
  after(async () => {
    await dev?.stop();
  });

  test("wallet open prints the contract's outcome, and again with equal fields the same", async () => {
    const first = await done(`wallet open fresh:eur --asset EUR/2 --max 500 --id ${ID(1)}`, "open");
    assert.equal(first["id"], ID(1));
    assert.equal(first["replayed"], false);
    assert.equal(typeof first["shard"], "number");
    assert.match(String(first["position"]), /^[1-9][0-9]*$/);
    assert.deepEqual(fieldOf(first, "balances", "fresh:eur"), {
      posted: "0",
      held: "0",
      incoming: "0",
      available: "0",
      version: "1",
    });
    const again = await done(`wallet open fresh:eur EUR/2 --max 500 --id ${ID(1)}`, "open");
    assert.deepEqual(again, { ...first, replayed: true });
    await refused("wallet open fresh:eur EUR/2", "wallet_exists");
    await refused(`wallet open fresh:eur EUR/2 --max 501 --id ${ID(1)}`, "id_conflict");
  });

  test("wallet show prints one wallet or all of an owner's, and a missing one is exit 1", async () => {
    const { exit, json: shown } = await json("wallet show alice:usd");
    assert.equal(exit, 0);
    assert.equal(shown["ok"], true);
    assert.equal(fieldOf(shown, "wallet")["asset"], "USD/2");
    assert.ok("asOf" in shown);
    const owner = await json("wallet show alice");
    assert.ok(Array.isArray(owner.json["wallets"]) && owner.json["wallets"].length === 1);
    const nobody = await text("wallet show nobody");
    assert.deepEqual([nobody.exit, nobody.stdout], [0, "nobody has no wallets.\n"]);
    await failed("wallet show alice:eur", 1, "wallet_not_found");
    assert.match((await text("wallet show alice:usd")).stdout, /^alice:usd\n {2}asset {6}USD\/2\n/);
  });

  test("transfer moves money, also between shards, and prints the balances it left", async () => {
    const before = BigInt(String(await posted("shop:usd")));
    await done("transfer alice:usd shop:usd 1000 --code sale --ref order-7", "posted");
    await done("transfer bob:usd shop:usd 500", "posted");
    assert.equal(await posted("shop:usd"), String(before + 1500n));
    const shown = await text("transfer alice:usd shop:usd 1");
    assert.match(
      shown.stdout,
      /^posted {2}[0-9a-f-]{36} {2}shard \d, position \d+\n {2}alice:usd +posted \d+ /,
    );
    const legs = await done("transfer --leg alice:usd,shop:usd,10 --leg alice:usd,carol:usd,20", "posted");
    assert.ok("alice:usd" in fieldOf(legs, "balances"));
  });

  test("a transfer is refused with the engine's code, exit 1, and changes nothing", async () => {
    const before = await posted("alice:usd");
    await refused("transfer alice:usd shop:usd 99999999", "insufficient_funds");
    await refused("transfer alice:usd nobody:usd 1", "wallet_not_found");
    await refused("transfer alice:usd fresh:eur 1", "asset_mismatch");
    await refused("transfer alice:usd alice:usd 1", "same_wallet");
    await refused("transfer alice:usd shop:usd 1 --if-version alice:usd=1", "version_mismatch");
    assert.equal(await posted("alice:usd"), before);
    const shown = await text("transfer alice:usd shop:usd 99999999");
    assert.deepEqual([shown.exit, shown.stderr], [1, ""]);
    assert.match(
      shown.stdout,
      /^refused {2}[0-9a-f-]{36} .*\n {2}insufficient_funds: less is available than asked/,
    );
  });

  test("wallet entries lists what changed a wallet, page by page", async () => {
    const first = (await json("wallet entries shop:usd --limit 2")).json;
    assert.ok(Array.isArray(first["entries"]) && first["entries"].length === 2);
    const next = String(first["next"]);
    const second = (await json(`wallet entries shop:usd --limit 2 --cursor ${next}`)).json;
    assert.ok(Array.isArray(second["entries"]));
    assert.notDeepEqual(second["entries"], first["entries"]);
    await failed("wallet entries nobody:usd", 1, "wallet_not_found");
    const shown = await text("wallet entries shop:usd");
    assert.match(shown.stdout, /"order-7"/);
  });

  test("freeze, unfreeze, limit and close change a wallet, and are refused when they cannot", async () => {
    await done("wallet open carl:usd USD/2", "open");
    await done("wallet freeze carl:usd --reason order", "done");
    await refused("transfer alice:usd carl:usd 1", "wallet_frozen");
    await done("wallet unfreeze carl:usd --reason lifted", "done");
    await done("wallet limit carl:usd --max 50", "done");
    await refused("transfer alice:usd carl:usd 51", "max_exceeded");
    await done("transfer alice:usd carl:usd 50", "posted");
    await refused("wallet limit carl:usd --max 49", "max_exceeded");
    await refused("wallet close carl:usd --reason end", "wallet_not_empty");
    await done("transfer carl:usd alice:usd 50", "posted");
    await done("wallet close carl:usd --reason end", "done");
    await refused("wallet freeze carl:usd --reason again", "wallet_closed");
    await refused("wallet limit carl:usd --max 5", "wallet_closed");
    await refused("wallet freeze nobody:usd --reason none", "wallet_not_found");
  });

  test("reverse moves a transfer back, in parts, until nothing is left", async () => {
    const before = await posted("alice:usd");
    await done(`transfer alice:usd bob:usd 100 --id ${ID(10)}`, "posted");
    await done(`reverse ${ID(10)} --owner alice --amount 40`, "reversed");
    await refused(`reverse ${ID(10)} --owner alice --amount 61`, "reverse_exceeds");
    await done(`reverse ${ID(10)} --owner alice`, "reversed");
    await refused(`reverse ${ID(10)} --owner alice`, "already_reversed");
    await refused(`reverse ${ID(11)} --owner alice`, "transfer_not_found");
    assert.equal(await posted("alice:usd"), before);
  });

  test("holds are placed, captured, released and listed", async () => {
    await done(`hold place alice:usd shop:usd 900 --ttl 10m --ref h1 --id ${ID(20)}`, "held");
    await done(`hold capture ${ID(20)} --owner alice --amount 400 --final false`, "captured");
    await refused(`hold capture ${ID(20)} --owner alice --amount 501`, "capture_exceeds_hold");
    const open = (await json("hold list alice")).json;
    assert.ok(Array.isArray(open["holds"]));
    const [hold] = open["holds"];
    assert.equal(objectOf(JSON.stringify(hold))["status"], "open");
    assert.match(
      (await text("hold list alice")).stdout,
      /open {2}expires .*"h1"\n.*remaining 500 {2}captured 400/,
    );
    await done(`hold release ${ID(20)} --owner alice`, "released");
    await refused(`hold release ${ID(20)} --owner alice`, "hold_settled");
    await refused(`hold capture ${ID(21)} --owner alice`, "hold_not_found");
    await done(`transfer alice:usd shop:usd 70 --hold-ttl 60000 --id ${ID(22)}`, "held");
    await done(`hold capture ${ID(22)} --owner alice`, "captured");
    const none = await text("hold list nobody");
    assert.deepEqual([none.exit, none.stdout], [0, "No holds.\n"]);
  });

  test("a hold whose time has passed is hold_expired, and its money is back", async () => {
    const before = fieldOf((await json("wallet show bob:usd")).json, "wallet")["available"];
    await done(`hold place bob:usd shop:usd 10 --ttl 1ms --id ${ID(30)}`, "held");
    await until("the expiry", async () => {
      const { json: shown } = await json("wallet show bob:usd");
      return fieldOf(shown, "wallet")["available"] === before ? true : undefined;
    });
    await refused(`hold capture ${ID(30)} --owner bob`, "hold_expired");
  });

  test("status tells every shard, as JSON and as a table", async () => {
    const { exit, json: told } = await json("status");
    assert.equal(exit, 0);
    assert.deepEqual([told["active"], told["durability"]], [true, "relaxed"]);
    assert.ok(Array.isArray(told["shards"]) && told["shards"].length === 2);
    assert.match((await text("status")).stdout, /\n {2}0 {6}active /);
    assert.ok(!JSON.stringify(told).includes("spread"), "phases are shown when they are asked for");
  });

  test("status --phases shows where the time went, for each shard and for all, and the parts add up", async () => {
    const { exit, json: told } = await json("status --phases");
    assert.equal(exit, 0);
    const { commands, sumOfTotal, lines } = fieldOf(told, "phases");
    assert.ok(Number(commands) >= 7 && Array.isArray(lines) && lines.length === 9);
    assert.ok(Number(sumOfTotal) > 0.95 && Number(sumOfTotal) < 1.05, String(sumOfTotal));
    const { stdout } = await text("status --phases");
    for (const shown of [/\nshard 0: \d+ commands/, /\nshard 1: /, /\nall shards: /, /\n {2}queue +\d/])
      assert.match(stdout, shown);
    assert.match(stdout, /\n {2}total +\d+ .*sum \/ total (9[5-9]|10[0-5])\.\d %/);
  });

  test("verify asks the running engine and is clean, plain and deep", async () => {
    for (const line of ["verify", "verify --deep"]) {
      const { exit, json: report } = await json(line);
      assert.deepEqual([exit, report["clean"], report["violations"]], [0, true, []], JSON.stringify(report));
    }
    assert.match((await text("verify")).stdout, /^Clean\.\n/);
  });

  test("tail prints events as JSON lines and goes on from any of their marks without a gap or a repeat", async () => {
    const all = await text("tail --from start --count 6 --json");
    assert.equal(all.exit, 0);
    const lines = all.stdout.trim().split("\n").map(objectOf);
    assert.equal(lines.length, 6);
    for (const { id, command, op, status, wallets, time, resume } of lines) {
      for (const field of [id, command, op, status, time, resume]) assert.equal(typeof field, "string");
      assert.equal(typeof wallets, "object");
    }
    const mark = String(lines[2]?.["resume"]);
    const rest = await text(`tail --from ${mark} --count 3 --json`);
    const idsOf = (events: readonly Record<string, unknown>[]): unknown[] =>
      events.map(({ id }) => id).sort();
    assert.deepEqual(idsOf(rest.stdout.trim().split("\n").map(objectOf)), idsOf(lines.slice(3)));
    const stale = await json("tail", "--from", Buffer.from("{}").toString("base64url"));
    assert.equal(stale.exit, 2);
  });

  test("tail follows what happens while it runs, and ends when it is interrupted", async () => {
    const interruption = new AbortController();
    const words = ["tail", "--json", "--server", dev.url];
    const following = call(words, { signal: interruption.signal });
    const isFollowed = async (): Promise<true | undefined> => {
      await done("transfer alice:usd shop:usd 3 --ref followed", "posted");
      return undefined;
    };
    try {
      await isFollowed();
      const counted = call([...words, "--count", "1"]);
      const settled = await until("an event", async () => {
        await isFollowed();
        return await Promise.race([
          counted,
          new Promise<undefined>((resolve) => setTimeout(resolve, 100, undefined)),
        ]);
      });
      assert.match(settled.stdout, /"ref":"followed"/);
    } finally {
      interruption.abort();
    }
    assert.equal((await following).exit, 0);
  });

  test("bench measures this installation and proves every balance", async () => {
    const { exit, stdout, stderr } = await text("bench --commands 2000 --wallets 100 --no-reference --json");
    assert.equal(exit, 0, stdout);
    const report: Record<string, unknown> = JSON.parse(stdout);
    assert.match(stderr, /^Bench: run /m, "progress is told under --json too");
    assert.equal(report["commands"], 2000);
    assert.equal(
      report["bytesPerCommand"],
      null,
      "a running installation's files are not the bench's to look at",
    );
    assert.equal(report["verified"], true);
  });

  test("doctor, init and the rest that asks no engine work beside a running one", async () => {
    const dataDir = await temporaryDirectory();
    try {
      const doctor = await callJson(["doctor", "--data", dataDir]);
      assert.deepEqual([doctor.exit, doctor.json["healthy"]], [0, true], JSON.stringify(doctor.json));
      const plan = await callJson(["init", "--data", dataDir, "--shards", "3", "--dry-run"]);
      assert.deepEqual([plan.exit, plan.json["done"]], [0, false]);
      const made = await callJson(["init", "--data", dataDir, "--shards", "3", "--yes"]);
      assert.deepEqual([made.exit, made.json["done"], made.json["shards"]], [0, true, 3]);
      const again = await callJson(["init", "--data", dataDir]);
      assert.deepEqual(
        [again.exit, again.json["plan"], again.json["cluster"]],
        [0, [], made.json["cluster"]],
      );
      const other = await callJson(["init", "--data", dataDir, "--shards", "4"]);
      assert.equal(other.exit, 2);
    } finally {
      await discard(dataDir);
    }
  });

  test("as a process of its own each exit code is the process's", async () => {
    const server = ["--server", dev.url];
    const ok = await callProcess(["wallet", "show", "alice:usd", "--json", ...server]);
    assert.deepEqual([ok.exit, ok.stderr], [0, ""]);
    assert.equal(objectOf(ok.stdout)["ok"], true);
    assert.equal((await callProcess(["transfer", "alice:usd", "nobody:usd", "1", ...server])).exit, 1);
    assert.equal((await callProcess(["transfer", "alice:usd", "bob:usd", "one", ...server])).exit, 2);
    assert.equal(
      (await callProcess(["status", "--timeout", "200ms", "--server", "nats://127.0.0.1:9"])).exit,
      4,
    );
  });
});
