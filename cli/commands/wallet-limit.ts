// `coffer wallet limit`: changes a wallet's bounds.
// Does not own the judgement: a bound that the balance already breaks is refused by the engine.

import type { CliCommand } from "../command.ts";
import { usageFailure } from "../failure.ts";
import { SENDING_FLAGS, sendCommand } from "../sending.ts";
import { boundIn, walletIn } from "../value.ts";

/** The command. */
export const walletLimitCommand: CliCommand = {
  path: "wallet limit",
  summary: "Change the bounds of a wallet",
  details:
    "What posted - held or posted + incoming already breaks is refused (insufficient_funds, max_exceeded).",
  arguments: [{ name: "WALLET", summary: "owner:purse, such as alice:usd" }],
  flags: [
    { name: "--min", value: "BOUND", summary: "lowest balance in minor units, at most 0, or unlimited" },
    { name: "--max", value: "BOUND", summary: "highest balance in minor units, at least 0, or unlimited" },
    ...SENDING_FLAGS,
  ],
  examples: [
    { line: "wallet limit alice:usd --max 500000", does: "at most 5000.00 of USD/2" },
    {
      line: "wallet limit alice:usd --min -10000 --max unlimited",
      does: "an overdraft of 100.00, no upper bound",
    },
  ],
  run: async (invocation) => {
    const { parsed } = invocation;
    const min = parsed.text("--min");
    const max = parsed.text("--max");
    if (min === null && max === null)
      throw usageFailure("wallet limit needs --min or --max, or both.", "amount_invalid");
    return await sendCommand(invocation, {
      op: "limit",
      wallet: walletIn(parsed.required("WALLET")),
      ...(min === null ? {} : { min: boundIn(min) }),
      ...(max === null ? {} : { max: boundIn(max) }),
    });
  },
};
