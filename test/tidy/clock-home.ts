// Rule: clocks and randomness are made in the main files (…main.ts) and passed in from there.
//
// Invariant: a room can be run under a simulated clock and a seeded source of randomness.
// Guards against: a simulation that cannot be repeated from its seed.
// Does not look at test/ and tools/. protocol and actors have the stricter determinism rule. Turning a given time
// into a Date is a conversion and allowed.
import type { Finding } from "./finding.ts";
import {
  childNode,
  childNodes,
  dottedName,
  roomOf,
  type SourceFile,
  textOf,
  type Visit,
  walk,
} from "./source-file.ts";

const exemptRooms: ReadonlySet<string> = new Set(["test", "tools", "protocol", "actors"]);
const clockMembers: ReadonlySet<string> = new Set([
  "Date.now",
  "Math.random",
  "performance.now",
  "process.hrtime",
  "process.uptime",
]);
const randomNames: ReadonlySet<string> = new Set([
  "randomUUID",
  "randomUUIDv7",
  "randomBytes",
  "randomInt",
  "randomFill",
  "getRandomValues",
]);

/** Each place in a file, other than a main file, that reads a clock or draws randomness itself. */
export function clockHome(file: SourceFile): Finding[] {
  if (exemptRooms.has(roomOf(file.path)) || file.path.endsWith("main.ts")) return [];
  return [...walk(file.program)].flatMap((visit) => {
    const what = clockUse(visit);
    if (what === undefined) return [];
    const message = `${what} outside a main.ts file: take a clock or a source of randomness as a parameter`;
    return [{ path: file.path, line: visit.node.loc.start.line, message }];
  });
}

function clockUse({ node, field }: Visit): string | undefined {
  const dotted = node.type === "MemberExpression" ? dottedName(node) : undefined;
  if (dotted !== undefined && clockMembers.has(dotted)) return dotted;
  const constructed = node.type === "NewExpression" && childNodes(node, "arguments").length === 0;
  if (constructed && dottedName(childNode(node, "callee")) === "Date") return "new Date()";
  if (node.type !== "Identifier" || field === "key" || field === "local") return undefined;
  const name = textOf(node, "name") ?? "";
  return randomNames.has(name) ? name : undefined;
}
