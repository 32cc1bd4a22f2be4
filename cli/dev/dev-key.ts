// The key of a dev: one that may do everything, made for a data directory the first time and kept in it, so that what a
// developer wrote into scripts goes on working. One that the installation does not know any more is replaced.
//
// Invariant: the file is readable for its owner alone, and appears whole or not at all.

import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { KeyAdmin } from "../../gateway/keys.ts";
import type { TenantName } from "../../protocol/names.ts";

/** The file's name inside the data directory. */
export const KEY_FILE = "gateway-key";
const OWNER_ONLY = 0o600;

/** The key of a data directory, made when there is none that counts. Errors: what NATS or the file system says. */
export async function devKey(admin: KeyAdmin, dataDir: string, tenant: TenantName): Promise<string> {
  const path = join(dataDir, KEY_FILE);
  const kept = readKey(path);
  if (kept !== null && (await admin.counts(kept, tenant))) return kept;
  const wish = { tenant, scopes: ["admin"], owners: null, lifetimeMs: null, name: "coffer dev" } as const;
  const { key } = await admin.create(wish);
  const fresh = `${path}.new`;
  writeFileSync(fresh, `${key}\n`, { mode: OWNER_ONLY });
  renameSync(fresh, path);
  return key;
}

function readKey(path: string): string | null {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return null;
  }
}
