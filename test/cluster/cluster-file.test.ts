// coffer.json: created once and whole, read with every field checked, and never replaced.
// What a start asks for is compared with what the data has.

import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { ClusterFile } from "../../cluster/cluster-file.ts";
import {
  checkClusterFile,
  createClusterFile,
  readClusterFile,
  SHARDS_MAX,
} from "../../cluster/cluster-file.ts";
import { parseTenant } from "../../protocol/names.ts";

const root = await mkdtemp(join(tmpdir(), "coffer-cluster-file-"));
after(() => rm(root, { recursive: true, force: true }));

const tenant = parseTenant("demo");
assert.ok(tenant);
const FILE: ClusterFile = {
  format: 1,
  cluster: "0198c0de-0000-7000-8000-000000000001",
  shards: 4,
  durability: "strict",
  replicas: 1,
  tenant,
};

async function directoryWith(body: string): Promise<string> {
  const directory = await mkdtemp(join(root, "data-"));
  await writeFile(join(directory, "coffer.json"), body);
  return directory;
}

test("what was created is read back equal, in a directory that did not exist, with nothing else in it", async () => {
  const directory = join(root, "deep", "new");
  assert.deepEqual(createClusterFile(directory, FILE), { ok: true, value: FILE });
  assert.deepEqual(readClusterFile(directory), { ok: true, value: FILE });
  assert.deepEqual(await readdir(directory), ["coffer.json"]);
});

test("creating again is refused and changes nothing", async () => {
  const directory = join(root, "twice");
  createClusterFile(directory, FILE);
  const again = createClusterFile(directory, { ...FILE, shards: 8 });
  assert.equal(again.ok ? "" : again.error.code, "cluster_file_exists");
  assert.deepEqual(readClusterFile(directory), { ok: true, value: FILE });
  assert.deepEqual(await readdir(directory), ["coffer.json"]);
});

test("of many creations at once exactly one succeeds", async () => {
  const directory = join(root, "race");
  const results = await Promise.all(
    Array.from({ length: 8 }, () => Promise.resolve(createClusterFile(directory, FILE))),
  );
  assert.equal(results.filter(({ ok }) => ok).length, 1);
});

test("a directory without the file is cluster_file_missing, a file in its place is unreadable", async () => {
  const missing = readClusterFile(join(root, "nowhere"));
  assert.equal(missing.ok ? "" : missing.error.code, "cluster_file_missing");
  const file = join(root, "plain");
  await writeFile(file, "");
  const refused = createClusterFile(file, FILE);
  assert.equal(refused.ok ? "" : refused.error.code, "cluster_file_unreadable");
});

const WRONG: readonly (readonly [what: string, body: string])[] = [
  ["no JSON", "{"],
  ["an array", "[]"],
  ["an empty file", ""],
  ["a newer format", JSON.stringify({ ...FILE, format: 2 })],
  ["no cluster", JSON.stringify({ ...FILE, cluster: undefined })],
  ["a cluster in capitals", JSON.stringify({ ...FILE, cluster: FILE.cluster.toUpperCase() })],
  ["no shards", JSON.stringify({ ...FILE, shards: 0 })],
  ["half a shard", JSON.stringify({ ...FILE, shards: 1.5 })],
  ["shards as text", JSON.stringify({ ...FILE, shards: "4" })],
  ["too many shards", JSON.stringify({ ...FILE, shards: SHARDS_MAX + 1 })],
  ["another profile", JSON.stringify({ ...FILE, durability: "sloppy" })],
  ["an even number of copies", JSON.stringify({ ...FILE, replicas: 2 })],
  ["copies as text", JSON.stringify({ ...FILE, replicas: "3" })],
  ["a bad tenant", JSON.stringify({ ...FILE, tenant: "A" })],
  ["an unknown field", JSON.stringify({ ...FILE, more: 1 })],
];

for (const [what, body] of WRONG) {
  test(`a file with ${what} is refused and left as it is`, async () => {
    const directory = await directoryWith(body);
    const read = readClusterFile(directory);
    assert.equal(read.ok ? "" : read.error.code, "cluster_file_invalid");
    assert.equal(await readFile(join(directory, "coffer.json"), "utf8"), body);
  });
}

test("fields that could not be read back are not written", () => {
  const directory = join(root, "invalid");
  const refused = createClusterFile(directory, { ...FILE, shards: 0 });
  assert.equal(refused.ok ? "" : refused.error.code, "cluster_file_invalid");
  const missing = readClusterFile(directory);
  assert.equal(missing.ok ? "" : missing.error.code, "cluster_file_missing");
});

test("a file that says nothing of copies means one", async () => {
  const directory = await directoryWith(JSON.stringify({ ...FILE, replicas: undefined }));
  assert.deepEqual(readClusterFile(directory), { ok: true, value: FILE });
});

test("other shards, copies or another profile than the data has are an error, nothing asked is none", () => {
  const codeOf = (wishes: Parameters<typeof checkClusterFile>[1]): string => {
    const checked = checkClusterFile(FILE, wishes);
    return checked.ok ? "ok" : checked.error.code;
  };
  assert.equal(codeOf({}), "ok");
  assert.equal(codeOf({ shards: 4, durability: "strict", replicas: 1 }), "ok");
  assert.equal(codeOf({ shards: 8 }), "shard_count_mismatch");
  assert.equal(codeOf({ durability: "relaxed" }), "durability_mismatch");
  assert.equal(codeOf({ replicas: 3 }), "replicas_mismatch");
});
