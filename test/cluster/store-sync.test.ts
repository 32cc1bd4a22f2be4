// One pass over a tree that syncs every file and every directory.
// What the sync is good for (a power cut) cannot be seen here; that nothing is left out can.
// Guards against: a directory that is passed over, and a link that leads out of the store.
import assert from "node:assert/strict";
import { mkdirSync, rmSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { syncTree } from "../../cluster/store-sync.ts";

test("every file and every directory of the tree is synced, links are not followed", async () => {
  const root = await mkdtemp(join(tmpdir(), "coffer-sync-"));
  try {
    await mkdir(join(root, "a/b"), { recursive: true });
    for (const file of ["one", "a/two", "a/b/three"]) await writeFile(join(root, file), file);
    await symlink("/", join(root, "outside"));
    assert.equal(await syncTree(root), 6);
    await assert.rejects(syncTree(join(root, "nowhere")), { code: "ENOENT" });
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});

test("what vanishes while the tree is visited is passed over: the server goes on meanwhile", async () => {
  const root = await mkdtemp(join(tmpdir(), "coffer-sync-"));
  try {
    const consumers = Array.from({ length: 200 }, (_, index) => join(root, `${index}`, "obs"));
    for (const directory of consumers) mkdirSync(directory, { recursive: true });
    const syncing = syncTree(root);
    await readdir(root);
    for (const directory of consumers) rmSync(join(directory, ".."), { recursive: true });
    assert.ok((await syncing) >= 1);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});
