// What the command line takes and refuses, for every command, without any server: tables over the program itself.
// A usage error is exit 2, says what is wrong in one sentence, and sends nothing.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseArguments } from "../../cli/arguments.ts";
import { COMMANDS } from "../../cli/catalog.ts";
import { COMMON_FLAGS, flagsOf } from "../../cli/command.ts";
import { call, callJson, fieldOf } from "./program-call.ts";

const ID = "0198c0de-0000-7000-8000-000000000001";

/** A line, and the code of the error that it ends with. */
const REFUSED: readonly (readonly [line: string, code: string])[] = [
  ["nonsense", "usage"],
  ["wallet", "usage"],
  ["wallet nonsense", "usage"],
  ["hold", "usage"],
  ["dev extra", "usage"],
  ["dev --shards", "usage"],
  ["dev --shards 0", "usage"],
  ["dev --shards 257", "usage"],
  ["dev --shards two", "usage"],
  ["dev --shards 1.5", "usage"],
  ["dev --durability sloppy", "usage"],
  ["dev --nats-port 0", "usage"],
  ["dev --nats-port 65536", "usage"],
  ["dev --no-demo=yes", "usage"],
  ["dev --tenant UPPER", "usage"],
  ["dev --http-port 0", "usage"],
  ["dev --http-port 65536", "usage"],
  ["dev --http-port 8080 --no-gateway", "usage"],
  ["init --shards x", "usage"],
  ["node --shards 4", "usage"],
  ["gateway extra", "usage"],
  ["gateway --http-port 65536", "usage"],
  ["gateway --http-port http", "usage"],
  ["status extra", "usage"],
  ["status --server not://[valid", "usage"],
  ["status --timeout soon", "usage"],
  ["status --timeout 0", "usage"],
  ["status --timeout 1w", "usage"],
  ["status --creds /does/not/exist", "usage"],
  ["version extra", "usage"],
  ["version --jsn", "usage"],
  ["wallet open", "usage"],
  ["wallet open alice", "asset_invalid"],
  ["wallet open alice:usd", "asset_invalid"],
  ["wallet open alice USD/2", "wallet_invalid"],
  ["wallet open alice:usd usd", "asset_invalid"],
  ["wallet open alice:usd USD/19", "asset_invalid"],
  ["wallet open alice:usd USD/2 --asset USD/2", "usage"],
  ["wallet open alice:usd USD/2 --min 1.5", "amount_invalid"],
  ["wallet open alice:usd USD/2 --max +5", "amount_invalid"],
  ["wallet open alice:usd USD/2 --max 05", "amount_invalid"],
  ["wallet open alice:usd USD/2 --meta []", "malformed"],
  ["wallet open alice:usd USD/2 --meta {", "malformed"],
  ["wallet open alice:usd USD/2 --id 7", "id_invalid"],
  ["wallet open alice:usd USD/2 --min 0 --min 0", "usage"],
  ["wallet show", "usage"],
  ["wallet show alice:USD", "wallet_invalid"],
  ["wallet show a.b", "wallet_invalid"],
  ["wallet entries", "usage"],
  ["wallet entries alice", "wallet_invalid"],
  ["wallet entries alice:usd --limit 0", "usage"],
  ["wallet entries alice:usd --limit 501", "usage"],
  ["wallet entries alice:usd --cursor !", "usage"],
  ["wallet freeze alice:usd", "usage"],
  ["wallet freeze --reason x", "usage"],
  ["wallet unfreeze alice:usd", "usage"],
  ["wallet close alice:usd", "usage"],
  ["wallet limit alice:usd", "amount_invalid"],
  ["wallet limit alice:usd --max lots", "amount_invalid"],
  ["transfer", "legs_invalid"],
  ["transfer alice:usd", "legs_invalid"],
  ["transfer alice:usd bob:usd", "legs_invalid"],
  ["transfer alice:usd bob:usd 0", "amount_invalid"],
  ["transfer alice:usd bob:usd 12.50", "amount_invalid"],
  ["transfer alice:usd bob:usd 1e3", "amount_invalid"],
  ["transfer alice:usd bob:usd 9223372036854775808", "amount_invalid"],
  ["transfer alice:usd bob:usd -5", "usage"],
  ["transfer alice bob:usd 5", "wallet_invalid"],
  ["transfer alice:usd bob:usd 5 extra", "usage"],
  ["transfer --leg alice:usd,bob:usd", "legs_invalid"],
  ["transfer --leg alice:usd,bob:usd,1,2", "legs_invalid"],
  ["transfer alice:usd bob:usd 5 --if-version alice:usd", "usage"],
  ["transfer alice:usd bob:usd 5 --if-version alice:usd=x", "usage"],
  ["transfer alice:usd bob:usd 5 --hold-ttl forever", "ttl_invalid"],
  ["transfer alice:usd bob:usd 5 --meta 5", "malformed"],
  [`reverse ${ID}`, "usage"],
  ["reverse x --owner alice", "id_invalid"],
  [`reverse ${ID} --owner a.b`, "wallet_invalid"],
  [`reverse ${ID} --owner alice --amount 0`, "amount_invalid"],
  ["hold place alice:usd shop:usd 5", "ttl_invalid"],
  ["hold place alice:usd shop:usd --ttl 5s", "legs_invalid"],
  [`hold capture ${ID}`, "usage"],
  [`hold capture ${ID} --owner alice --final maybe`, "usage"],
  ["hold capture x --owner alice", "id_invalid"],
  [`hold release ${ID}`, "usage"],
  ["hold list", "usage"],
  ["hold list alice --limit 101", "usage"],
  ["keys", "usage"],
  ["keys create alice", "usage"],
  ["keys create --scope root", "usage"],
  ["keys create --scope read,", "usage"],
  ["keys create --expires 0", "usage"],
  ["keys create --expires 3661d", "usage"],
  ["keys create --owner a.b", "wallet_invalid"],
  ["keys list extra", "usage"],
  ["keys revoke", "usage"],
  ["keys revoke k7m2p9x4w3ha --in soon", "usage"],
  ["keys rotate", "usage"],
  ["keys rotate k7m2p9x4w3ha --overlap 367d", "usage"],
  ["verify --shallow", "usage"],
  ["tail --from !", "usage"],
  ["tail --count 0", "usage"],
  ["bench --scenario nonsense", "usage"],
  ["bench --seconds 5", "usage"],
  ["bench --duration 0", "usage"],
  ["bench --duration ten", "usage"],
  ["bench --warm-up some", "usage"],
  ["bench --warm-up 8d", "usage"],
  ["bench --cross 1.5", "usage"],
  ["bench --cross half", "usage"],
  ["bench --distribution normal", "usage"],
  ["bench --encoding xml", "usage"],
  ["bench --rate 0", "usage"],
  ["bench --frame 1001", "usage"],
  ["bench --wallets 1", "usage"],
  ["bench --in-flight 0", "usage"],
  ["guarantees --durability sloppy", "usage"],
  ["doctor extra", "usage"],
  ["completion", "usage"],
  ["completion tcsh", "usage"],
];

for (const [line, code] of REFUSED) {
  test(`"${line}" is a wrong command line: exit 2, ${code}`, async () => {
    const { exit, json } = await callJson(line.split(" "));
    assert.equal(exit, 2);
    const { code: told, message, ...more } = fieldOf(json, "error");
    assert.equal(told, code);
    assert.equal(typeof message, "string");
    assert.deepEqual(more, {}, "an error has a code and a message");
    const asText = await call(line.split(" "));
    assert.equal(asText.exit, 2);
    assert.equal(asText.stdout, "", "without --json an error is on standard error alone");
    assert.ok(asText.stderr.includes(String(message)));
  });
}

test("every command is in the table of wrong command lines", () => {
  const missing = COMMANDS.filter(
    ({ path }) => !REFUSED.some(([line]) => line === path || line.startsWith(`${path} `)),
  );
  assert.deepEqual(
    missing.map(({ path }) => path),
    [],
  );
});

const SUGGESTED: readonly (readonly [line: string, suggestion: string])[] = [
  ["transfr", "transfer"],
  ["walet show alice", "wallet"],
  ["wallet shw alice", "show"],
  ["wallet open alice:usd USD/2 --mx 5", "--max"],
  ["status --sever x", "--server"],
  ["completion bsh", "bash"],
  ["dev --durability stric", "strict"],
];

for (const [line, suggestion] of SUGGESTED) {
  test(`"${line}" is answered with the suggestion ${suggestion}`, async () => {
    const { stderr } = await call(line.split(" "));
    assert.match(stderr, new RegExp(`Did you mean ${suggestion}\\?`));
  });
}

test("every command takes the flags of every command, before or after its own words", async () => {
  const common = ["--server", "nats://127.0.0.1:1", "--tenant", "demo", "--timeout", "5s"];
  const after = await call(["version", ...common]);
  const before = await call([...common, "version"]);
  assert.equal(after.exit, 0);
  assert.deepEqual(before, after);
  for (const command of COMMANDS) {
    assert.deepEqual(flagsOf(command).slice(-COMMON_FLAGS.length), COMMON_FLAGS);
  }
});

test("flag names are written once, and a value may be attached or follow", () => {
  const [open] = COMMANDS.filter(({ path }) => path === "wallet open");
  assert.ok(open);
  const attached = parseArguments(open, ["a:b", "USD/2", "--min=-500"]);
  const following = parseArguments(open, ["a:b", "USD/2", "--min", "-500"]);
  assert.equal(attached.text("--min"), "-500");
  assert.equal(following.text("--min"), "-500");
});

test("words after -- are arguments, whatever they start with", () => {
  const [show] = COMMANDS.filter(({ path }) => path === "wallet show");
  assert.ok(show);
  assert.equal(parseArguments(show, ["--", "-dash:usd"]).required("WALLET"), "-dash:usd");
});

test("an unreachable server is exit 4, as text and as JSON", async () => {
  const words = ["wallet", "show", "alice:usd", "--server", "nats://127.0.0.1:9", "--timeout", "200ms"];
  const { exit, json } = await callJson(words);
  assert.equal(exit, 4);
  assert.equal(fieldOf(json, "error")["code"], "unreachable");
  assert.equal((await call(words)).exit, 4);
});

for (const { path } of COMMANDS.filter(({ flags }) => flags.some(({ name }) => name === "--id"))) {
  test(`${path} --dry-run prints the command with its id and sends nothing`, async () => {
    const line = LINES[path];
    assert.ok(line !== undefined, `the test has a line for ${path}`);
    const { exit, json } = await callJson([
      ...line.split(" "),
      "--dry-run",
      "--id",
      ID.toUpperCase(),
      "--server",
      "nats://127.0.0.1:9",
    ]);
    assert.equal(exit, 0);
    assert.equal(json["dryRun"], true);
    assert.equal(fieldOf(json, "command")["id"], ID);
  });
}

const LINES: Readonly<Record<string, string>> = {
  "wallet open": "wallet open alice:usd USD/2",
  "wallet freeze": "wallet freeze alice:usd --reason x",
  "wallet unfreeze": "wallet unfreeze alice:usd --reason x",
  "wallet close": "wallet close alice:usd --reason x",
  "wallet limit": "wallet limit alice:usd --max 5",
  transfer: "transfer alice:usd bob:usd 5",
  reverse: `reverse ${ID} --owner alice`,
  "hold place": "hold place alice:usd bob:usd 5 --ttl 1s",
  "hold capture": `hold capture ${ID} --owner alice`,
  "hold release": `hold release ${ID} --owner alice`,
};

test("a transfer with several legs and versions becomes the contract's command", async () => {
  const line =
    "transfer a:x b:x 10 --leg a:x,c:x,5 --if-version a:x=3 --if-version b:x=4 --code k --ref r --hold-ttl 2m --dry-run";
  const { json } = await callJson([...line.split(" "), "--meta", '{"n":1}', "--id", ID]);
  assert.deepEqual(json["command"], {
    op: "transfer",
    hold: { ttlMs: 120_000 },
    code: "k",
    ref: "r",
    meta: { n: 1 },
    ifVersion: { "a:x": 3, "b:x": 4 },
    legs: [
      { from: "a:x", to: "b:x", amount: "10" },
      { from: "a:x", to: "c:x", amount: "5" },
    ],
    id: ID,
  });
});
