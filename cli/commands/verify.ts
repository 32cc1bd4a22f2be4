// `coffer verify`: sweeps the invariants, over a running engine or over the files of a stopped one, and prints what
// does not hold as a typed list.
//
// Does not own the sweep. Exit 1 for a violation and for a sweep that came to no conclusion.

import { isJsonObject } from "../../protocol/canonical-json.ts";
import type { CliCommand, Invocation } from "../command.ts";
import { DATA_FLAG, dataDirectoryOf } from "../data-directory.ts";
import type { ExitCode } from "../exit-code.ts";
import { EXIT } from "../exit-code.ts";
import { verifyFiles } from "../file-verification.ts";
import type { Json } from "../output.ts";
import { columns } from "../output.ts";
import { sessionOf, withConnection } from "../session.ts";
import type { VerifyReport } from "../verification.ts";
import { verifyLive } from "../verification.ts";

/** The command. */
export const verifyCommand: CliCommand = {
  path: "verify",
  summary: "Check that the books are right",
  details: `Sums per asset, reservations, versions, chains, pairs between shards. Asks the running engine; with --data it reads
the files of a stopped one. Exit 0 when clean, 1 when something does not hold or could not be told.`,
  arguments: [],
  flags: [
    { name: "--deep", value: null, summary: "walk every journal entry and command too" },
    { ...DATA_FLAG, summary: "read this directory's files instead of asking an engine" },
  ],
  examples: [
    { line: "verify", does: "ask the running engine" },
    { line: "verify --deep --json", does: "everything, as JSON" },
    { line: "verify --data ./data", does: "the files of an engine that is stopped" },
  ],
  run: async (invocation) => {
    const { parsed, surroundings, output } = invocation;
    const deep = parsed.has("--deep");
    const onProgress = (text: string, share: number | null): void =>
      output.progress(`Verify: ${text}${share === null ? "" : ` ${Math.round(share * 100)} %`}`);
    if (parsed.has("--data")) {
      return report(invocation, verifyFiles(dataDirectoryOf(parsed, surroundings), { deep, onProgress }));
    }
    const session = sessionOf(invocation);
    const question = { deep, answerMs: session.timeoutMs, signal: surroundings.interrupted, onProgress };
    return report(invocation, await withConnection(session, ({ nc }) => verifyLive(nc, question)));
  },
};

function report({ output }: Invocation, found: VerifyReport): ExitCode {
  const { clean, inconclusive, violations, summary } = found;
  const lines = violations.map((violation) => `  ${violationText(violation)}`);
  const text = [
    verdictOf(found),
    ...lines,
    ...Object.entries(summary).map(([name, value]) => summaryText(name, value)),
  ];
  output.result({ clean, inconclusive, violations, summary }, text.join("\n"));
  return clean ? EXIT.done : EXIT.refused;
}

/** A list of like objects as a table, anything else on one line. */
function summaryText(name: string, value: Json): string {
  const rows = Array.isArray(value) ? value.filter(isJsonObject) : [];
  const [first] = rows;
  if (first === undefined) return `  ${name}  ${JSON.stringify(value)}`;
  const heads = Object.keys(first);
  const cells = rows.map((row) => heads.map((head) => String(row[head] ?? "")));
  return `${name}\n${columns([heads, ...cells], "  ")}`;
}

function verdictOf({ clean, inconclusive, violations }: VerifyReport): string {
  if (violations.length > 0)
    return `${violations.length} ${violations.length === 1 ? "violation" : "violations"}:`;
  if (clean) return "Clean.";
  return inconclusive ? "No conclusion: something could not be looked at or kept moving." : "Not clean.";
}

function violationText(violation: Readonly<Record<string, Json>>): string {
  const { invariant, shard, what, detail, ...more } = violation;
  const rest = Object.keys(more).length === 0 ? "" : ` ${JSON.stringify(more)}`;
  return `${what} on shard ${shard} (invariant ${invariant}): ${detail}${rest}`;
}
