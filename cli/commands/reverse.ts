// `coffer reverse`: moves a settled transfer back, whole or in part.
// Does not own what can be reversed: the engine keeps what was moved and what is left.

import type { CliCommand } from "../command.ts";
import { OWNER_FLAG, ownerOf, SENDING_FLAGS, sendCommand } from "../sending.ts";
import { amountIn, idIn } from "../value.ts";

/** The command. */
export const reverseCommand: CliCommand = {
  path: "reverse",
  summary: "Move a transfer back",
  details: `Opposite legs, at most what was moved and not yet reversed. A captured hold is reversed by the hold's id.
A reverse cannot be reversed.`,
  arguments: [{ name: "TRANSFER", summary: "the id of the transfer" }],
  flags: [
    OWNER_FLAG,
    {
      name: "--amount",
      value: "AMOUNT",
      summary: "part of it in minor units, one-leg transfers only (default: all)",
    },
    ...SENDING_FLAGS,
  ],
  examples: [
    { line: "reverse 0198c0de-0000-7000-8000-000000000001 --owner alice", does: "all of it" },
    { line: "reverse 0198c0de-0000-7000-8000-000000000001 --owner alice --amount 400", does: "a part" },
  ],
  run: async (invocation) => {
    const { parsed } = invocation;
    const amount = parsed.text("--amount");
    return await sendCommand(invocation, {
      op: "reverse",
      owner: ownerOf(parsed),
      transfer: idIn(parsed.required("TRANSFER")),
      ...(amount === null ? {} : { amount: amountIn(amount) }),
    });
  },
};
