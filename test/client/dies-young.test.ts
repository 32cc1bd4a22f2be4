// What a command on its way holds is garbage when it is settled, and dies in the young generation
// (docs/adr/0019-garbage-dies-young.md). Looks at how much reaches the old one, in a process of its own; no time is measured.
// Guards against: a Map or Set of commands on their way, whose old tables keep alive all that comes later.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { v8Flags } from "../../cli/dev/v8-flags.ts";

const PROGRAM = fileURLToPath(new URL("./commands-under-way.ts", import.meta.url));

test("of 100,000 commands that hold 200 MB in turn, less than 24 MB reach the old generation", () => {
  const words = [
    ...process.execArgv.filter((word) => !word.startsWith("--test")),
    ...v8Flags(process.versions.node),
  ];
  const { status, stdout, stderr } = spawnSync(process.execPath, [...words, PROGRAM], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  assert.ok(Number(stdout) < 24 * 1024 * 1024, `${stdout.trim()} bytes`);
});
