// The form in which values lie in Redis: format, seal, stamp, JSON. The seal is an HMAC-SHA-256, cut to 128 bits, over the
// key's name and everything behind the seal, under a secret that Redis never sees.
//
//   wallet    1 | seal 22 | version 16 digits | known at 16 digits | JSON of the read answer
//   outcome   1 | seal 22 | hash of the content 32 hex digits      | JSON of the outcome
//
// Invariant: what opens was written by a gateway with this secret, for this very key. A copy of an older value opens
// too: a wallet's stamp then shows its age, and an outcome never changes.
// The fixed widths let the script `KEEP_WALLET` (redis-scripts.ts) compare version and time as one text.
// Version 1 of the format is never edited; a value of another format is refused, which is a miss.

import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from "node:crypto";
import { assert } from "../../protocol/assert.ts";
import type { Outcome } from "../../protocol/outcome.ts";
import { outcomeFromJson, outcomeToJson } from "../../protocol/outcome-json.ts";
import { decodeReadAnswer, encodeReadAnswer } from "../../protocol/read-answer.ts";
import type { CachedWallet } from "./gateway-cache.ts";

/** Characters before the stamp. */
export const STAMP_AT = 23;
/** Characters of the stamp, of both kinds. */
export const STAMP_CHARS = 32;
/** Least bytes of the secret. */
export const SECRET_BYTES_MIN = 16;

const FORMAT = "1";
const SEAL_BYTES = 16;
const NUMBER_DIGITS = 16;

/** A wallet out of Redis: what was kept, and the wall time in ms at which it was known to be current. */
export interface OpenedWallet {
  readonly cached: CachedWallet;
  readonly knownMs: number;
}

/** An outcome out of Redis with the hash of its command's content. */
export interface OpenedOutcome {
  readonly contentHash: string;
  readonly outcome: Outcome;
}

/** Seals and opens values. About 5 µs each for an HMAC. Opening never throws. */
export class ValueSeal {
  readonly #secret: KeyObject;

  /** @param secret shared by all gateways of a cluster; at least SECRET_BYTES_MIN bytes (asserted) */
  constructor(secret: Uint8Array) {
    assert(secret.length >= SECRET_BYTES_MIN, "the cache's secret is long enough");
    this.#secret = createSecretKey(secret);
  }

  /** The text to store under `key`. @param knownMs whole ms since 1970 */
  sealWallet(key: string, { wallet, asOf }: CachedWallet, knownMs: number): string {
    const json = Buffer.from(encodeReadAnswer({ kind: "wallet", wallet, asOf })).toString("utf8");
    return this.#seal(key, `${digits(wallet.version)}${digits(knownMs)}${json}`);
  }

  /** The wallet, or null for a text that this secret did not seal for this key, or that does not decode. */
  openWallet(key: string, text: string): OpenedWallet | null {
    const body = this.#open(key, text);
    if (body === null) return null;
    const answer = decodeReadAnswer(Buffer.from(body.slice(STAMP_CHARS), "utf8"));
    if (!answer.ok || answer.value.kind !== "wallet") return null;
    const { wallet, asOf } = answer.value;
    return { cached: { wallet, asOf }, knownMs: Number(body.slice(NUMBER_DIGITS, STAMP_CHARS)) };
  }

  /** The text to store under `key`. */
  sealOutcome(key: string, contentHash: string, outcome: Outcome): string {
    return this.#seal(key, `${contentHash}${JSON.stringify(outcomeToJson(outcome))}`);
  }

  /** The outcome, or null as of {@link openWallet}. */
  openOutcome(key: string, text: string): OpenedOutcome | null {
    const body = this.#open(key, text);
    if (body === null) return null;
    const outcome = outcomeFromJson(parsed(body.slice(STAMP_CHARS)));
    return outcome.ok ? { contentHash: body.slice(0, STAMP_CHARS), outcome: outcome.value } : null;
  }

  #seal(key: string, body: string): string {
    const sealed = `${FORMAT}${this.#sealOf(key, body).toString("base64url")}${body}`;
    assert(sealed.length === STAMP_AT + body.length, "a seal has its fixed length");
    return sealed;
  }

  #open(key: string, text: string): string | null {
    if (text.length < STAMP_AT + STAMP_CHARS || !text.startsWith(FORMAT)) return null;
    const claimed = Buffer.from(text.slice(FORMAT.length, STAMP_AT), "base64url");
    const body = text.slice(STAMP_AT);
    if (claimed.length !== SEAL_BYTES || !timingSafeEqual(claimed, this.#sealOf(key, body))) return null;
    return body;
  }

  #sealOf(key: string, body: string): Buffer {
    const seal = createHmac("sha256", this.#secret).update(`${FORMAT}${key}\n${body}`).digest();
    return seal.subarray(0, SEAL_BYTES);
  }
}

function digits(value: number): string {
  assert(Number.isSafeInteger(value) && value >= 0, "a stamp is a whole number");
  return value.toString().padStart(NUMBER_DIGITS, "0");
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
