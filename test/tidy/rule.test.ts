// Each tidy rule fails on code that breaks it and passes code that does not: one line a case.
//
// Columns: what the case shows | path of the file | its text | lines on which the rule must report.
// Words that the rules refuse in any text are put together from pieces.
import assert from "node:assert/strict";
import test from "node:test";
import { clockHome } from "./clock-home.ts";
import { determinism } from "./determinism.ts";
import { docstrings, fileHeader } from "./documentation.ts";
import type { Finding } from "./finding.ts";
import { importDirection, packageImports } from "./import-direction.ts";
import { fileSize, functionSize } from "./size-limit.ts";
import { parseSource, type SourceFile } from "./source-file.ts";
import { subjectHome } from "./subject-home.ts";
import { narrowedTests, silencedChecks, unfinishedMarks } from "./switched-off.ts";

type Case = readonly [shows: string, path: string, text: string, lines: readonly number[]];

const declared = {
  dependencies: ["better-sqlite3", "msgpackr", "@nats-io/jetstream"],
  devDependencies: ["fast-check"],
};
const blankLines = (count: number) => "\n".repeat(count);
const longBody = (lines: number) => `{${blankLines(lines - 1)}}`;

const directionCases: readonly Case[] = [
  ["a higher room", "protocol/a.ts", 'import { b } from "../actors/b.ts";', [1]],
  ["a type from a higher room", "actors/a.ts", '\nimport type { B } from "../storage/b.ts";', [2]],
  ["a re-export", "storage/a.ts", 'export { b } from "../engine/b.ts";', [1]],
  ["a star re-export", "storage/a.ts", 'export * from "../cluster/b.ts";', [1]],
  ["a dynamic import", "cli/a.ts", 'const b = await import("../engine/b.ts");', [1]],
  ["an import inside a type", "cli/a.ts", 'type B = import("../actors/b.ts").B;', [1]],
  ["load scripts from what is shipped", "bench/a.ts", 'import { b } from "./http/b.ts";', [1]],
  ["storage from cluster", "cluster/a.ts", 'import { b } from "../storage/b.ts";', [1]],
  ["cluster from client", "client/a.ts", 'import { b } from "../cluster/b.ts";', [1]],
  ["engine from bench", "bench/a.ts", 'import { b } from "../engine/b.ts";', [1]],
  ["test from anywhere", "engine/a.ts", 'import { b } from "../test/b.ts";', [1]],
  ["another file of gateway from cli", "cli/a.ts", 'import { b } from "../gateway/gateway.ts";', [1]],
  ["engine from gateway", "gateway/a.ts", 'import { b } from "../engine/b.ts";', [1]],
  ["storage from gateway", "gateway/a.ts", 'import type { B } from "../storage/b.ts";', [1]],
  ["gateway from client", "client/a.ts", 'import { b } from "../gateway/b.ts";', [1]],
  ["another file of storage from cli", "cli/a.ts", 'import { b } from "../storage/journal.ts";', [1]],
  ["a specifier without .ts", "engine/a.ts", 'import { b } from "./b";', [1]],
  ["a folder that is no room", "misplaced/a.ts", "", [0]],
  ["the read-only door", "cli/a.ts", 'import { b } from "../storage/read-only.ts";', []],
  ["the door of the keys", "cli/a.ts", 'import { b } from "../gateway/keys.ts";', []],
  [
    "lower rooms and its own",
    "engine/a.ts",
    'import "../actors/b.ts"; import "./c.ts"; import "node:fs";',
    [],
  ],
  ["anything from a test", "test/engine/a.test.ts", 'import { b } from "../../engine/b.ts";', []],
];

const packageCases: readonly Case[] = [
  ["an undeclared package", "engine/a.ts", 'import x from "left-pad";', [1]],
  ["a development package in shipped code", "engine/a.ts", 'import fc from "fast-check";', [1]],
  ["SQLite outside storage", "engine/a.ts", 'import Database from "better-sqlite3";', [1]],
  ["NATS inside actors", "actors/a.ts", 'import type { Msg } from "@nats-io/jetstream";', [1]],
  ["a package in its room", "storage/a.ts", 'import Database from "better-sqlite3";', []],
  ["a subpath of a package", "cluster/a.ts", 'import { JsHeaders } from "@nats-io/jetstream/internal";', []],
  ["a development package in a test", "test/a.test.ts", 'import fc from "fast-check";', []],
];

const fileSizeCases: readonly Case[] = [
  ["501 lines", "engine/a.ts", blankLines(501), [500]],
  ["500 lines", "engine/a.ts", blankLines(500), []],
];

const functionSizeCases: readonly Case[] = [
  ["a function of 71 lines", "engine/a.ts", `function f() ${longBody(71)}`, [1]],
  ["a method", "engine/a.ts", `class A {\n  m() ${longBody(71)}\n}`, [2]],
  ["an arrow function", "engine/a.ts", `\nexport const f = async () => ${longBody(71)};`, [2]],
  ["a test of 71 lines", "test/a.test.ts", `test("x", () => ${longBody(71)});`, [1]],
  ["a function of 70 lines", "engine/a.ts", `function f() ${longBody(70)}`, []],
  ["a describe block", "test/a.test.ts", `describe("x", () => ${longBody(300)});`, []],
];

const determinismCases: readonly Case[] = [
  ["the clock", "actors/a.ts", "const now = Date.now();", [1, 1]],
  ["a clock passed as a value", "protocol/a.ts", "\nconst clock = Date;", [2]],
  ["randomness", "actors/a.ts", "const r = Math.random();", [1]],
  ["a timer", "actors/a.ts", "setTimeout(f, 1);", [1]],
  ["the environment", "protocol/a.ts", "const e = process.env;", [1, 1]],
  ["an async function", "actors/a.ts", "async function f() {}", [1]],
  ["an await", "actors/a.ts", "await f();", [1]],
  ["a promise in a type", "actors/a.ts", "interface A { f(): Promise<void> }", [1]],
  ["a built-in that does I/O", "actors/a.ts", 'import { readFileSync } from "node:fs";', [1]],
  [
    "random bytes from crypto",
    "protocol/a.ts",
    'import { createHash, randomBytes } from "node:crypto";',
    [1],
  ],
  ["all of crypto", "protocol/a.ts", 'import * as crypto from "node:crypto";', [1, 1]],
  ["the clock in a comment", "actors/a.ts", "// as Date.now() does", [1]],
  ["a hash", "protocol/a.ts", 'import { createHash } from "node:crypto";', []],
  ["a field of the same name", "actors/a.ts", "const a = { process: 1 }; a.process;", []],
  ["another room", "engine/a.ts", "const now = Date.now();", []],
];

const clockCases: readonly Case[] = [
  ["the wall clock", "engine/a.ts", "const now = Date.now();", [1]],
  ["the clock as a default", "engine/a.ts", "function f(clock = Date.now) {}", [1]],
  ["a date of now", "storage/a.ts", "\nconst now = new Date();", [2]],
  ["the monotonic clock", "bench/a.ts", "const t = performance.now();", [1]],
  ["the high-resolution clock", "cluster/a.ts", "const t = process.hrtime.bigint();", [1]],
  ["randomness", "client/a.ts", "const r = Math.random();", [1]],
  ["a random id", "client/a.ts", 'import { randomUUID } from "node:crypto";', [1]],
  ["a random id of the global", "client/a.ts", "const id = crypto.randomUUID();", [1]],
  ["a date of a given time", "engine/a.ts", "const d = new Date(ms);", []],
  ["an injected clock", "engine/a.ts", "const t = this.clock.monotonic();", []],
  ["a main file", "engine/node-main.ts", "const now = Date.now();", []],
  ["a test", "test/a.test.ts", "const now = Date.now();", []],
];

const subjectCases: readonly Case[] = [
  ["a subject", "engine/a.ts", 'const s = "coffer.info";', [1]],
  ["a template of a subject", "client/a.ts", "const s = `coffer.cmd.$" + "{tenant}`;", [1]],
  ["a subject quoted in a text", "cluster/a.ts", "const c = 'x: \"coffer.cmd.*.*\"';", [1]],
  ["a stream's name", "cluster/a.ts", "const s = `COFFER_S$" + "{shard}`;", [1]],
  ["its home", "protocol/subject.ts", 'const s = "coffer.info";', []],
  ["a test", "test/a.test.ts", 'const s = "coffer.info";', []],
  ["an environment variable", "cli/a.ts", 'const v = "COFFER_SERVER";', []],
  ["a file's name", "cluster/a.ts", 'const f = "coffer.json";', []],
  ["the program's name", "cli/a.ts", 'const n = "coffer";', []],
];

const headerCases: readonly Case[] = [
  ["no comment", "engine/a.ts", "const a = 1;", [1]],
  ["one line", "engine/a.ts", "// Holds a.\nconst a = 1;", [1]],
  ["a comment that comes later", "engine/a.ts", "const a = 1;\n// What it owns,\n// and more.", [1]],
  ["no comment after #!", "cli/main.ts", "#!/usr/bin/env node\nconst a = 1;", [2]],
  ["two lines", "engine/a.ts", "// What it owns,\n// and more.\nconst a = 1;", []],
  ["a block", "engine/a.ts", "/*\n * What it owns.\n */\nconst a = 1;", []],
  ["a comment after #!", "cli/main.ts", "#!/usr/bin/env node\n// What it owns,\n// and more.", []],
];

const docstringCases: readonly Case[] = [
  ["a function", "engine/a.ts", "export function f() {}", [1]],
  [
    "a constant, a type, a class",
    "engine/a.ts",
    "export const a = 1;\nexport type B = 1;\nexport class C {}",
    [1, 2, 3],
  ],
  ["a line comment", "engine/a.ts", "// Adds.\nexport function f() {}", [2]],
  ["a docstring of something else", "engine/a.ts", "/** Adds. */\nconst a = 1;\nexport const b = 2;", [3]],
  ["a list of exports", "engine/a.ts", "\nfunction f() {}\nexport { f };", [2]],
  ["a default export", "engine/a.ts", "\nexport default 1;", [2]],
  ["a documented function", "engine/a.ts", "/** Adds. */\nexport function f() {}", []],
  ["overloads", "engine/a.ts", "/** Adds. */\nexport function f(a: 1): 1;\nexport function f(a: 2): 2;", []],
  ["a re-export", "client/mod.ts", 'export { f } from "./f.ts";\nexport * from "./g.ts";', []],
];

const markCases: readonly Case[] = [
  ["unfinished work", "engine/a.ts", `\n// ${"TO" + "DO"}: later`, [2]],
  ["a known fault", "test/a.test.ts", `// ${"FIX" + "ME"}`, [1]],
  ["a word that contains one", "engine/a.ts", `const ${"TO" + "DO"}LIST = 1;`, []],
];

const silencerCases: readonly Case[] = [
  ["the type checker", "engine/a.ts", `// @ts-${"ignore"}`, [1]],
  ["the linter", "engine/a.ts", `// biome-${"ignore"} lint: why`, [1]],
  ["a cast to nothing", "engine/a.ts", `f(a as ${"any"});`, [1]],
  ["a parameter of no type", "engine/a.ts", `function f(a:${" any"}) {}`, [1]],
  ["unknown", "engine/a.ts", "function f(a: unknown) {}", []],
];

const narrowedCases: readonly Case[] = [
  ["one test alone", "test/a.test.ts", `test.${"only"}("x", f);`, [1]],
  ["a test left out", "test/a.test.ts", `it.${"skip"}("x", f);`, [1]],
  ["a test left out by an option", "test/a.test.ts", 'test("x", { skip: noServer }, f);', [1]],
  ["a test that leaves itself out", "test/a.test.ts", 'test("x", (t) => t.todo());', [1]],
  ["a test", "test/a.test.ts", 'test("x", { timeout: 5 }, f);', []],
  ["a command's option", "cli/a.ts", `parse({ ${"skip"}: true });`, []],
];

const rules: readonly (readonly [
  name: string,
  rule: (file: SourceFile) => Finding[],
  cases: readonly Case[],
])[] = [
  ["import direction", importDirection, directionCases],
  ["package imports", (file) => packageImports(file, declared), packageCases],
  ["file size", fileSize, fileSizeCases],
  ["function size", functionSize, functionSizeCases],
  ["determinism", determinism, determinismCases],
  ["clock home", clockHome, clockCases],
  ["subject home", subjectHome, subjectCases],
  ["file header", fileHeader, headerCases],
  ["docstrings", docstrings, docstringCases],
  ["unfinished marks", unfinishedMarks, markCases],
  ["silenced checks", silencedChecks, silencerCases],
  ["narrowed tests", narrowedTests, narrowedCases],
];

for (const [name, rule, cases] of rules) {
  for (const [shows, path, text, lines] of cases) {
    test(`${name} ${lines.length > 0 ? "refuses" : "accepts"} ${shows}`, () => {
      const found = rule(parseSource(path, text)).map((finding) => finding.line);
      assert.deepEqual(
        found.sort((a, b) => a - b),
        lines,
      );
    });
  }
}
