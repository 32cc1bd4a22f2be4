// What a tidy rule reports, and how a test fails on it.
//
// Owns:     the shape of a finding and the wording of the failure.
// Invariant: every finding names file, line and the way out, so that nobody has to open the rule to mend the code.
import assert from "node:assert/strict";

/** One breach of one rule. `line` counts from 1; 0 when the whole file is meant. */
export interface Finding {
  readonly path: string;
  readonly line: number;
  /** What is wrong and what to do instead, in one sentence. */
  readonly message: string;
}

/** `path:line message`, the form that editors turn into a link. */
export function findingText(finding: Finding): string {
  return `${finding.path}:${Math.max(1, finding.line)} ${finding.message}`;
}

/** Fails the running test with one line a finding; passes when there is none. */
export function assertNoFindings(findings: readonly Finding[]): void {
  if (findings.length > 0) assert.fail(`\n${findings.map(findingText).join("\n")}`);
}
