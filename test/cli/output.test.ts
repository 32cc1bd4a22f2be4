// What is printed where: JSON alone on standard output, remarks on standard error, and no control character unless a
// terminal is there.

import assert from "node:assert/strict";
import { test } from "node:test";
import { CliFailure } from "../../cli/failure.ts";
import { columns, outputTo } from "../../cli/output.ts";
import type { Sink } from "../../cli/surroundings.ts";

interface Printed {
  readonly stdout: string;
  readonly stderr: string;
}

function printed(isTerminal: boolean, isJson: boolean): Printed {
  const texts = { stdout: "", stderr: "" };
  const sink = (name: "stdout" | "stderr"): Sink => ({
    isTerminal,
    isBroken: () => false,
    write: (text) => {
      texts[name] += text;
    },
  });
  const output = outputTo(sink("stdout"), sink("stderr"), isJson);
  output.note("a remark");
  output.progress("begun", "milestone");
  output.progress("half");
  output.progress("nearly");
  output.result({ done: true }, "the result");
  output.failure(new CliFailure("some_code", "A sentence."));
  return texts;
}

test("without a terminal: the result on standard output, remarks and milestones on standard error, no control character", () => {
  assert.deepEqual(printed(false, false), {
    stdout: "the result\n",
    stderr: "a remark\nbegun\ncoffer: A sentence.\n",
  });
});

test("under --json everything is JSON lines on standard output, with a terminal or without", () => {
  const expected = {
    stdout: '{"done":true}\n{"error":{"code":"some_code","message":"A sentence."}}\n',
    stderr: "",
  };
  assert.deepEqual(printed(false, true), expected);
  assert.deepEqual(printed(true, true), expected);
});

test("on a terminal a progress line is rewritten in place and cleared before what follows", () => {
  const { stdout, stderr } = printed(true, false);
  assert.equal(stdout, "the result\n");
  assert.equal(stderr, "a remark\nbegun\n\r\u001b[Khalf\r\u001b[Knearly\r\u001b[Kcoffer: A sentence.\n");
});

test("columns line up and no line ends with spaces", () => {
  assert.equal(
    columns(
      [
        ["a", "bb", ""],
        ["ccc", "d", "e"],
      ],
      "  ",
    ),
    "  a    bb\n  ccc  d   e",
  );
});
