// Every tidy rule, held against the project as it is. That each rule can fail is shown in rule.test.ts.
//
// Owns:     which rule is applied to which files.
// Does not: run the code, or check behaviour.
import assert from "node:assert/strict";
import test from "node:test";
import { clockHome } from "./clock-home.ts";
import { dependenciesRecorded, lockfileAddresses } from "./dependency-record.ts";
import { determinism } from "./determinism.ts";
import { docPaths } from "./doc-path.ts";
import { docstrings, fileHeader } from "./documentation.ts";
import { fileName } from "./file-name.ts";
import { assertNoFindings, type Finding } from "./finding.ts";
import { importCycles } from "./import-cycle.ts";
import { importDirection, packageImports } from "./import-direction.ts";
import { exists, projectPaths, readDocuments, readSources, readText } from "./project-tree.ts";
import { fileSize, functionSize } from "./size-limit.ts";
import type { SourceFile } from "./source-file.ts";
import { subjectHome } from "./subject-home.ts";
import { narrowedTests, silencedChecks, unfinishedMarks } from "./switched-off.ts";

const sources = readSources();
const documents = readDocuments();
const paths = projectPaths();
const manifest = readManifest();

const sourceRules: readonly (readonly [sentence: string, rule: (file: SourceFile) => Finding[]])[] = [
  ["rooms import in one direction", importDirection],
  ["packages are declared and stay in their rooms", (file) => packageImports(file, manifest)],
  ["no file is longer than 500 lines", fileSize],
  ["no function is longer than 70 lines", functionSize],
  ["protocol and actors are pure", determinism],
  ["clocks and randomness are made in main files only", clockHome],
  ["subjects are spelled in protocol/subject.ts only", subjectHome],
  ["every file opens with a comment", fileHeader],
  ["every export has a docstring", docstrings],
  ["no work is left unfinished", unfinishedMarks],
  ["no check is silenced", silencedChecks],
  ["no test is left out or narrowed", narrowedTests],
];

for (const [sentence, rule] of sourceRules) {
  test(sentence, () => assertNoFindings(sources.flatMap(rule)));
}

test("no import cycle", () => assertNoFindings(importCycles(sources)));

test("no catch-all file name", () => assertNoFindings(paths.flatMap(fileName)));

test("paths that the documents name exist", () => {
  const names = new Set(paths.map((path) => path.slice(path.lastIndexOf("/") + 1)));
  assertNoFindings(documents.flatMap((document) => docPaths(document, exists, names)));
});

test("each dependency has its reason in an ADR", () => {
  const adrs = documents.filter((document) => document.path.startsWith("docs/adr/"));
  assertNoFindings(dependenciesRecorded([...manifest.dependencies, ...manifest.devDependencies], adrs));
});

test("ADRs are named 0001-….md and numbered without gaps", () => {
  const names = documents.flatMap(({ path }) => /^docs\/adr\/(\d{4})-[a-z0-9-]+\.md$/.exec(path)?.[1] ?? []);
  const adrCount = documents.filter(({ path }) => path.startsWith("docs/adr/")).length;
  const expected = Array.from({ length: adrCount }, (_, index) => String(index + 1).padStart(4, "0"));
  assert.deepEqual(names.sort(), expected);
});

test("the lockfile holds no address of a registry", () => {
  const path = "package-lock.json";
  assertNoFindings(lockfileAddresses({ path, text: readText(path) }));
});

function readManifest() {
  const manifest: unknown = JSON.parse(readText("package.json"));
  return {
    dependencies: namesIn(manifest, "dependencies"),
    devDependencies: namesIn(manifest, "devDependencies"),
  };
}

function namesIn(manifest: unknown, list: string): string[] {
  assert(typeof manifest === "object" && manifest !== null);
  const value: unknown = Object.getOwnPropertyDescriptor(manifest, list)?.value;
  assert(typeof value === "object" && value !== null, `package.json has no ${list}`);
  return Object.keys(value);
}
