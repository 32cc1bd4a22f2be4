// A key as people and programs read it: times as text, ends in words. The secret is printed by the command that made it
// and by nobody else.

import type { KeySummary } from "../gateway/keys.ts";
import { timeText } from "../protocol/time-text.ts";
import type { Json } from "./output.ts";
import { columns } from "./output.ts";

/** A key as JSON: absent times are null, `revokes` is null when it was revoked at once. */
export function keyJson(key: KeySummary): { readonly [field: string]: Json } {
  const { id, tenant, status, scopes, owners, name, createdMs, expiresMs, revokesMs } = key;
  return {
    ...{ id, tenant, status, scopes: [...scopes], owners: owners === null ? null : [...owners], name },
    created: timeText(createdMs),
    expires: expiresMs === null ? null : timeText(expiresMs),
    revokes: revokesMs === null || revokesMs === 0 ? null : timeText(revokesMs),
  };
}

/** Keys as a table. */
export function keyTable(keys: readonly KeySummary[]): string {
  const head = ["id", "tenant", "scopes", "owners", "status", "created", "name"];
  return columns([head, ...keys.map(row)]);
}

function row(key: KeySummary): string[] {
  const { id, tenant, scopes, owners, createdMs, name } = key;
  const whose = owners === null ? "all" : ownersText(owners);
  return [id, tenant, scopes.join(","), whose, statusText(key), timeText(createdMs), name ?? "-"];
}

/** Two owners, and how many more. */
function ownersText(owners: readonly string[]): string {
  const [first, second, ...more] = owners;
  const shown = [first, second].filter((owner) => owner !== undefined).join(",");
  return more.length === 0 ? shown : `${shown},+${more.length}`;
}

/** `active`, `active until …`, `expired`, `revoked`. */
export function statusText({ status, expiresMs, revokesMs }: KeySummary): string {
  if (status === "expired" || status === "revoked") return status;
  const endMs = Math.min(expiresMs ?? Infinity, revokesMs ?? Infinity);
  return endMs === Infinity ? "active" : `active until ${timeText(endMs)}`;
}
