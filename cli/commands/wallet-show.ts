// `coffer wallet show`: one wallet, or all wallets of an owner at one instant.
// Does not own what a wallet shows; the contract does, and --json prints it as it came.

import type { WalletView } from "../../protocol/entry.ts";
import { boundText } from "../../protocol/money.ts";
import type { CliCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { columns } from "../output.ts";
import { sessionOf, withCoffer } from "../session.ts";
import { shownJson, walletNotFound } from "../shown.ts";
import { ownerIn, walletIn } from "../value.ts";

/** The command. */
export const walletShowCommand: CliCommand = {
  path: "wallet show",
  summary: "Show a wallet, or all wallets of an owner",
  details: "A read is strong: it reflects every outcome that was settled before it was sent.",
  arguments: [{ name: "WALLET", summary: "a wallet (alice:usd), or an owner (alice)" }],
  flags: [],
  examples: [
    { line: "wallet show alice:usd", does: "one wallet" },
    { line: "wallet show alice --json", does: "all of alice's wallets at one instant" },
  ],
  run: async (invocation) => {
    const { parsed, output } = invocation;
    const word = parsed.required("WALLET");
    const name = word.includes(":") ? walletIn(word) : ownerIn(word);
    return await withCoffer(sessionOf(invocation), async (coffer) => {
      if (!name.includes(":")) {
        const { wallets, asOf } = await coffer.owner(name);
        output.result(shownJson({ kind: "owner", wallets, asOf }), walletsText(word, wallets));
        return EXIT.done;
      }
      const found = await coffer.wallet(name);
      if (found === null) throw walletNotFound(name);
      const { asOf, ...wallet } = found;
      output.result(shownJson({ kind: "wallet", wallet, asOf }), walletText(wallet));
      return EXIT.done;
    });
  },
};

function walletsText(word: string, wallets: readonly WalletView[]): string {
  if (wallets.length === 0) return `${word} has no wallets.`;
  return wallets.map(walletText).join("\n\n");
}

function walletText(wallet: WalletView): string {
  const rows = [
    ["asset", wallet.asset],
    ["status", wallet.status],
    ["posted", wallet.posted.toString()],
    ["held", wallet.held.toString()],
    ["incoming", wallet.incoming.toString()],
    ["available", boundText(wallet.available)],
    ["min", boundText(wallet.min)],
    ["max", boundText(wallet.max)],
    ["version", wallet.version.toString()],
    ...(wallet.meta === null ? [] : [["meta", wallet.meta]]),
  ];
  return `${wallet.wallet}\n${columns(rows, "  ")}`;
}
