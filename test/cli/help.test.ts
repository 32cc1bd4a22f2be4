// Help is made of the commands' tables: it is complete, its examples are right, and docs/cli.md says the same.
// Guards against: an example that no longer parses, a flag that the help forgot, a page that grew old.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { parseArguments } from "../../cli/arguments.ts";
import { COMMANDS } from "../../cli/catalog.ts";
import { flagsOf } from "../../cli/command.ts";
import { commandHelp, helpPage, overviewHelp } from "../../cli/help.ts";
import { call, callJson } from "./program-call.ts";

const CHARS_MAX = 140;

for (const command of COMMANDS) {
  test(`coffer ${command.path} --help names every argument and flag, and every example parses`, async () => {
    const { exit, stdout } = await call([...command.path.split(" "), "--help"]);
    assert.equal(exit, 0);
    for (const { name } of [...command.arguments, ...flagsOf(command)])
      assert.ok(stdout.includes(name), name);
    assert.ok(command.examples.length > 0, "a command has an example");
    for (const { line } of command.examples) {
      assert.ok(line.startsWith(command.path), line);
      parseArguments(command, shellWords(line.slice(command.path.length)));
    }
  });

  test(`coffer help ${command.path} prints the same as --help, and -h does`, async () => {
    const words = command.path.split(" ");
    const { stdout } = await call([...words, "--help"]);
    assert.equal((await call(["help", ...words])).stdout, stdout);
    assert.equal((await call([...words, "-h"])).stdout, stdout);
  });
}

test("the overview names every command and every exit code", async () => {
  const { exit, stdout } = await call(["help"]);
  assert.equal(exit, 0);
  for (const { path, summary } of COMMANDS)
    assert.ok(stdout.includes(path) && stdout.includes(summary), path);
  assert.deepEqual(
    [...stdout.matchAll(/^ {2}([0-4]) {2}/gm)].map(([, code]) => code),
    ["0", "1", "2", "3", "4"],
  );
  assert.equal((await call([])).stdout, stdout, "no words at all print it too");
  assert.equal((await call(["--help"])).stdout, stdout);
});

test("help of a group lists its commands, and help of nothing known is exit 2", async () => {
  const { stdout } = await call(["help", "wallet"]);
  for (const { path } of COMMANDS.filter((command) => command.path.startsWith("wallet ")))
    assert.ok(stdout.includes(path));
  assert.equal((await call(["help", "nonsense"])).exit, 2);
});

test("help under --json is one object with the text", async () => {
  const { exit, json } = await callJson(["help"]);
  assert.equal(exit, 0);
  assert.equal(json["help"], overviewHelp(COMMANDS));
});

test("no line of any help is wider than a wide terminal, and none has control characters", () => {
  for (const line of [overviewHelp(COMMANDS), ...COMMANDS.map(commandHelp)].join("\n").split("\n")) {
    assert.ok(line.length <= CHARS_MAX, line);
    assert.doesNotMatch(line, /\p{Cc}/u);
  }
});

test("docs/cli.md is what coffer help --all prints", async () => {
  const page = await readFile(fileURLToPath(new URL("../../docs/cli.md", import.meta.url)), "utf8");
  assert.equal(page, helpPage(COMMANDS), "write it again: coffer help --all > docs/cli.md");
  const { stdout } = await call(["help", "--all"]);
  assert.equal(stdout, page);
});

/** Words as a shell splits them; double and single quotes only. */
function shellWords(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, bare]) => double ?? single ?? bare ?? "",
  );
}
