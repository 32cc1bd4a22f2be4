// Rule: rooms import in one direction, packages are used only where they belong. `import type` obeys too.
//
//   protocol < actors < storage < engine        cluster knows protocol only, client is protocol + NATS
//   protocol < client < gateway                 cli administers keys through one door of the gateway
//   cli, gateway, bench speak messages: never engine, actors or storage; nobody imports test
//
// Guards against: an actor that reaches the disk, a tool that reads an engine's private state instead of asking it,
// a package that works here because something else happened to install it.
import { isBuiltin } from "node:module";
import type { Finding } from "./finding.ts";
import { roomOf, type SourceFile, type SourceImport } from "./source-file.ts";

/** Which other rooms each room may import. A room may always import itself. */
export const roomImports: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  actors: ["protocol"],
  storage: ["protocol", "actors"],
  cluster: ["protocol"],
  engine: ["protocol", "actors", "storage", "cluster"],
  client: ["protocol"],
  gateway: ["protocol", "cluster", "client"],
  cli: ["protocol", "cluster", "client", "bench"],
  bench: ["protocol", "cluster", "client"],
  web: [],
  tools: ["protocol"],
  test: ["protocol", "actors", "storage", "cluster", "engine", "client", "gateway", "cli", "bench", "tools"],
};

/** Single files that a room may import beyond its rooms. */
const doors: Readonly<Record<string, readonly string[]>> = {
  cli: ["storage/read-only.ts", "gateway/keys.ts"],
};

/** Rooms in which a package may be imported; packages that are not listed may be imported anywhere but protocol and actors. */
const packageRooms: Readonly<Record<string, readonly string[]>> = {
  "@nats-io": ["cluster", "engine", "client", "gateway", "cli", "bench", "test"],
  "@redis": ["gateway", "test"],
  "better-sqlite3": ["storage", "test"],
  msgpackr: ["test"],
};

/** Folders that are not part of the package: what they import need not be installed with it, and nothing of it may import them. */
const unshipped = /^(?:test|tools|bench\/(?:http|baseline))\//;

/** Names from the two dependency lists of package.json. */
export interface DeclaredPackages {
  readonly dependencies: readonly string[];
  readonly devDependencies: readonly string[];
}

/** Imports of one file that go against the direction of rooms, or are written without their `.ts`. */
export function importDirection(file: SourceFile): Finding[] {
  const room = roomOf(file.path);
  const allowed = roomImports[room];
  if (allowed === undefined) {
    return [{ path: file.path, line: 0, message: `is in no room that the import rules know ("${room}")` }];
  }
  return file.imports.flatMap((each) => {
    const problem = directionProblem(room, allowed, each) ?? shippingProblem(file.path, each);
    return problem === undefined ? [] : [{ path: file.path, line: each.line, message: problem }];
  });
}

/** Imports of packages that are undeclared, or used outside their rooms. */
export function packageImports(file: SourceFile, declared: DeclaredPackages): Finding[] {
  const room = roomOf(file.path);
  const known = unshipped.test(file.path)
    ? [...declared.dependencies, ...declared.devDependencies]
    : declared.dependencies;
  return file.imports.flatMap((each) => {
    if (each.path !== undefined || isBuiltin(each.specifier)) return [];
    const problem = packageProblem(room, packageName(each.specifier), known);
    return problem === undefined ? [] : [{ path: file.path, line: each.line, message: problem }];
  });
}

function directionProblem(room: string, allowed: readonly string[], each: SourceImport): string | undefined {
  if (each.path === undefined) return undefined;
  if (!/\.(ts|json)$/.test(each.path)) return `import "${each.specifier}" must name the file with its .ts`;
  const target = roomOf(each.path);
  if (target === room || allowed.includes(target) || target === "") return undefined;
  if (doors[room]?.includes(each.path) === true) return undefined;
  return `${room} must not import ${target} (${each.path}); allowed: ${[room, ...allowed].join(", ")}`;
}

function shippingProblem(from: string, each: SourceImport): string | undefined {
  if (each.path === undefined || unshipped.test(from) || !unshipped.test(each.path)) return undefined;
  return `${from} is shipped and must not import ${each.path}, which is not`;
}

function packageProblem(room: string, name: string, known: readonly string[]): string | undefined {
  if (!known.includes(name)) return `package "${name}" is not in the dependencies that ${room} may use`;
  const rooms = packageRooms[name] ?? packageRooms[name.split("/")[0] ?? ""];
  const allowed = rooms === undefined ? room !== "protocol" && room !== "actors" : rooms.includes(room);
  return allowed ? undefined : `package "${name}" must not be imported in ${room}`;
}

function packageName(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}
