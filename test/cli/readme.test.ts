// The README's commands are real: each line that calls the program parses as the program would parse it.
// Guards against: first steps that fail for everybody who follows them.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { call } from "./program-call.ts";

const readme = await readFile(fileURLToPath(new URL("../../README.md", import.meta.url)), "utf8");
const manifest = await readFile(fileURLToPath(new URL("../../package.json", import.meta.url)), "utf8");

/** Runs a line far enough to parse it: with --help it does nothing else. */
async function parses(line: string): Promise<boolean> {
  const { exit } = await call([
    ...line.trim().split(" "),
    "--server",
    "nats://127.0.0.1:9",
    "--timeout",
    "50ms",
  ]);
  return exit !== 2;
}

test("the README has the two commands to start and to test, as they are written", () => {
  for (const line of ["npm ci && npm start", "npm ci && npm test"])
    assert.ok(readme.includes(`\n${line}\n`), line);
});

test("every command of the first steps parses", async () => {
  const lines = [...readme.matchAll(/^npm run -s coffer -- (.+)$/gm)].map(([, line = ""]) => line);
  assert.ok(lines.length >= 5, "there are first steps");
  for (const line of lines) assert.ok(await parses(line), line);
});

test("package.json has the script that the first steps run", () => {
  assert.ok(manifest.includes('"coffer": "node cli/main.ts"'), "the script coffer runs cli/main.ts");
});
