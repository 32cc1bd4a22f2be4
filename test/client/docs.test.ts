// The programs in the documents run as they are printed: all JavaScript blocks of a page, one after the other.
// Guards against pages that were right once.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { startEngine, type TestEngine } from "../support/engine.ts";
import { startTestNats, type TestNats } from "../support/nats.ts";

const root = resolve(import.meta.dirname, "..", "..");
const bound = { timeout: 60_000 };

let nats: TestNats;
let engine: TestEngine;
before(async () => {
  nats = await startTestNats({ shards: 4 });
  engine = await startEngine({ natsUrl: nats.url, shards: 4 });
});
after(async () => {
  await engine?.stop();
  await nats?.stop();
});

/** Runs the program of a page; what it printed, line by line. */
async function runPage(page: string): Promise<string[]> {
  const source = readFileSync(join(root, "docs", page), "utf8");
  const blocks = [...source.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code = ""]) => code);
  assert.ok(blocks.length >= 4, `${page} has ${blocks.length} blocks of code`);
  const client = pathToFileURL(join(root, "client", "mod.ts")).href;
  const program = blocks.join("\n").replaceAll('from "coffer"', `from "${client}"`);
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
    cwd: root,
    env: { ...process.env, NATS_URL: nats.url },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: bound.timeout / 2,
  });
  const exited = once(child, "exit");
  const [printed, complained, [code]] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  assert.equal(code, 0, complained);
  return printed.trimEnd().split("\n");
}

test("the program of the client library's page", bound, async () => {
  const printed = (await runPage("client.md")).join("\n");
  assert.match(printed, /^4 shards, /);
  assert.match(printed, /\[ 'open', 'open', 'open' \]/);
  assert.match(printed, /settled at position \d+ of shard \d/);
  assert.match(printed, /"status":"held"/);
  assert.match(printed, /^100 payouts$/m);
  assert.match(printed, /^alice has 8350, of which 8350 may be spent$/m);
  assert.match(printed, /^transfer \w+ \[ 'alice:usd 8355' \]$/m);
});

test("the program of the page about plain NATS", bound, async () => {
  const printed = (await runPage("plain-nats.md")).join("\n");
  assert.equal(printed.match(/ posted $/gm)?.length, 3);
  assert.match(printed, /^carol has 9400 at position \d+$/m);
  assert.match(printed, /^\d:\d+:0 to \d:\d+:\d after /m);
});
