// `coffer wallet freeze | unfreeze | close`: the three changes of a wallet's status, which differ in a word only.
// What each does to money that is reserved is the engine's business and said in the details.

import type { CliCommand } from "../command.ts";
import { usageFailure } from "../failure.ts";
import { SENDING_FLAGS, sendCommand } from "../sending.ts";
import { walletIn } from "../value.ts";

interface StatusWords {
  readonly op: "freeze" | "unfreeze" | "close";
  readonly summary: string;
  readonly details: string;
  readonly example: string;
}

/** The three commands. */
export const walletStatusCommands: readonly CliCommand[] = [
  statusCommand({
    op: "freeze",
    summary: "Stop new debits and credits of a wallet",
    details:
      "What was reserved still completes; release and expiry of holds work. Freezing again changes nothing.",
    example: "court order",
  }),
  statusCommand({
    op: "unfreeze",
    summary: "Let a frozen wallet move money again",
    details: "Unfreezing an open wallet changes nothing.",
    example: "order lifted",
  }),
  statusCommand({
    op: "close",
    summary: "Close an empty wallet for ever",
    details: "posted, held and incoming must be zero (else wallet_not_empty). A closed wallet stays closed.",
    example: "account ended",
  }),
];

function statusCommand({ op, summary, details, example }: StatusWords): CliCommand {
  return {
    path: `wallet ${op}`,
    summary,
    details,
    arguments: [{ name: "WALLET", summary: "owner:purse, such as alice:usd" }],
    flags: [
      { name: "--reason", value: "TEXT", summary: "why, kept with it, at most 256 bytes (required)" },
      ...SENDING_FLAGS,
    ],
    examples: [{ line: `wallet ${op} alice:usd --reason "${example}"`, does: summary.toLowerCase() }],
    run: async (invocation) => {
      const { parsed } = invocation;
      const reason = parsed.text("--reason");
      if (reason === null) throw usageFailure(`wallet ${op} needs a reason: --reason "${example}".`);
      return await sendCommand(invocation, { op, wallet: walletIn(parsed.required("WALLET")), reason });
    },
  };
}
