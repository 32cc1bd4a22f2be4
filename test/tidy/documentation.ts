// Rules: a file opens with a comment, every export has a docstring.
//
// Guards against: files whose purpose has to be guessed from their code, and exports whose units and errors have to.
import type { Finding } from "./finding.ts";
import { childNode, childNodes, type SourceFile, type SyntaxNode, textOf } from "./source-file.ts";

const headerLinesMin = 2;

/** A finding when the file does not open with a comment of at least two lines (a `#!` line may stand before it). */
export function fileHeader(file: SourceFile): Finding[] {
  const firstLine = file.text.startsWith("#!") ? 2 : 1;
  const lines = headerLines(file, firstLine);
  if (lines >= headerLinesMin) return [];
  const message = "open the file with 3-12 lines of comment: what it owns, what it does not, its invariant";
  return [{ path: file.path, line: firstLine, message }];
}

/** One finding for each exported declaration without a docstring right above it. Re-exports need none. */
export function docstrings(file: SourceFile): Finding[] {
  const documented = new Set(
    file.comments.filter((each) => each.block && each.text.startsWith("*")).map((each) => each.lastLine + 1),
  );
  const names = new Set<string>();
  return exportedDeclarations(file.program).flatMap(({ name, line }) => {
    const overload = names.has(name);
    names.add(name);
    if (overload || (documented.has(line) && line > 1)) return [];
    return [{ path: file.path, line, message: `export "${name}" has no docstring (effect, units, errors)` }];
  });
}

/** Lines of the comments that follow one another from `firstLine` on without a gap. */
function headerLines(file: SourceFile, firstLine: number): number {
  let nextLine = firstLine;
  for (const comment of file.comments.filter((each) => each.firstLine >= firstLine)) {
    if (comment.firstLine !== nextLine) break;
    nextLine = comment.lastLine + 1;
    if (comment.block) break;
  }
  return nextLine - firstLine;
}

interface ExportedDeclaration {
  readonly name: string;
  readonly line: number;
}

function exportedDeclarations(program: SyntaxNode): ExportedDeclaration[] {
  const statements = childNodes(program, "body");
  const locals = new Map(
    statements.flatMap((node) => declaredNames(node).map((name) => [name, node.loc.start.line] as const)),
  );
  return statements.flatMap((node): ExportedDeclaration[] => {
    const line = node.loc.start.line;
    if (node.type === "ExportDefaultDeclaration") return [{ name: "default", line }];
    if (node.type !== "ExportNamedDeclaration" || childNode(node, "source") !== undefined) return [];
    const declaration = childNode(node, "declaration");
    if (declaration !== undefined) return [{ name: declaredNames(declaration).join(", "), line }];
    return childNodes(node, "specifiers").flatMap((each) => {
      const name = textOf(childNode(each, "local"), "name") ?? "";
      const declaredLine = locals.get(name);
      return declaredLine === undefined ? [] : [{ name, line: declaredLine }];
    });
  });
}

function declaredNames(node: SyntaxNode): string[] {
  const nodes = node.type === "VariableDeclaration" ? childNodes(node, "declarations") : [node];
  return nodes.flatMap((each) => textOf(childNode(each, "id"), "name") ?? []);
}
