// `coffer wallet open`: makes a wallet, or confirms one that was opened with the same fields.
// Does not own the rules of names and bounds; the engine's are in protocol.

import type { CliCommand } from "../command.ts";
import { usageFailure } from "../failure.ts";
import { metaField, SENDING_FLAGS, sendCommand } from "../sending.ts";
import { assetIn, boundIn, walletIn } from "../value.ts";

/** The command. */
export const walletOpenCommand: CliCommand = {
  path: "wallet open",
  summary: "Open a wallet",
  details: `Opening again with equal fields answers "open" again; with other fields it is refused (wallet_exists).
A wallet whose min is unlimited is a source of money; the sum over all wallets of an asset stays zero.`,
  arguments: [
    { name: "WALLET", summary: "owner:purse, such as alice:usd" },
    { name: "ASSET", summary: "CODE/scale, such as USD/2 (or --asset)", optional: true },
  ],
  flags: [
    { name: "--asset", value: "ASSET", summary: "the asset, instead of the second argument" },
    {
      name: "--min",
      value: "BOUND",
      summary: "lowest balance in minor units, at most 0, or unlimited (default: 0)",
    },
    {
      name: "--max",
      value: "BOUND",
      summary: "highest balance in minor units, at least 0, or unlimited (default)",
    },
    { name: "--meta", value: "JSON", summary: "a JSON object kept with it, at most 2048 bytes" },
    ...SENDING_FLAGS,
  ],
  examples: [
    { line: "wallet open alice:usd USD/2", does: "a wallet that cannot go below zero" },
    { line: "wallet open world:usd USD/2 --min unlimited", does: "a source of money" },
    {
      line: "wallet open carol:usd --asset USD/2 --max 100000 --json",
      does: "at most 1000.00, answered as JSON",
    },
  ],
  run: async (invocation) => {
    const { parsed } = invocation;
    const asset = parsed.argument("ASSET") ?? parsed.text("--asset");
    if (asset === null) throw usageFailure("wallet open needs an asset, such as USD/2.", "asset_invalid");
    if (parsed.argument("ASSET") !== null && parsed.has("--asset"))
      throw usageFailure("The asset was given twice.");
    const min = parsed.text("--min");
    const max = parsed.text("--max");
    return await sendCommand(invocation, {
      op: "open",
      wallet: walletIn(parsed.required("WALLET")),
      asset: assetIn(asset),
      ...(min === null ? {} : { min: boundIn(min) }),
      ...(max === null ? {} : { max: boundIn(max) }),
      ...metaField(parsed.text("--meta")),
    });
  },
};
