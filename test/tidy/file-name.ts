// Rule: a file is named after its main noun; names that say "various" are refused.
//
// Guards against: the drawer into which everything goes that nobody wanted to name.
import { posix } from "node:path";
import type { Finding } from "./finding.ts";

const catchAll =
  /(?:^|-)(?:utils?|helpers?|common|misc|types?|managers?|shared|stuff|lib|index|base|general)(?:\.test)?\.(?:ts|tsx|js|mjs)$/;

/** A finding when the path's last part is a catch-all name. */
export function fileName(path: string): Finding[] {
  if (!catchAll.test(posix.basename(path))) return [];
  return [{ path, line: 0, message: "is a catch-all name: name the file after the noun that it owns" }];
}
