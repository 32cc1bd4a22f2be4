// `coffer keys revoke`: ends a key, at once or after a while. It cannot be brought back.
// Does not own how gateways hear of it: they follow the bucket.

import type { CliCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { withKeys } from "../key-session.ts";
import { keyJson, statusText } from "../key-text.ts";
import { sessionOf } from "../session.ts";
import { durationMsIn } from "../value.ts";

/** The command. */
export const keysRevokeCommand: CliCommand = {
  path: "keys revoke",
  summary: "End an API key, at once or after a while",
  details: `Gateways that run refuse it within a second. A key that was to end sooner keeps its time; running this again changes
nothing.`,
  arguments: [{ name: "ID", summary: "the key's id: the 12 characters after coffer. in it" }],
  flags: [
    { name: "--in", value: "TIME", summary: "let it count for so long: 10m, 24h (default: at once)" },
    { name: "--dry-run", value: null, summary: "print which key would end and change nothing" },
    { name: "--yes", value: null, summary: "accepted for scripts; nothing is asked" },
  ],
  examples: [
    { line: "keys revoke k7m2p9x4w3ha", does: "refused from now on" },
    { line: "keys revoke k7m2p9x4w3ha --in 24h --json", does: "a day to change it everywhere" },
  ],
  run: async (invocation) => {
    const { parsed, output, surroundings } = invocation;
    const id = parsed.required("ID");
    const delay = parsed.text("--in");
    const delayMs = delay === null ? 0 : durationMsIn(delay);
    const isDryRun = parsed.has("--dry-run");
    const key = await withKeys(sessionOf(invocation), surroundings, (admin) =>
      isDryRun ? admin.show(id) : admin.revoke(id, delayMs),
    );
    const when = delay === null ? "now" : `in ${delay}`;
    const name = key.name === null ? "" : ` (${key.name})`;
    const text = isDryRun
      ? `Would end key ${id}${name} ${when}; it is ${statusText(key)}.`
      : `${id}${name}: ${statusText(key)}`;
    output.result({ ...(isDryRun ? { dryRun: true } : {}), ...keyJson(key) }, text);
    return EXIT.done;
  },
};
