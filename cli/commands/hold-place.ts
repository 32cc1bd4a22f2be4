// `coffer hold place`: reserves money for a later capture. The same command as a transfer with a time to live,
// under the name that people look for.

import type { CliCommand } from "../command.ts";
import { usageFailure } from "../failure.ts";
import { SENDING_FLAGS, sendCommand, TRANSFER_FLAGS } from "../sending.ts";
import { TRANSFER_ARGUMENTS, transferFields } from "../transfer-fields.ts";
import { durationMsIn } from "../value.ts";

/** The command. */
export const holdPlaceCommand: CliCommand = {
  path: "hold place",
  summary: "Reserve money for a later capture",
  details: `Every FROM belongs to one owner. The money moves at hold capture, comes back at hold release or when the
time to live has passed. The hold's id is the command's id.`,
  arguments: TRANSFER_ARGUMENTS,
  flags: [
    {
      name: "--ttl",
      value: "TIME",
      summary: "how long it is reserved: 60s, 1h, 7d; a bare number is ms (required)",
    },
    ...TRANSFER_FLAGS,
    ...SENDING_FLAGS,
  ],
  examples: [
    { line: "hold place alice:usd shop:usd 900 --ttl 60s", does: "9.00 of USD/2 for a minute" },
    {
      line: "hold place alice:usd shop:usd 900 --ttl 7d --ref order-7 --json",
      does: "a week, answered as JSON",
    },
  ],
  run: async (invocation) => {
    const { parsed } = invocation;
    const ttl = parsed.text("--ttl");
    if (ttl === null) throw usageFailure("hold place needs a time to live: --ttl 60s.", "ttl_invalid");
    return await sendCommand(invocation, transferFields(parsed, durationMsIn(ttl, "ttl_invalid")));
  },
};
