// Rule: NATS subjects and stream names are spelled in protocol/subject.ts and nowhere else in the code.
//
// Invariant: who may publish where can be read from one file.
// Guards against: a subject that two rooms spell differently, so that one waits for messages nobody sends.
// Tests may spell them out: they check the contract that services rely on.
import type { Finding } from "./finding.ts";
import { roomOf, type SourceFile, type SyntaxNode, textOf, walk } from "./source-file.ts";

const home = "protocol/subject.ts";
/** A literal that begins with a subject (and is no file name), quotes one inside a larger text, or holds a stream's name. */
const subject = /^coffer\.(?!(?:json|conf|log)$)|["']coffer\.|COFFER_S(?:$|\d|[^A-Z_])/;

/** Each string or template literal outside the home that spells a subject or a stream's name. */
export function subjectHome(file: SourceFile): Finding[] {
  if (file.path === home || roomOf(file.path) === "test") return [];
  return [...walk(file.program)].flatMap(({ node }) => {
    const text = literalText(node);
    if (text === undefined || !subject.test(text)) return [];
    const message = `"${text.trim().slice(0, 40)}" spells a subject: take it from ${home}`;
    return [{ path: file.path, line: node.loc.start.line, message }];
  });
}

function literalText(node: SyntaxNode): string | undefined {
  if (node.type === "StringLiteral") return textOf(node, "value");
  return node.type === "TemplateElement" ? templateText(node) : undefined;
}

/** The text of a template's piece, which the tree keeps in a plain object. */
function templateText(element: SyntaxNode): string | undefined {
  const value: unknown = Object.getOwnPropertyDescriptor(element, "value")?.value;
  if (typeof value !== "object" || value === null || !("raw" in value)) return undefined;
  return typeof value.raw === "string" ? value.raw : undefined;
}
