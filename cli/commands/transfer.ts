// `coffer transfer`: moves money, all legs or none; with a time to live it reserves it instead.
// Does not own the outcome's form (sending.ts) nor how words become legs (transfer-fields.ts).

import type { CliCommand } from "../command.ts";
import { SENDING_FLAGS, sendCommand, TRANSFER_FLAGS } from "../sending.ts";
import { TRANSFER_ARGUMENTS, transferFields } from "../transfer-fields.ts";
import { durationMsIn } from "../value.ts";

/** The command. */
export const transferCommand: CliCommand = {
  path: "transfer",
  summary: "Move money between wallets",
  details: `All legs are done or none. The first FROM's owner is the addressed one: ids are settled once in its scope.
Refused: exit 1 with a code, final for this id. Unknown: exit 3; the same call with --id asks again.`,
  arguments: TRANSFER_ARGUMENTS,
  flags: [
    ...TRANSFER_FLAGS,
    {
      name: "--hold-ttl",
      value: "TIME",
      summary: "reserve for this time (60s, 1h; a bare number is ms), move at capture",
    },
    ...SENDING_FLAGS,
  ],
  examples: [
    { line: "transfer alice:usd bob:usd 1250", does: "12.50 of USD/2 from alice to bob" },
    {
      line: "transfer alice:usd shop:usd 1000 --leg alice:usd,fees:usd,30 --ref order-7",
      does: "two legs, both or none",
    },
    {
      line: "transfer alice:usd bob:usd 100 --if-version alice:usd=12 --json",
      does: "only if alice:usd did not change",
    },
  ],
  run: async (invocation) => {
    const { parsed } = invocation;
    const ttl = parsed.text("--hold-ttl");
    const holdTtlMs = ttl === null ? null : durationMsIn(ttl, "ttl_invalid");
    return await sendCommand(invocation, transferFields(parsed, holdTtlMs));
  },
};
