// `coffer keys` against a real nats-server that an engine has made its logs on: what is printed, what is refused, and
// what a store of keys makes of it.
// Guards against: a secret that a second call shows, a dry run that changes something.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { KeyStore } from "../../gateway/key-store.ts";
import { until } from "../support/condition.ts";
import type { TestEngine } from "../support/engine.ts";
import { startEngine } from "../support/engine.ts";
import type { TestNats } from "../support/nats.ts";
import { startTestNats } from "../support/nats.ts";
import { call, callJson, fieldOf, testClock } from "./program-call.ts";

describe("coffer keys", { concurrency: 1 }, () => {
  let nats: TestNats;
  let engine: TestEngine;
  let store: KeyStore;
  before(async () => {
    nats = await startTestNats({ shards: 1 });
    engine = await startEngine({ natsUrl: nats.url, shards: 1, events: false, workers: 1 });
    store = await KeyStore.open((await nats.connect()).nc, testClock, 1);
  });
  after(async () => {
    store.close();
    await engine.stop();
    await nats.stop();
  });
  const keys = (...words: readonly string[]) => callJson(["keys", ...words, "--server", nats.url]);
  const listed = async (): Promise<readonly Record<string, unknown>[]> => {
    const { exit, json } = await keys("list");
    assert.equal(exit, 0);
    assert.ok(Array.isArray(json["keys"]));
    return json["keys"];
  };

  test("create prints the key once, with all that it may, and the key counts", async () => {
    const { exit, json } = await keys(
      ...[
        "create",
        "--name",
        "checkout",
        "--scope",
        "read,write",
        "--owner",
        "alice,bob",
        "--owner",
        "carol",
      ],
      ...["--expires", "90d", "--tenant", "acme"],
    );
    assert.equal(exit, 0);
    const { id, key, created, expires, ...shown } = json;
    assert.deepEqual(shown, {
      ...{ tenant: "acme", status: "active", scopes: ["read", "write"], owners: ["alice", "bob", "carol"] },
      ...{ name: "checkout", revokes: null },
    });
    assert.equal(Date.parse(String(expires)) - Date.parse(String(created)), 90 * 86_400_000);
    assert.match(String(key), new RegExp(`^coffer\\.${String(id)}\\.[A-Za-z0-9_-]{43}$`));
    const principal = await until("the key arrives", () => store.principalOf(String(key)));
    assert.deepEqual([principal.tenant, [...(principal.owners ?? [])]], ["acme", ["alice", "bob", "carol"]]);
    const text = await call(["keys", "list", "--server", nats.url]);
    assert.ok(text.stdout.includes(String(id)));
    const secret = String(key).slice(-43);
    assert.ok(!text.stdout.includes(secret) && !JSON.stringify(await listed()).includes(secret));
  });

  test("create without flags makes a key of tenant demo that moves money, of every owner, for ever", async () => {
    const { json } = await keys("create");
    assert.deepEqual(
      [json["tenant"], json["scopes"], json["owners"], json["expires"], json["name"]],
      ["demo", ["write"], null, null, null],
    );
    const text = await call(["keys", "create", "--server", nats.url]);
    assert.match(text.stdout, /^coffer\.[a-z0-9]{12}\.[A-Za-z0-9_-]{43}\n\nThis is shown once/);
  });

  test("revoke ends a key at once or in a while, and a second time changes nothing", async () => {
    const [now, later] = [(await keys("create")).json, (await keys("create")).json];
    const counts = ({ key }: Record<string, unknown>): boolean => store.principalOf(String(key)) !== null;
    await until("both arrive", () => counts(now) && counts(later));
    const revoked = await keys("revoke", String(now["id"]));
    assert.deepEqual([revoked.exit, revoked.json["status"]], [0, "revoked"]);
    const ending = await keys("revoke", String(later["id"]), "--in", "1h");
    assert.deepEqual([ending.exit, ending.json["status"]], [0, "ending"]);
    await until("the first is refused", () => !counts(now));
    assert.ok(counts(later));
    const again = await keys("revoke", String(later["id"]), "--in", "2h");
    assert.equal(again.json["revokes"], ending.json["revokes"]);
  });

  test("rotate prints a new key with the same rights and says when the old one ends", async () => {
    const first = (await keys("create", "--scope", "admin", "--name", "till")).json;
    const { exit, json } = await keys("rotate", String(first["id"]), "--overlap", "10m");
    assert.deepEqual([exit, json["scopes"], json["name"], json["status"]], [0, ["admin"], "till", "active"]);
    assert.notEqual(json["key"], first["key"]);
    const old = fieldOf(json, "old");
    assert.deepEqual([old["id"], old["status"]], [first["id"], "ending"]);
    const both = [first, json].map(({ key }) => String(key));
    await until("both count", () => both.every((key) => store.principalOf(key) !== null));
  });

  test("a dry run changes nothing", async () => {
    const { id } = (await keys("create")).json;
    const before = await listed();
    for (const words of [["create"], ["revoke", String(id)], ["rotate", String(id)]]) {
      const { exit, json } = await keys(...words, "--dry-run");
      assert.deepEqual([exit, json["dryRun"]], [0, true]);
    }
    assert.deepEqual(await listed(), before);
  });

  test("list --tenant shows one tenant's keys", async () => {
    await keys("create", "--tenant", "other");
    const { json } = await keys("list", "--tenant", "other");
    assert.deepEqual(Array.isArray(json["keys"]) && json["keys"].map(({ tenant }) => tenant), ["other"]);
  });

  const wrong: readonly (readonly [string, readonly string[], number, string])[] = [
    ["a scope that there is not", ["create", "--scope", "root"], 2, "usage"],
    ["an owner that is none", ["create", "--owner", "a.b"], 2, "wallet_invalid"],
    ["an empty list of owners", ["create", "--owner", ","], 2, "wallet_invalid"],
    ["a time that is none", ["create", "--expires", "soon"], 2, "usage"],
    ["no time at all", ["create", "--expires", "0"], 2, "usage"],
    ["a name of two lines", ["create", "--name", "a\nb"], 2, "usage"],
    ["a tenant that is none", ["create", "--tenant", "A B"], 2, "usage"],
    ["a key that there is not", ["revoke", "aaaaaaaaaaaa"], 1, "key_not_found"],
    ["a whole key as an id", ["revoke", `coffer.aaaaaaaaaaaa.${"A".repeat(43)}`], 1, "key_not_found"],
    ["another key that there is not", ["rotate", "aaaaaaaaaaaa"], 1, "key_not_found"],
  ];
  for (const [what, words, exit, code] of wrong) {
    test(`${what} is refused: ${words.join(" ").replace("\n", " ")}`, async () => {
      const result = await keys(...words);
      assert.deepEqual([result.exit, fieldOf(result.json, "error")["code"]], [exit, code]);
    });
  }
});

test("where no engine has ever been there are no keys, and nothing is made", async (t) => {
  const nats = await startTestNats({ shards: 1 });
  t.after(() => nats.stop());
  const { exit, json } = await callJson(["keys", "create", "--server", nats.url]);
  assert.deepEqual([exit, fieldOf(json, "error")["code"]], [4, "log_missing"]);
});
