// Rule: a path of the repository that a document names exists.
//
// Owns:     what counts as a path: a word that begins with one of the top folders and stands in backticks, in a link,
//           or ends like a file; and a bare file name in backticks.
// Guards against: a map of the code that leads newcomers into rooms that were renamed.
import { posix } from "node:path";
import type { Finding } from "./finding.ts";
import type { TextFile } from "./project-tree.ts";

const folders = "protocol|actors|storage|cluster|engine|client|gateway|cli|web|bench|tools|test|docs|\\.ci";
const quotedPath = new RegExp(`\`((?:${folders})/[\\w./-]*)([^\`]?)`, "g");
const namedFile = new RegExp(`(?<![\\w./:-])((?:${folders})/[\\w./-]+\\.(?:ts|md|json|conf|sh|sql))\\b`, "g");
const link = /\]\((?!https?:|mailto:|#)([^)#\s]+)[^)]*\)/g;
const bareFile = /`([\w-]+(?:\.test)?\.(?:ts|md))`/g;

/** Finds out whether a path, relative to the root, exists. */
export type PathTest = (path: string) => boolean;

/**
 * One finding for each named path that does not exist.
 * @param names base names of all files of the project, against which bare file names are checked
 */
export function docPaths(document: TextFile, exists: PathTest, names: ReadonlySet<string>): Finding[] {
  return document.text.split("\n").flatMap((text, index) => {
    const missing = new Set([
      ...pathsIn(text).filter((path) => !exists(path)),
      ...matches(text, link).filter((path) => !exists(posix.join(posix.dirname(document.path), path))),
      ...matches(text, bareFile).filter((name) => !names.has(name)),
    ]);
    return [...missing].map((path) => ({
      path: document.path,
      line: index + 1,
      message: `names "${path}", which does not exist`,
    }));
  });
}

function pathsIn(text: string): string[] {
  const quoted = [...text.matchAll(quotedPath)].map(([, path = "", after = ""]) =>
    // `cli/<name>.ts`, `test/**`: only the folder before the placeholder is a path.
    after === "" || /\s/.test(after) ? path : path.slice(0, path.lastIndexOf("/")),
  );
  return [...quoted, ...matches(text, namedFile)].map((path) => path.replace(/[./]+$/, ""));
}

function matches(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, group = ""]) => group);
}
