// `coffer keys rotate`: a new key with the same rights, while the old one still counts for a while.
// Does not own the rights: they are the old key's.

import type { CliCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { usageFailure } from "../failure.ts";
import { withKeys } from "../key-session.ts";
import { keyJson, statusText } from "../key-text.ts";
import { sessionOf } from "../session.ts";
import { durationMsIn } from "../value.ts";

const OVERLAP_MS_MAX = 366 * 86_400_000;

/** The command. */
export const keysRotateCommand: CliCommand = {
  path: "keys rotate",
  summary: "Make a new API key with the rights of an old one, which ends after an overlap",
  details: `Tenant, scopes, owners, name and length of life are the old key's. Both count during the overlap; then the old one is
refused. The new secret is shown once.`,
  arguments: [{ name: "ID", summary: "the old key's id" }],
  flags: [
    {
      name: "--overlap",
      value: "TIME",
      summary: "how long the old one still counts: 10m, 24h (default: 24h)",
    },
    { name: "--dry-run", value: null, summary: "print which key would be replaced and change nothing" },
    { name: "--yes", value: null, summary: "accepted for scripts; nothing is asked" },
  ],
  examples: [
    { line: "keys rotate k7m2p9x4w3ha", does: "a day to change it everywhere" },
    { line: "keys rotate k7m2p9x4w3ha --overlap 10m --json", does: "for a script that does it in minutes" },
  ],
  run: async (invocation) => {
    const { parsed, output, surroundings } = invocation;
    const id = parsed.required("ID");
    const overlap = parsed.text("--overlap") ?? "24h";
    const overlapMs = durationMsIn(overlap);
    if (overlapMs > OVERLAP_MS_MAX) throw usageFailure("--overlap is at most 366d.");
    return await withKeys(sessionOf(invocation), surroundings, async (admin) => {
      if (parsed.has("--dry-run")) {
        const key = await admin.show(id);
        const text = `Would replace key ${id} and end it in ${overlap}; it is ${statusText(key)}.`;
        output.result({ dryRun: true, ...keyJson(key) }, text);
        return EXIT.done;
      }
      const { created, old } = await admin.rotate(id, overlapMs);
      const { key, ...shown } = created;
      const text = `${key}\n\nThis is shown once: keep it now. Its id is ${created.id}; ${id} is ${statusText(old)}.`;
      output.result({ ...keyJson(shown), key, old: keyJson(old) }, text);
      return EXIT.done;
    });
  },
};
