// Subjects and placement. The safety rules: outcomes go only below the tenant's own result prefix, answers
// never into a subject of ours or of the server, and the hash is the server's own.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseOwner, parseTenant, parseWallet } from "../../protocol/names.ts";
import { shardOf, shardOfWallet } from "../../protocol/shard-map.ts";
import {
  commandSubject,
  epochSubject,
  frameSubject,
  isAnswerSubject,
  isResultSubject,
  ownerSubject,
  parseAsk,
  parseRecordSubject,
  peerSubject,
  quarantineSubject,
  resultPrefix,
  shardCommandSubject,
} from "../../protocol/subject.ts";
import { must } from "./arbitraries.ts";

const demo = must(parseTenant("demo"));
const alice = must(parseOwner("alice"));

const results: readonly (readonly [string, boolean])[] = [
  ["coffer.res.demo.billing", true],
  ["coffer.res.demo.billing.1", true],
  ["coffer.res.demo.", false],
  ["coffer.res.demo", false],
  ["coffer.res.demo..a", false],
  ["coffer.res.demo.a.", false],
  ["coffer.res.demo.*", false],
  ["coffer.res.demo.>", false],
  ["coffer.res.demo.a.>", false],
  ["coffer.res.demo.a b", false],
  ["coffer.res.demo.a\r\nPUB coffer.s.1.epoch 0", false],
  ["coffer.res.demo.a\u0000", false],
  ["coffer.res.demo.é", true],
  ["coffer.res.demo2.billing", false],
  ["coffer.res.other.billing", false],
  ["coffer.res.Demo.billing", false],
  ["coffer.s.1.cmd.demo.alice", false],
  ["coffer.s.1.epoch", false],
  ["coffer.cmd.demo.alice", false],
  ["$JS.API.STREAM.PURGE.COFFER_S1", false],
  ["_INBOX.abc", false],
  ["", false],
  [`coffer.res.demo.${"a".repeat(240)}`, true],
  [`coffer.res.demo.${"a".repeat(241)}`, false],
];
for (const [subject, allowed] of results) {
  test(`outcomes of demo ${allowed ? "may" : "may not"} go to ${JSON.stringify(subject.slice(0, 50))}`, () => {
    assert.equal(isResultSubject(subject, demo), allowed);
  });
}

const answers: readonly (readonly [string, boolean])[] = [
  ["_INBOX.abc.1", true],
  ["_INBOX_demo.abc", true],
  ["inbox", true],
  ["cofferx.a", true],
  ["coffer", false],
  ["coffer.s.1.cmd.demo.alice", false],
  ["coffer.cmd.demo.alice", false],
  ["coffer.res.demo.a", false],
  ["$JS.API.STREAM.DELETE.COFFER_S1", false],
  ["$SYS.REQ.SERVER.PING", false],
  ["$KV.shards.1", false],
  ["$", false],
  ["", false],
  [".coffer.s.1.epoch", false],
  ["a..b", false],
  ["a.>", false],
  ["*", false],
  ["a b", false],
  ["a\r\nPUB", false],
  ["a".repeat(257), false],
];
for (const [subject, allowed] of answers) {
  test(`reads and calls ${allowed ? "may" : "may not"} answer to ${JSON.stringify(subject.slice(0, 50))}`, () => {
    assert.equal(isAnswerSubject(subject), allowed);
  });
}

test("no tenant's result prefix holds another tenant's subjects", () => {
  const other = must(parseTenant("demo-2"));
  assert.ok(!`${resultPrefix(other)}a`.startsWith(resultPrefix(demo)));
  assert.ok(!isResultSubject(`${resultPrefix(other)}a`, demo));
});

test("a record's subject is understood only in its own shard and in its exact form", () => {
  assert.deepEqual(parseRecordSubject(shardCommandSubject(3, demo, alice), 3), {
    kind: "command",
    tenant: demo,
    owner: alice,
  });
  assert.deepEqual(parseRecordSubject(frameSubject(3, demo), 3), { kind: "frame", tenant: demo });
  assert.deepEqual(parseRecordSubject(peerSubject(3, 15), 3), { kind: "peer", from: 15 });
  for (const [subject, kind] of [
    [ownerSubject(3), "owner"],
    [epochSubject(3), "epoch"],
    [quarantineSubject(3), "quarantine"],
  ] as const) {
    assert.deepEqual(parseRecordSubject(subject, 3), { kind });
  }
  const unknown = [
    shardCommandSubject(4, demo, alice),
    "coffer.s.03.epoch",
    "coffer.s.3.peer.01",
    "coffer.s.3.peer.-1",
    "coffer.s.3.peer.999999",
    "coffer.s.3.peer.1.2",
    "coffer.s.3.frame.DEMO",
    "coffer.s.3.cmd.demo.a!b",
    "coffer.s.3.cmd.demo",
    "coffer.s.3.epoch.x",
    "coffer.s.3.other",
    "coffer.s.3",
    commandSubject(demo, alice),
    "",
  ];
  for (const subject of unknown)
    assert.deepEqual(parseRecordSubject(subject, 3), { kind: "unknown" }, subject);
});

test("a mapped call or read names its tenant and owner", () => {
  assert.deepEqual(parseAsk("coffer.ask.3.call.demo.alice"), { tenant: demo, owner: alice });
  for (const subject of [
    "coffer.ask.3.call.demo",
    "coffer.ask.3.call.demo.alice.x",
    "coffer.ask.3.call.DEMO.alice",
    "",
  ]) {
    assert.equal(parseAsk(subject), undefined);
  }
});

/** Published test vectors of FNV-1a 32 (draft-eastlake-fnv, appendix C); the tokens are joined without a dot. */
const vectors: readonly (readonly [string, string, number])[] = [
  ["f", "o", 0x6222_e842],
  ["f", "oo", 0xa9f3_7ed7],
  ["fo", "o", 0xa9f3_7ed7],
  ["f", "oob", 0x3f50_76ef],
  ["fo", "oba", 0x39aa_a18a],
  ["foo", "bar", 0xbf9c_f968],
];
for (const [tenant, owner, hash] of vectors) {
  test(`the hash of ${tenant} and ${owner} is 0x${hash.toString(16)}`, () => {
    assert.equal(shardOf(must(parseTenant(tenant)), must(parseOwner(owner)), 2 ** 32), hash);
    for (const shards of [1, 2, 3, 16, 64, 1000]) {
      assert.equal(shardOf(must(parseTenant(tenant)), must(parseOwner(owner)), shards), hash % shards);
    }
  });
}

test("a wallet is placed where its owner is", () => {
  const owners = ["a", "alice", "Z-_9", "x".repeat(64)];
  for (const owner of owners.map((name) => must(parseOwner(name)))) {
    for (const purse of ["usd", "p", "0".repeat(32)]) {
      const wallet = must(parseWallet(`${owner}:${purse}`));
      for (const shards of [1, 4, 7, 64])
        assert.equal(shardOfWallet(demo, wallet, shards), shardOf(demo, owner, shards));
    }
  }
});
