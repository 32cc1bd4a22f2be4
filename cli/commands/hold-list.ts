// `coffer hold list`: an owner's holds, newest first, a page at a time.
// Does not own their life: open, captured, released and expired are the engine's words.

import type { HoldView } from "../../protocol/entry.ts";
import { HOLDS_PAGE_MAX } from "../../protocol/limits.ts";
import type { CliCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { columns } from "../output.ts";
import { PAGE_FLAGS, pageOf } from "../page.ts";
import { sessionOf, withCoffer } from "../session.ts";
import { shownJson } from "../shown.ts";
import { ownerIn } from "../value.ts";

/** The command. */
export const holdListCommand: CliCommand = {
  path: "hold list",
  summary: "List the holds of an owner, newest first",
  arguments: [{ name: "OWNER", summary: "the owner that the holds were addressed to" }],
  flags: PAGE_FLAGS,
  examples: [
    { line: "hold list alice", does: "alice's holds" },
    { line: "hold list alice --limit 100 --json", does: "as JSON" },
  ],
  run: async (invocation) => {
    const { parsed, output } = invocation;
    const owner = ownerIn(parsed.required("OWNER"));
    const page = pageOf(parsed, HOLDS_PAGE_MAX);
    return await withCoffer(sessionOf(invocation), async (coffer) => {
      for await (const { elements: holds, next, asOf } of coffer.holds(owner, page)) {
        output.result(shownJson({ kind: "holds", holds, next, asOf }), holdsText(holds, next));
        break;
      }
      return EXIT.done;
    });
  },
};

function holdsText(holds: readonly HoldView[], next: string | null): string {
  if (holds.length === 0) return "No holds.";
  const blocks = holds.map(({ id, status, expiresMs, ref, legs }) => {
    const rows = legs.map((leg) => [
      leg.from,
      "to",
      leg.to,
      leg.amount.toString(),
      `remaining ${leg.remaining}`,
      `captured ${leg.captured}`,
    ]);
    const reference = ref === null ? "" : `  ref ${JSON.stringify(ref)}`;
    return `${id}  ${status}  expires ${new Date(expiresMs).toISOString()}${reference}\n${columns(rows, "  ")}`;
  });
  return [...blocks, ...(next === null ? [] : [`More: --cursor ${next}`])].join("\n");
}
