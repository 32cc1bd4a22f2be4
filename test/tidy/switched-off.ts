// Rules: nothing is switched off. No unfinished marks, no tests left out or narrowed, no checks silenced.
//
// Guards against: a green run that did not look. What is unfinished is done, or written down where users read it.
// The marks are put together from pieces here, so that this file does not break its own rule.
import type { Finding } from "./finding.ts";
import {
  childNode,
  childNodes,
  dottedName,
  roomOf,
  type SourceFile,
  type SyntaxNode,
  textOf,
  walk,
} from "./source-file.ts";

const marks = new RegExp(`\\b(?:${["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"].join("|")})\\b`);
const silencers = new RegExp(["@ts-" + "(?:ignore|nocheck|expect-error)", "biome-" + "ignore"].join("|"));
const anyText = new RegExp("\\bas " + "any\\b|: " + "any\\b");
const testFunctions: ReadonlySet<string> = new Set(["test", "it", "describe", "suite", "t"]);
const narrowing: ReadonlySet<string> = new Set(["only", "skip", "todo"]);

/** Lines that carry a mark of unfinished work. */
export function unfinishedMarks(file: SourceFile): Finding[] {
  return linesWith(file, marks, "is unfinished work: do it, or write the limit down where users read it");
}

/** Lines that silence the type checker or the linter, or use the type that checks nothing. */
export function silencedChecks(file: SourceFile): Finding[] {
  return [
    ...linesWith(file, silencers, "silences a check: mend what it reports"),
    ...linesWith(file, anyText, "turns types off: use unknown and narrow it"),
  ];
}

/** Calls that leave a test out or run it alone: `.only(`, `.skip(`, `.todo(`, or an option of that name. */
export function narrowedTests(file: SourceFile): Finding[] {
  if (roomOf(file.path) !== "test") return [];
  return [...walk(file.program)].flatMap(({ node }) => {
    const word = node.type === "CallExpression" ? narrowingWord(node) : undefined;
    if (word === undefined) return [];
    return [
      { path: file.path, line: node.loc.start.line, message: `"${word}" leaves tests out: run them all` },
    ];
  });
}

function narrowingWord(call: SyntaxNode): string | undefined {
  const callee = dottedName(childNode(call, "callee")) ?? "";
  const [subject = "", member = ""] = callee.split(".");
  if (!testFunctions.has(subject)) return undefined;
  if (narrowing.has(member)) return member;
  return childNodes(call, "arguments")
    .filter((argument) => argument.type === "ObjectExpression")
    .flatMap((argument) => childNodes(argument, "properties"))
    .map((property) => textOf(childNode(property, "key"), "name") ?? "")
    .find((name) => narrowing.has(name));
}

function linesWith(file: SourceFile, pattern: RegExp, message: string): Finding[] {
  return file.lines.flatMap((text, index) => {
    const match = pattern.exec(text);
    return match === null ? [] : [{ path: file.path, line: index + 1, message: `"${match[0]}" ${message}` }];
  });
}
