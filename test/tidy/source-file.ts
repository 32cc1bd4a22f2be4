// A parsed source file, as the tidy rules see it: text, lines, syntax tree, comments, imports.
//
// Owns:     the parser and its settings, and the few ways of looking into a tree that the rules share.
// Does not: judge. Rules are functions from here to findings, one file a rule.
// Invariant: line numbers are those of the file on disk.
import { posix } from "node:path";
import { parse } from "@babel/parser";

/** One node of the syntax tree. Its fields are read with {@link childNode}, {@link childNodes} and {@link textOf}. */
export interface SyntaxNode {
  readonly type: string;
  readonly loc: { readonly start: { readonly line: number }; readonly end: { readonly line: number } };
}

/** One comment, `//` or block, without its delimiters. Lines count from 1. */
export interface SourceComment {
  readonly block: boolean;
  readonly text: string;
  readonly firstLine: number;
  readonly lastLine: number;
}

/** One module that a file names: static, type-only, dynamic, or re-exported. */
export interface SourceImport {
  readonly specifier: string;
  readonly line: number;
  /** Names taken from the module; empty for namespace and dynamic imports. */
  readonly names: readonly string[];
  /** Path from the repository's root when the specifier is relative, else undefined. */
  readonly path: string | undefined;
}

/** A parsed file; `path` is relative to the repository's root, with forward slashes. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
  readonly program: SyntaxNode;
  readonly comments: readonly SourceComment[];
  readonly imports: readonly SourceImport[];
}

/** Where a visited node hangs: its parent, and the parent's field that holds it. */
export interface Visit {
  readonly node: SyntaxNode;
  readonly parent: SyntaxNode | undefined;
  readonly field: string;
}

/**
 * Parses one file.
 * Errors: throws the parser's SyntaxError when the text is not TypeScript.
 */
export function parseSource(path: string, text: string): SourceFile {
  const tree = parse(text, { sourceType: "module", plugins: ["typescript"], attachComment: false });
  const program: unknown = tree.program;
  if (!isNode(program)) throw new TypeError(`${path}: the parser returned no program`);
  const comments = (tree.comments ?? []).map((comment) => ({
    block: comment.type === "CommentBlock",
    text: comment.value,
    firstLine: comment.loc?.start.line ?? 0,
    lastLine: comment.loc?.end.line ?? 0,
  }));
  return { path, text, lines: text.split("\n"), program, comments, imports: importsOf(path, program) };
}

/** Every node under `root`, parents before children, in source order. */
export function* walk(root: SyntaxNode): Generator<Visit> {
  const open: Visit[] = [{ node: root, parent: undefined, field: "" }];
  for (let visit = open.pop(); visit !== undefined; visit = open.pop()) {
    yield visit;
    const { node } = visit;
    const children = Object.entries(node).flatMap(([field, value]) =>
      (Array.isArray(value) ? value : [value])
        .filter(isNode)
        .map((child) => ({ node: child, parent: node, field })),
    );
    open.push(...children.reverse());
  }
}

/** The node in a field, or undefined when the field is absent or holds no node. */
export function childNode(node: SyntaxNode | undefined, field: string): SyntaxNode | undefined {
  const value = fieldOf(node, field);
  return isNode(value) ? value : undefined;
}

/** The nodes in a list field; empty when the field is absent. */
export function childNodes(node: SyntaxNode | undefined, field: string): readonly SyntaxNode[] {
  const value = fieldOf(node, field);
  return Array.isArray(value) ? value.filter(isNode) : [];
}

/** The text in a field such as `name`, `value` or `kind`, or undefined. */
export function textOf(node: SyntaxNode | undefined, field: string): string | undefined {
  const value = fieldOf(node, field);
  return typeof value === "string" ? value : undefined;
}

/** Whether a field holds the boolean true. */
export function isTrue(node: SyntaxNode | undefined, field: string): boolean {
  return fieldOf(node, field) === true;
}

/** `a.b.c` for a chain of plain member accesses on an identifier, else undefined. */
export function dottedName(node: SyntaxNode | undefined): string | undefined {
  if (node?.type === "Identifier") return textOf(node, "name");
  if (node?.type !== "MemberExpression" && node?.type !== "OptionalMemberExpression") return undefined;
  if (isTrue(node, "computed")) return undefined;
  const object = dottedName(childNode(node, "object"));
  const property = textOf(childNode(node, "property"), "name");
  return object === undefined || property === undefined ? undefined : `${object}.${property}`;
}

/** The room of a path: its first folder, or "" for a file at the root. */
export function roomOf(path: string): string {
  const slash = path.indexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}

function importsOf(path: string, program: SyntaxNode): SourceImport[] {
  const found: SourceImport[] = [];
  for (const { node } of walk(program)) {
    const specifier = textOf(importedModule(node), "value");
    if (specifier === undefined) continue;
    const names = childNodes(node, "specifiers").flatMap((each) => {
      const imported = childNode(each, "imported");
      return textOf(imported, "name") ?? textOf(imported, "value") ?? [];
    });
    const target = specifier.startsWith(".") ? posix.join(posix.dirname(path), specifier) : undefined;
    found.push({ specifier, line: node.loc.start.line, names, path: target });
  }
  return found;
}

/** The string literal that names the module, for each kind of node that can import one. */
function importedModule(node: SyntaxNode): SyntaxNode | undefined {
  switch (node.type) {
    case "ImportDeclaration":
    case "ExportNamedDeclaration":
    case "ExportAllDeclaration":
    case "ImportExpression":
      return childNode(node, "source");
    case "TSImportType":
      return (
        childNode(childNode(node, "argument"), "literal") ??
        childNode(node, "argument") ??
        childNode(node, "source")
      );
    default:
      return undefined;
  }
}

function fieldOf(node: SyntaxNode | undefined, field: string): unknown {
  return node === undefined ? undefined : Object.getOwnPropertyDescriptor(node, field)?.value;
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === "object" && value !== null && "type" in value && "loc" in value && "start" in value;
}
