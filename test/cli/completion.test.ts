// Completion scripts know every command, flag and choice, and bash runs them.
// The scripts are made of the same table as the program, so what is checked is that nothing of it is lost.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { COMMANDS } from "../../cli/catalog.ts";
import { flagsOf } from "../../cli/command.ts";
import { completionScript } from "../../cli/commands/completion.ts";
import { call } from "./program-call.ts";

const run = promisify(execFile);

for (const shell of ["bash", "zsh", "fish"]) {
  test(`the ${shell} script has every word of the commands' tables`, async () => {
    const { exit, stdout } = await call(["completion", shell]);
    assert.equal(exit, 0);
    assert.equal(stdout.trimEnd(), completionScript(shell, COMMANDS).trimEnd());
    for (const command of COMMANDS) {
      for (const word of command.path.split(" ")) assert.ok(stdout.includes(word), word);
      for (const { name, choices = [] } of flagsOf(command)) {
        assert.ok(
          stdout.includes(shell === "fish" ? `-l ${name.slice(2)}` : name),
          `${command.path} ${name}`,
        );
        for (const choice of choices) assert.ok(stdout.includes(choice), choice);
      }
    }
  });
}

test("the zsh and fish scripts are as wide as their tables and name no other program", () => {
  for (const line of completionScript("fish", COMMANDS).split("\n").slice(1))
    assert.match(line, /^complete -c coffer /);
  assert.match(completionScript("zsh", COMMANDS), /^#compdef coffer\n/);
});

/** What was typed (the last word is being completed), and what bash then offers. */
const COMPLETED: readonly (readonly [typed: readonly string[], offered: readonly string[]])[] = [
  [["tran"], ["transfer"]],
  [["h"], ["hold", "help"]],
  [["hold", "re"], ["release"]],
  [["wallet", "op"], ["open"]],
  [["wallet", "open", "--as"], ["--asset"]],
  [["dev", "--dur"], ["--durability"]],
  [["dev", "--durability", "r"], ["relaxed"]],
  [
    ["hold", "capture", "--final", ""],
    ["true", "false"],
  ],
  [["completion", "z"], ["zsh"]],
  [["nonsense", "x"], []],
];

for (const [typed, offered] of COMPLETED) {
  test(`bash completes "coffer ${typed.join(" ")}" to ${offered.join(", ") || "nothing"}`, async () => {
    const words = ["coffer", ...typed].map((word) => `'${word}'`).join(" ");
    const script = [
      completionScript("bash", COMMANDS),
      `COMP_WORDS=(${words}); COMP_CWORD=${typed.length}; _coffer`,
      `printf '%s\\n' "\${COMPREPLY[@]}"`,
    ].join("\n");
    const { stdout } = await run("bash", ["-c", script]);
    assert.deepEqual(
      stdout.split("\n").filter((word) => word !== ""),
      offered,
    );
  });
}
