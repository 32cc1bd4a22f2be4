// The tidy rules that look at several files, at names, or at documents fail on what breaks them.
//
// The rules that look at one source file are in rule.test.ts.
import assert from "node:assert/strict";
import test from "node:test";
import { dependenciesRecorded, lockfileAddresses } from "./dependency-record.ts";
import { docPaths } from "./doc-path.ts";
import { fileName } from "./file-name.ts";
import { assertNoFindings, findingText } from "./finding.ts";
import { importCycles } from "./import-cycle.ts";
import { parseSource } from "./source-file.ts";

const sourcesOf = (texts: Readonly<Record<string, string>>) =>
  Object.entries(texts).map(([path, text]) => parseSource(path, text));

test("an import cycle is reported once, with the way round", () => {
  const findings = importCycles(
    sourcesOf({
      "a/one.ts": 'import "./two.ts";',
      "a/two.ts": '\nimport type { T } from "../b/three.ts";',
      "b/three.ts": 'export * from "../a/one.ts";',
    }),
  );
  assert.deepEqual(findings.map(findingText), [
    "b/three.ts:1 import cycle: a/one.ts > a/two.ts > b/three.ts > a/one.ts",
  ]);
});

test("a file that imports itself is a cycle", () => {
  assert.equal(importCycles(sourcesOf({ "a/one.ts": 'import "./one.ts";' })).length, 1);
});

test("two ways to one file are no cycle", () => {
  const diamond = {
    "a.ts": 'import "./b.ts"; import "./c.ts";',
    "b.ts": 'import "./d.ts";',
    "c.ts": 'import "./d.ts";',
    "d.ts": "",
  };
  assert.deepEqual(importCycles(sourcesOf(diamond)), []);
});

for (const name of [
  "utils.ts",
  "string-utils.ts",
  "helpers.test.ts",
  "types.ts",
  "stream-manager.ts",
  "index.ts",
]) {
  test(`the file name ${name} is refused`, () => assert.equal(fileName(`engine/${name}`).length, 1));
}

for (const name of ["wallet.ts", "common-ancestor.ts", "type-check.ts"]) {
  test(`the file name ${name} is accepted`, () => assert.deepEqual(fileName(`engine/${name}`), []));
}

const documentCases: readonly (readonly [text: string, missing: readonly string[]])[] = [
  ["see `engine/gone.ts`", ["engine/gone.ts"]],
  ["see `gateway/`", ["gateway"]],
  ["run engine/gone.ts now", ["engine/gone.ts"]],
  ["see [the map](gone.md)", ["gone.md"]],
  ["see `gone.test.ts`", ["gone.test.ts"]],
  ["see `gone/*.ts` and `engine/<name>.ts`", []],
  ["see `engine/turn.ts`, `engine/` and `turn.ts`", []],
  ["see [the site](https://example.org/docs/gone.md) and [above](#turn)", []],
  ["GET `/docs` and `/v1/web/gone`", []],
];

for (const [text, missing] of documentCases) {
  test(`in a document, "${text}" misses ${missing.length === 0 ? "nothing" : missing.join(", ")}`, () => {
    const present = new Set(["engine", "engine/turn.ts"]);
    const findings = docPaths({ path: "README.md", text }, (path) => present.has(path), new Set(["turn.ts"]));
    assert.deepEqual(
      findings.map((finding) => finding.message),
      missing.map((path) => `names "${path}", which does not exist`),
    );
  });
}

test("a link in a document counts from the document's folder", () => {
  const document = { path: "docs/adr/0001-x.md", text: "[one](../one.md)" };
  assert.deepEqual(
    docPaths(document, (path) => path === "docs/one.md", new Set()),
    [],
  );
  assert.equal(docPaths(document, (path) => path === "one.md", new Set()).length, 1);
});

test("a dependency without an ADR is reported", () => {
  const adrs = [{ path: "docs/adr/0001-x.md", text: "We take `esbuild`." }];
  assert.deepEqual(dependenciesRecorded(["esbuild"], adrs), []);
  assert.match(
    dependenciesRecorded(["esbuild", "left-pad"], adrs)[0]?.message ?? "",
    /"left-pad" is in no ADR/,
  );
});

test("an address in the lockfile is reported with its line", () => {
  const text = '{\n"resolved": "https://registry.example/x.tgz"\n}';
  assert.deepEqual(lockfileAddresses({ path: "package-lock.json", text })[0]?.line, 2);
  assert.deepEqual(
    lockfileAddresses({ path: "package-lock.json", text: '"url": "https://example.org/fund"' }),
    [],
  );
});

test("findings fail a test with path, line and message", () => {
  const finding = { path: "a.ts", line: 3, message: "is wrong" };
  assert.throws(() => assertNoFindings([finding]), /a\.ts:3 is wrong/);
  assertNoFindings([]);
});
