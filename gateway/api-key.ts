// API keys as text: `coffer.<id>.<secret>`. The id finds the record, the secret proves it; only its hash is stored.
//
// Owns: the format, the hash, the comparison. Does not own: records (key-record.ts), randomness (passed in).
// Invariant: comparing takes the same time whatever the secret is, and for an id that nobody has.
// A secret has 256 random bits, so a plain SHA-256 is enough: there is nothing to guess that a slow hash would protect.

import { hash, timingSafeEqual } from "node:crypto";
import type { ClientClock } from "../client/clock.ts";
import { assert } from "../protocol/assert.ts";

/** A key taken apart. */
export interface ApiKey {
  /** 12 characters; no secret, shown in lists. */
  readonly id: string;
  /** 32 random bytes in base64url, 43 characters. */
  readonly secret: string;
}

const ID_CHARS = 12;
const SECRET_BYTES = 32;
const KEY = /^coffer\.([a-z0-9]{12})\.([A-Za-z0-9_-]{43})$/;
const ID = /^[a-z0-9]{12}$/;
/** Without those that people mix up. An id never starts with a dash, so that a command line takes it. */
const ID_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789";

/** Makes a new key of random bytes. */
export function newApiKey({ fillRandom }: Pick<ClientClock, "fillRandom">): ApiKey {
  const bytes = new Uint8Array(ID_CHARS + SECRET_BYTES);
  fillRandom(bytes);
  const letters = bytes.subarray(0, ID_CHARS);
  const id = Array.from(letters, (byte) => ID_ALPHABET[byte % ID_ALPHABET.length]).join("");
  const key = { id, secret: Buffer.from(bytes.subarray(ID_CHARS)).toString("base64url") };
  assert(KEY.test(apiKeyText(key)), "a new key has the format of keys");
  return key;
}

/** The key as its holder writes it. */
export function apiKeyText({ id, secret }: ApiKey): string {
  return ["coffer", id, secret].join(".");
}

/** Takes a key apart; null for anything else. Never throws. */
export function parseApiKey(text: string): ApiKey | null {
  const match = KEY.exec(text);
  const [, id, secret] = match ?? [];
  return id === undefined || secret === undefined ? null : { id, secret };
}

/** Whether a text is a key's id. Never throws. */
export function isKeyId(text: string): boolean {
  return ID.test(text);
}

/** SHA-256 of a secret's text: 32 bytes, about 1 µs. */
export function secretHash(secret: string): Buffer {
  return hash("sha256", secret, "buffer");
}

/** Stands in for the hash of an unknown id; no secret is known that has it. */
const NOBODY = Buffer.alloc(SECRET_BYTES);

/** Whether two texts of keys are one; takes the same time for all of one length. Never throws. */
export function isSameKeyText(text: string, proven: Uint8Array): boolean {
  return text.length === proven.length && timingSafeEqual(Buffer.from(text, "latin1"), proven);
}

/** Whether a secret has this hash; `undefined` = nobody's, compared all the same. Never throws. */
export function isSecretOf(secret: string, expected: Uint8Array | undefined): boolean {
  const isEqual = timingSafeEqual(secretHash(secret), expected ?? NOBODY);
  return isEqual && expected !== undefined;
}
