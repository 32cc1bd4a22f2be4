// Rule: a file has at most 500 lines, a function at most 70 (aim at 25).
//
// Guards against: turns and commands that nobody can read in one go.
// A callback of describe() is a chapter, not a function: it is not measured, the tests in it are.
import type { Finding } from "./finding.ts";
import { childNode, dottedName, type SourceFile, textOf, type Visit, walk } from "./source-file.ts";

const fileLinesMax = 500;
const functionLinesMax = 70;
const functionTypes: ReadonlySet<string> = new Set([
  "FunctionDeclaration",
  "FunctionExpression",
  "ArrowFunctionExpression",
  "ObjectMethod",
  "ClassMethod",
  "ClassPrivateMethod",
]);

/** A finding when the file is too long. */
export function fileSize(file: SourceFile): Finding[] {
  const lines = file.text.endsWith("\n") ? file.lines.length - 1 : file.lines.length;
  if (lines <= fileLinesMax) return [];
  return [
    { path: file.path, line: fileLinesMax, message: `file has ${lines} lines, at most ${fileLinesMax}` },
  ];
}

/** One finding for each function that is too long, nested ones included, from its first to its last line. */
export function functionSize(file: SourceFile): Finding[] {
  return [...walk(file.program)].flatMap((visit) => {
    const { node } = visit;
    const lines = node.loc.end.line - node.loc.start.line + 1;
    if (!functionTypes.has(node.type) || lines <= functionLinesMax || isChapter(visit)) return [];
    const message = `${functionName(visit)} has ${lines} lines, at most ${functionLinesMax}`;
    return [{ path: file.path, line: node.loc.start.line, message }];
  });
}

function isChapter(visit: Visit): boolean {
  const callee = dottedName(childNode(visit.parent, "callee"));
  return visit.field === "arguments" && (callee === "describe" || callee === "suite");
}

function functionName({ node, parent }: Visit): string {
  const named =
    childNode(node, "id") ?? childNode(node, "key") ?? childNode(parent, "id") ?? childNode(parent, "key");
  const name = textOf(named, "name");
  return name === undefined ? "function" : `function ${name}`;
}
