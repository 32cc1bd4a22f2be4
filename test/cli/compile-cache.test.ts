// The compile cache before the first start of an engine from source: filled with everything that an engine loads, once.
// Guards against: a first start whose threads each load what strips types, and keep it for as long as they run.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { fillCompileCache } from "../../cli/dev/compile-cache.ts";
import { engineArguments } from "../../cli/dev/engine-process.ts";
import { Site } from "../support/site.ts";
import { discard, temporaryDirectory } from "./program-call.ts";

const WORDS = engineArguments("compile");

test("a cache is filled once, and an engine that starts on it finds everything there", async (t) => {
  const cache = await temporaryDirectory();
  t.after(() => discard(cache));
  const compiled = (): string[] => readdirSync(cache, { recursive: true, encoding: "utf8" }).sort();
  assert.equal(fillCompileCache(cache, WORDS), true);
  const filled = compiled();
  assert.ok(filled.length > 100, `${filled.length} files`);
  assert.equal(fillCompileCache(cache, WORDS), false);

  const site = await Site.start(t, { shards: 2 });
  const engine = await site.startEngine({ workers: 2, wrapper: ["env", `NODE_COMPILE_CACHE=${cache}`] });
  // What was compiled is written when a process ends.
  await engine.end();
  assert.deepEqual(compiled(), filled);
});
