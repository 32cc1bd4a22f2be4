// The lines that `coffer dev` prints to be tried, run as they are by sh and curl, at the moment when they are printed.
// Guards against: a first step that fails for whoever pastes it, and refuses for ever because its key has settled so.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { discard, objectOf, startDev, type TestDev, temporaryDirectory } from "./program-call.ts";

const hasCurl = (process.env["PATH"] ?? "").split(delimiter).some((folder) => {
  try {
    accessSync(join(folder, "curl"), constants.X_OK);
    return true;
  } catch {
    return false;
  }
});

test("each line works as it is printed, with the demonstration and without, and again after a restart", async (t) => {
  if (!hasCurl) {
    t.diagnostic("nothing was tested: there is no curl on this machine");
    return;
  }
  const dataDir = await temporaryDirectory();
  t.after(() => discard(dataDir));
  const answers: Record<string, unknown>[] = [];
  for (const more of [[], ["--no-demo"]]) {
    await using dev = await startDev(["--text", "--shards", "1", "--durability", "relaxed", ...more], {
      dataDir,
    });
    for (const line of await curlLines(dev)) answers.push(await run(line));
  }
  assert.ok(answers.length >= 4, `${answers.length} lines`);
  for (const answer of answers)
    assert.match(String(answer["status"]), /^(?:open|posted)$/, JSON.stringify(answer));
  const transfers = answers.filter(({ op }) => op === "transfer");
  assert.equal(new Set(transfers.map(({ position }) => position)).size, 1, "the transfer moved money once");
  assert.deepEqual(
    transfers.map(({ replayed }) => replayed),
    [false, true],
  );
});

/** The lines that begin with curl, once the last of them is there. */
async function curlLines(dev: TestDev): Promise<string[]> {
  await dev.line("first-transfer");
  return dev
    .stdout()
    .split("\n")
    .flatMap((line) => (line.trim().startsWith("curl ") ? [line.trim()] : []));
}

/** Runs a line in a shell. @returns the JSON that it prints */
async function run(line: string): Promise<Record<string, unknown>> {
  const shell = spawn("sh", ["-c", line], { stdio: ["ignore", "pipe", "inherit"] });
  let printed = "";
  shell.stdout.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
  });
  const [code] = await once(shell, "close");
  assert.equal(code, 0, line);
  return objectOf(printed);
}
