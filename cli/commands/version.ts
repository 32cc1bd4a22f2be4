// `coffer version`: what runs here. Asks nobody; the running engine's version is in `coffer status`.
// Does not own: the version itself (package.json does).

import { packageVersion } from "../../cluster/package-version.ts";
import type { CliCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";

/** The command. */
export const versionCommand: CliCommand = {
  path: "version",
  summary: "Print the version of this program",
  arguments: [],
  flags: [],
  examples: [
    { line: "version", does: "print one line" },
    { line: "version --json", does: "print version, Node and platform as JSON" },
  ],
  run: ({ output }) => {
    const version = packageVersion();
    const { node } = process.versions;
    const platform = `${process.platform}-${process.arch}`;
    output.result({ version, node, platform }, `coffer ${version} (Node ${node}, ${platform})`);
    return Promise.resolve(EXIT.done);
  },
};
