// The project on disk, as the tidy tests read it: source files, documents, manifests.
//
// Owns:     which files count as the project's: everything under its root but installed, built and hidden folders.
// Does not: parse or judge.
// Invariant: an empty tree is an error. A rule that saw no file would pass for ever.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve, sep } from "node:path";
import { parseSource, type SourceFile } from "./source-file.ts";

const root = resolve(import.meta.dirname, "..", "..");
const skipped: ReadonlySet<string> = new Set(["node_modules", "dist", "coverage"]);

/** A text file of the project that is not parsed. */
export interface TextFile {
  readonly path: string;
  readonly text: string;
}

/**
 * All TypeScript files of the project, parsed, sorted by path.
 * Errors: throws when there is none, or when one does not parse.
 */
export function readSources(): SourceFile[] {
  const sources = projectPaths()
    .filter((path) => path.endsWith(".ts") && !path.startsWith("web/"))
    .map((path) => parseSource(path, readText(path)));
  if (sources.length === 0) throw new Error("no source file found");
  return sources;
}

/** All Markdown documents at the root and under docs/. */
export function readDocuments(): TextFile[] {
  return projectPaths()
    .filter((path) => path.endsWith(".md") && (path.startsWith("docs/") || !path.includes("/")))
    .map((path) => ({ path, text: readText(path) }));
}

/** All paths of the project's files, relative to its root, with forward slashes, sorted. */
export function projectPaths(): string[] {
  return filesUnder("").sort();
}

/** Text of one file. Errors: throws when it does not exist. */
export function readText(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

/** Whether a file or folder exists at a path relative to the root. */
export function exists(path: string): boolean {
  return existsSync(join(root, path));
}

function filesUnder(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name).split(sep).join("/");
    if (entry.name.startsWith(".") || skipped.has(entry.name)) return [];
    if (entry.isDirectory()) return filesUnder(path);
    return entry.isFile() ? [path] : [];
  });
}
