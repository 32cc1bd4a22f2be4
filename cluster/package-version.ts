// The version of this package, from the package.json above the running file (source and dist lie at different depths).
// Guards against: a version that is written down in two places.

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** The version as package.json has it, or `unknown` when there is none above this file. Never throws. */
export function packageVersion(): string {
  for (
    let directory = import.meta.dirname;
    dirname(directory) !== directory;
    directory = dirname(directory)
  ) {
    try {
      const fields: unknown = JSON.parse(readFileSync(join(directory, "package.json"), "utf8"));
      const isOurs =
        typeof fields === "object" && fields !== null && "name" in fields && fields.name === "coffer";
      if (isOurs && "version" in fields) return String(fields.version);
    } catch {
      // No package.json here: look further up.
    }
  }
  return "unknown";
}
