// `coffer keys list`: the keys of an installation, newest first. Never a secret: nobody has them.
// Does not own their state: active, expired and revoked are told by the keys themselves.

import type { CliCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { withKeys } from "../key-session.ts";
import { keyJson, keyTable } from "../key-text.ts";
import { sessionOf } from "../session.ts";

/** The command. */
export const keysListCommand: CliCommand = {
  path: "keys list",
  summary: "List the API keys of the gateway",
  details:
    "All tenants' keys, or those of --tenant. What was revoked or has expired stays in the list until there are 10,000.",
  arguments: [],
  flags: [],
  examples: [
    { line: "keys list", does: "every key, newest first" },
    { line: "keys list --tenant demo --json", does: "one tenant's, as JSON" },
  ],
  run: async (invocation) => {
    const { parsed, output, surroundings } = invocation;
    const session = sessionOf(invocation);
    const all = await withKeys(session, surroundings, (admin) => admin.list());
    const keys = parsed.has("--tenant") ? all.filter(({ tenant }) => tenant === session.tenant) : all;
    output.result({ keys: keys.map(keyJson) }, keys.length === 0 ? "No keys." : keyTable(keys));
    return EXIT.done;
  },
};
