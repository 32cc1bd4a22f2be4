// What the bucket holds for each key: whose it is, what it may do, how long, and the hash of its secret.
//
// Owns: the stored JSON, version 1. Invariant: a record that is not exactly that counts for nothing: whoever can write
// garbage into the bucket can take keys away, never give rights.

import type { OwnerName, TenantName } from "../protocol/names.ts";
import { parseOwner, parseTenant } from "../protocol/names.ts";
import { parseTimeText, timeText } from "../protocol/time-text.ts";
import type { Scope } from "./principal.ts";
import { isScope, SCOPES } from "./principal.ts";

/** Owners that one key may be limited to. */
export const KEY_OWNERS_MAX = 100;
/** Characters of a key's name. */
export const KEY_NAME_CHARS_MAX = 64;
/** Bytes of a stored record; a longer one is ignored unread. */
export const KEY_RECORD_BYTES_MAX = 16 * 1024;

/** One key, without its secret. Times are ms since 1970. */
export interface KeyRecord {
  readonly tenant: TenantName;
  /** At least one, as they were asked for. */
  readonly scopes: readonly Scope[];
  /** Null = every owner of the tenant. */
  readonly owners: readonly OwnerName[] | null;
  /** SHA-256 of the secret, 64 hex digits. */
  readonly hash: string;
  readonly createdMs: number;
  /** From then on it is refused; null = never. */
  readonly expiresMs: number | null;
  /** The same, set by a revocation or a rotation. 0 = at once, whatever a gateway's clock says. */
  readonly revokesMs: number | null;
  readonly name: string | null;
}

const HASH = /^[0-9a-f]{64}$/;
const FIELDS = ["v", "tenant", "scopes", "owners", "hash", "created", "expires", "revokes", "name"];

/** The record as it is stored. */
export function encodeKeyRecord(record: KeyRecord): string {
  const { tenant, scopes, owners, hash, createdMs, expiresMs, revokesMs, name } = record;
  return JSON.stringify({
    ...{ v: 1, tenant, scopes, owners, hash, created: timeText(createdMs) },
    ...(expiresMs === null ? {} : { expires: timeText(expiresMs) }),
    ...(revokesMs === null ? {} : { revokes: timeText(revokesMs) }),
    ...(name === null ? {} : { name }),
  });
}

/** Reads a stored record; null for anything else, a newer version included. Never throws. */
export function decodeKeyRecord(bytes: Uint8Array): KeyRecord | null {
  if (bytes.length > KEY_RECORD_BYTES_MAX) return null;
  const fields = objectIn(bytes);
  if (fields === null || fields["v"] !== 1) return null;
  if (Object.keys(fields).some((field) => !FIELDS.includes(field))) return null;
  const { hash, name = null } = fields;
  const tenant = parseTenant(fields["tenant"]);
  const scopes = scopesIn(fields["scopes"]);
  const owners = ownersIn(fields["owners"]);
  const createdMs = parseTimeText(fields["created"]);
  const expiresMs = timeIn(fields["expires"]);
  const revokesMs = timeIn(fields["revokes"]);
  if (tenant === undefined || scopes === null || owners === undefined) return null;
  if (createdMs === undefined || expiresMs === undefined || revokesMs === undefined) return null;
  if (typeof hash !== "string" || !HASH.test(hash)) return null;
  if (name !== null && !isKeyName(name)) return null;
  return { tenant, scopes, owners, hash, createdMs, expiresMs, revokesMs, name };
}

/** Whether a value can name a key: a line of text, at most {@link KEY_NAME_CHARS_MAX} characters. Never throws. */
export function isKeyName(value: unknown): value is string {
  return (
    typeof value === "string" &&
    value.length > 0 &&
    value.length <= KEY_NAME_CHARS_MAX &&
    !/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(value)
  );
}

/** From when on a key is refused: null = it goes on for ever. */
export function endOf({ expiresMs, revokesMs }: KeyRecord): number | null {
  if (expiresMs === null || revokesMs === null) return expiresMs ?? revokesMs;
  return Math.min(expiresMs, revokesMs);
}

function objectIn(bytes: Uint8Array): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? { ...value } : null;
  } catch {
    return null;
  }
}

function scopesIn(value: unknown): readonly Scope[] | null {
  if (!Array.isArray(value) || value.length === 0 || value.length > SCOPES.length) return null;
  return value.every(isScope) ? value : null;
}

/** `undefined` when it is neither null nor a list of owners. An empty list would be a key that may do nothing. */
function ownersIn(value: unknown): readonly OwnerName[] | null | undefined {
  if (value === null) return null;
  if (!Array.isArray(value) || value.length === 0 || value.length > KEY_OWNERS_MAX) return undefined;
  const owners = value.flatMap((each) => parseOwner(each) ?? []);
  return owners.length === value.length ? owners : undefined;
}

/** Null when absent, `undefined` when it is no time. */
function timeIn(value: unknown): number | null | undefined {
  return value === undefined ? null : parseTimeText(value);
}
