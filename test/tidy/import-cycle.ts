// Rule: no file imports itself through others; `import type` counts.
//
// Invariant: the files of the project have an order in which each can be read after all that it rests on.
// Guards against: two files that are really one, and values that are undefined while modules load.
import type { Finding } from "./finding.ts";
import type { SourceFile } from "./source-file.ts";

/** One finding for each import that closes a cycle, reported at that import with the way round. */
export function importCycles(files: readonly SourceFile[]): Finding[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const done = new Set<string>();
  const trail: string[] = [];
  const findings: Finding[] = [];

  const visit = (file: SourceFile): void => {
    trail.push(file.path);
    for (const each of file.imports) {
      const target = each.path === undefined ? undefined : byPath.get(each.path);
      if (target === undefined || done.has(target.path)) continue;
      const start = trail.indexOf(target.path);
      if (start < 0) visit(target);
      else {
        const way = [...trail.slice(start), target.path].join(" > ");
        findings.push({ path: file.path, line: each.line, message: `import cycle: ${way}` });
      }
    }
    trail.pop();
    done.add(file.path);
  };

  for (const file of files) if (!done.has(file.path)) visit(file);
  return findings;
}
