// `coffer keys create`: makes a key for the gateway and shows it, once.
// Does not own who may do this: whoever reaches the installation's NATS with the rights to write the bucket.

import type { KeyWish, Scope } from "../../gateway/keys.ts";
import { isKeyName, isScope, KEY_NAME_CHARS_MAX, KEY_OWNERS_MAX, SCOPES } from "../../gateway/keys.ts";
import type { OwnerName } from "../../protocol/names.ts";
import type { CliCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { usageFailure } from "../failure.ts";
import { withKeys } from "../key-session.ts";
import { keyJson, statusText } from "../key-text.ts";
import { columns } from "../output.ts";
import type { Parsed } from "../parsed.ts";
import { sessionOf } from "../session.ts";
import { durationMsIn, ownerIn } from "../value.ts";

const LIFETIME_MS_MAX = 10 * 366 * 86_400_000;

/** The command. */
export const keysCreateCommand: CliCommand = {
  path: "keys create",
  summary: "Make an API key for the gateway and show it once",
  details: `Scopes: read sees wallets, write also opens wallets and moves money, admin also freezes, closes and sets limits. The key
belongs to one tenant (--tenant); with --owner it sees and touches the wallets of these owners only. Its secret is
shown now and never again: the installation keeps a hash. Gateways that run take the key within a second.`,
  arguments: [],
  flags: [
    { name: "--name", value: "TEXT", summary: "what it is for, as lists show it" },
    {
      name: "--scope",
      value: "SCOPE",
      summary: "read, write or admin; each includes those before it (default: write)",
      repeats: true,
    },
    {
      name: "--owner",
      value: "OWNER",
      summary: "only wallets of this owner, or a list with commas",
      repeats: true,
    },
    {
      name: "--expires",
      value: "TIME",
      summary: "how long it counts: 12h, 90d (default: until it is revoked)",
    },
    { name: "--dry-run", value: null, summary: "print what would be made and make nothing" },
    { name: "--yes", value: null, summary: "accepted for scripts; nothing is asked" },
  ],
  examples: [
    {
      line: "keys create --name checkout --scope write --expires 90d",
      does: "for a service that moves money",
    },
    {
      line: "keys create --scope read --owner alice,bob --json",
      does: "sees two owners' wallets, printed as JSON",
    },
  ],
  run: async (invocation) => {
    const { parsed, output, surroundings } = invocation;
    const session = sessionOf(invocation);
    const wish: KeyWish = { ...wishOf(parsed), tenant: session.tenant };
    if (parsed.has("--dry-run")) {
      const { tenant, scopes, owners, lifetimeMs, name } = wish;
      const whose = owners === null ? "all owners" : owners.join(", ");
      const text = `Would make a key of tenant ${tenant}: ${scopes.join(", ")}, for ${whose}, at ${session.server}.`;
      output.result(
        { dryRun: true, tenant, scopes: [...scopes], owners: owners && [...owners], lifetimeMs, name },
        text,
      );
      return EXIT.done;
    }
    const created = await withKeys(session, surroundings, (admin) => admin.create(wish));
    const { key, ...shown } = created;
    const rows = [
      ["id", created.id],
      ["tenant", created.tenant],
      ["scopes", created.scopes.join(", ")],
      ["owners", created.owners?.join(", ") ?? "all"],
      ["status", statusText(created)],
    ];
    const text = `${key}\n\nThis is shown once: keep it now.\n${columns(rows, "  ")}`;
    output.result({ ...keyJson(shown), key }, text);
    return EXIT.done;
  },
};

function wishOf(parsed: Parsed): Omit<KeyWish, "tenant"> {
  const name = parsed.text("--name");
  if (name !== null && !isKeyName(name))
    throw usageFailure(`--name is one line of at most ${KEY_NAME_CHARS_MAX} characters.`);
  const expires = parsed.text("--expires");
  const lifetimeMs = expires === null ? null : durationMsIn(expires);
  if (lifetimeMs !== null && (lifetimeMs < 1 || lifetimeMs > LIFETIME_MS_MAX))
    throw usageFailure("--expires is from 1ms to 3660d.");
  return { scopes: scopesOf(parsed), owners: ownersOf(parsed), lifetimeMs, name };
}

function scopesOf(parsed: Parsed): readonly Scope[] {
  const given = listOf(parsed, "--scope");
  const scopes = given.filter(isScope);
  const wrong = given.find((word) => !isScope(word));
  if (wrong !== undefined) throw usageFailure(`--scope is one of ${SCOPES.join(", ")}, not "${wrong}".`);
  return given.length === 0 ? ["write"] : scopes;
}

function ownersOf(parsed: Parsed): readonly OwnerName[] | null {
  const given = listOf(parsed, "--owner");
  if (given.length > KEY_OWNERS_MAX)
    throw usageFailure(`A key is for at most ${KEY_OWNERS_MAX} owners, or for all.`);
  return parsed.has("--owner") ? given.map(ownerIn) : null;
}

/** The words of a flag that is repeated or holds commas, each once. */
function listOf(parsed: Parsed, flag: "--scope" | "--owner"): string[] {
  const words = parsed.texts(flag).flatMap((text) => text.split(","));
  return [...new Set(words.map((word) => word.trim()))];
}
