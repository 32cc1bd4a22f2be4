// The flags of V8 that engines and gateways run with: this Node takes them, and a version that nobody has tried starts without.
// Guards against: a process that does not start because Node knows a flag no longer.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { engineArguments } from "../../cli/dev/engine-process.ts";
import { gatewayHeapFlags, v8Flags } from "../../cli/dev/v8-flags.ts";

test("this Node starts with the flags of an engine, and has them", () => {
  const flags = v8Flags(process.versions.node);
  assert.ok(flags.length > 0);
  assert.ok(flags.every((flag) => engineArguments("compile").includes(flag)));
  const { status, stdout } = spawnSync(process.execPath, [...flags, "--v8-options"], { encoding: "utf8" });
  assert.equal(status, 0);
  for (const flag of flags) {
    const [name = ""] = flag.replace("--no-", "--").split("=");
    assert.match(stdout, new RegExp(`^ +${name} `, "m"));
  }
});

test("a Node that is newer than those that were tried gets no flag", () => {
  assert.deepEqual(v8Flags("27.0.0"), []);
  assert.deepEqual(v8Flags("100.1.0-nightly"), []);
  assert.deepEqual(v8Flags("22.12.0"), v8Flags("26.1.0"));
});

test("a gateway's heap has a bound, unless the environment names one", () => {
  const [flag = ""] = gatewayHeapFlags(undefined);
  const words = [flag, "-p", "require('node:v8').getHeapStatistics().heap_size_limit"];
  const { status, stdout } = spawnSync(process.execPath, words, { encoding: "utf8" });
  assert.equal(status, 0);
  const mebibytes = Number(stdout) / 2 ** 20;
  assert.ok(mebibytes >= 1_024 && mebibytes < 1_200, stdout);
  assert.deepEqual(gatewayHeapFlags("--no-warnings"), [flag]);
  assert.deepEqual(gatewayHeapFlags("--no-warnings --max-old-space-size=4096"), []);
  assert.deepEqual(gatewayHeapFlags("--max_old_space_size 4096"), []);
});
