// `coffer hold capture`: takes money out of a hold.
// Does not own what is left in a hold; the engine does.

import type { CliCommand } from "../command.ts";
import { OWNER_FLAG, ownerOf, SENDING_FLAGS, sendCommand } from "../sending.ts";
import { amountIn, idIn } from "../value.ts";

/** The command. */
export const holdCaptureCommand: CliCommand = {
  path: "hold capture",
  summary: "Take money out of a hold",
  details:
    "With --final true (the default) what is left after it is released; with false the hold stays open.",
  arguments: [{ name: "HOLD", summary: "the id of the hold" }],
  flags: [
    OWNER_FLAG,
    {
      name: "--amount",
      value: "AMOUNT",
      summary: "part of it in minor units, one-leg holds only (default: all left)",
    },
    {
      name: "--final",
      value: "BOOL",
      summary: "release what is left (default: true)",
      choices: ["true", "false"],
    },
    ...SENDING_FLAGS,
  ],
  examples: [
    { line: "hold capture 0198c0de-0000-7000-8000-000000000001 --owner alice", does: "all that is left" },
    {
      line: "hold capture 0198c0de-0000-7000-8000-000000000001 --owner alice --amount 400 --final false",
      does: "a part; the hold stays open",
    },
  ],
  run: async (invocation) => {
    const { parsed } = invocation;
    const amount = parsed.text("--amount");
    const final = parsed.text("--final");
    return await sendCommand(invocation, {
      op: "capture",
      owner: ownerOf(parsed),
      hold: idIn(parsed.required("HOLD")),
      ...(amount === null ? {} : { amount: amountIn(amount) }),
      ...(final === null ? {} : { final: final === "true" }),
    });
  },
};
