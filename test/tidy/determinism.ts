// Rule: protocol and actors are pure. No clock, randomness, timer, environment, promise, or input and output.
//
// Invariant: what they compute depends on their arguments alone, so that a replay of the log gives the same state.
// Guards against: two nodes that apply the same record and differ.
// The names are also refused in comments there, so that a plain text search of the two rooms stays empty.
import { isBuiltin } from "node:module";
import type { Finding } from "./finding.ts";
import {
  isTrue,
  roomOf,
  type SourceFile,
  type SourceImport,
  textOf,
  type Visit,
  walk,
} from "./source-file.ts";

const pureRooms: ReadonlySet<string> = new Set(["protocol", "actors"]);

const impureText =
  /\bDate\.now|\bnew Date\(|\bMath\.random|\brandomUUID|\bprocess\.env|\bperformance\.now|\bset(?:Timeout|Interval|Immediate)\b/;

const impureNames: ReadonlySet<string> = new Set([
  "AbortController",
  "Date",
  "Promise",
  "console",
  "crypto",
  "fetch",
  "globalThis",
  "performance",
  "process",
  "queueMicrotask",
]);

/** Built-in modules that compute and do nothing else, with the names that may be taken from them (all when empty). */
const pureModules: Readonly<Record<string, readonly string[]>> = {
  "node:assert": [],
  "node:assert/strict": [],
  "node:buffer": [],
  "node:crypto": ["createHash", "hash", "Hash"],
};

/** Everything in a file of protocol or actors that is not a pure computation; empty for files of other rooms. */
export function determinism(file: SourceFile): Finding[] {
  if (!pureRooms.has(roomOf(file.path))) return [];
  const at = (line: number, what: string): Finding => ({
    path: file.path,
    line,
    message: `${what} in ${roomOf(file.path)}, which must be pure: pass the value in`,
  });
  const inText = file.lines.flatMap((text, index) => {
    const match = impureText.exec(text);
    return match === null ? [] : [at(index + 1, `"${match[0]}"`)];
  });
  const inTree = [...walk(file.program)].flatMap((visit) => {
    const what = impurity(visit);
    return what === undefined ? [] : [at(visit.node.loc.start.line, what)];
  });
  const inImports = file.imports
    .filter((each) => isBuiltin(each.specifier) && !isPureImport(each))
    .map((each) => at(each.line, `import of ${each.specifier}`));
  return [...inText, ...inTree, ...inImports];
}

function impurity({ node, field }: Visit): string | undefined {
  if (isTrue(node, "async")) return "async function";
  if (node.type === "AwaitExpression" || isTrue(node, "await")) return "await";
  if (node.type !== "Identifier" || field === "property" || field === "key") return undefined;
  const name = textOf(node, "name") ?? "";
  return impureNames.has(name) ? `"${name}"` : undefined;
}

function isPureImport(each: SourceImport): boolean {
  const module = each.specifier.startsWith("node:") ? each.specifier : `node:${each.specifier}`;
  const names = pureModules[module];
  if (names === undefined) return false;
  return names.length === 0 || (each.names.length > 0 && each.names.every((name) => names.includes(name)));
}
