// Rules: each dependency has its reason in an ADR, and the lockfile says what to install but not from where.
//
// Guards against: packages that nobody remembers choosing, and installs that fail wherever the registry has another name.
import type { Finding } from "./finding.ts";
import type { TextFile } from "./project-tree.ts";

/** One finding for each package that no ADR names in backticks. */
export function dependenciesRecorded(packages: readonly string[], adrs: readonly TextFile[]): Finding[] {
  return packages
    .filter((name) => !adrs.some((adr) => adr.text.includes(`\`${name}\``)))
    .map((name) => ({
      path: "package.json",
      line: 0,
      message: `dependency "${name}" is in no ADR: write down in docs/adr why it is needed and what was left out`,
    }));
}

/** Lines of a lockfile that carry an address to download from. Links for donations and home pages are not such. */
export function lockfileAddresses(lockfile: TextFile): Finding[] {
  return lockfile.text.split("\n").flatMap((text, index) => {
    const address = /"(?:resolved|tarball)":/.test(text) || /"version": "(?:https?|git)/.test(text);
    if (!address) return [];
    return [
      {
        path: lockfile.path,
        line: index + 1,
        message: "holds a registry's address: install with .npmrc as it is",
      },
    ];
  });
}
