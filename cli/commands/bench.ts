import type { CliCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";

/** The command. */
export const benchCommand: CliCommand = {
  path: "bench",
  summary: "Measure",
  arguments: [],
  flags: [],
  examples: [{ line: "bench", does: "x" }],
  run: () => Promise.resolve(EXIT.done),
};
