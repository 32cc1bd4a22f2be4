// Idempotency keys: text that a caller chose in place of an id. The id is derived from it, so a key works as long as
// an id does, for ever, and needs no memory of its own.
//
// Invariant: the same tenant, addressed owner and key give the same id, on every gateway; anything else another one.

import type { CommandId } from "../protocol/command-id.ts";
import { derivedId } from "./derived-id.ts";

/** Keeps these ids apart from everything else that is ever hashed. Part of the outside contract. */
const DOMAIN = "coffer/http/idempotency-key/1";
const BARE = /^[\x20-\x7e]{1,255}$/;
const QUOTED = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\]){1,255})"$/;

/** The key that a header names, bare or quoted; `undefined` when it is none: 1-255 printable ASCII characters. Never throws. */
export function parseIdempotencyKey(header: string): string | undefined {
  const text = header.trim();
  if (!text.startsWith('"')) return BARE.test(text) ? text : undefined;
  const quoted = QUOTED.exec(text)?.[1];
  const key = quoted?.replaceAll(/\\(["\\])/g, "$1");
  return key !== undefined && key.length <= 255 ? key : undefined;
}

/** Whose key it is, and which command of a batch it stands for. */
export interface KeyScope {
  readonly tenant: string;
  readonly owner: string;
  readonly index?: number;
}

/** The id that a key stands for: a UUIDv8. About 2 µs. */
export function idOfKey(key: string, { tenant, owner, index }: KeyScope): CommandId {
  return derivedId(DOMAIN, [tenant, owner, key, ...(index === undefined ? [] : [String(index)])]);
}
