// `coffer wallet entries`: what changed a wallet, newest first, a page at a time.
// Guards against: control characters of other people's texts on a terminal (they are printed as JSON text).

import type { Entry } from "../../protocol/entry.ts";
import { ENTRIES_PAGE_MAX } from "../../protocol/limits.ts";
import type { CliCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { columns } from "../output.ts";
import { PAGE_FLAGS, pageOf } from "../page.ts";
import { sessionOf, withCoffer } from "../session.ts";
import { shownJson, walletNotFound } from "../shown.ts";
import { walletIn } from "../value.ts";

/** The command. */
export const walletEntriesCommand: CliCommand = {
  path: "wallet entries",
  summary: "List what changed a wallet, newest first",
  arguments: [{ name: "WALLET", summary: "owner:purse, such as alice:usd" }],
  flags: PAGE_FLAGS,
  examples: [
    { line: "wallet entries alice:usd --limit 10", does: "the last ten changes" },
    {
      line: "wallet entries alice:usd --cursor CURSOR --json",
      does: "the page after, with the cursor of the page before",
    },
  ],
  run: async (invocation) => {
    const { parsed, output } = invocation;
    const wallet = walletIn(parsed.required("WALLET"));
    const page = pageOf(parsed, ENTRIES_PAGE_MAX);
    return await withCoffer(sessionOf(invocation), async (coffer) => {
      for await (const { elements: entries, next, asOf } of coffer.entries(wallet, page)) {
        output.result(shownJson({ kind: "entries", entries, next, asOf }), entriesText(entries, next));
        return EXIT.done;
      }
      throw walletNotFound(wallet);
    });
  },
};

function entriesText(entries: readonly Entry[], next: string | null): string {
  if (entries.length === 0) return "No entries.";
  const rows = entries.map((entry) => [
    entry.version.toString(),
    new Date(entry.timeMs).toISOString(),
    entry.kind,
    signed(entry.amount),
    entry.balance.posted.toString(),
    entry.held === 0n ? "" : `held ${signed(entry.held)}`,
    entry.counterparty ?? "",
    entry.ref === null ? "" : JSON.stringify(entry.ref),
    entry.command,
  ]);
  const head = ["version", "time", "kind", "amount", "posted", "", "counterparty", "ref", "command"];
  return [columns([head, ...rows]), ...(next === null ? [] : [`More: --cursor ${next}`])].join("\n");
}

function signed(amount: bigint): string {
  return amount > 0n ? `+${amount}` : amount.toString();
}
