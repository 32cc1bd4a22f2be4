// Names for tests, through the same door as names from outside.
// Owns nothing and knows no rule: the grammar is protocol's.
// Guards against: casts in tests that let a name pass which no client could use.
import assert from "node:assert/strict";
import type { OwnerName, TenantName } from "../../protocol/names.ts";
import { parseOwner, parseTenant } from "../../protocol/names.ts";

/** A tenant's name that must be valid. */
export function tenantName(text: string): TenantName {
  const name = parseTenant(text);
  assert.ok(name !== undefined, text);
  return name;
}

/** An owner's name that must be valid. */
export function ownerName(text: string): OwnerName {
  const name = parseOwner(text);
  assert.ok(name !== undefined, text);
  return name;
}
