// Collects what is wrong with one command. Everything that applies is looked at, and the code that comes first
// in the precedence of refusals is kept: the answer does not depend on the order of fields or of checks. Owns
// the rules of single values; which fields an operation has is the business of command-shape.
//
// The two wire forms spell the same values differently (an amount is text in JSON and an integer in frames):
// `FieldForms` is that difference, and the only one.

import type { CommandId } from "./command-id.ts";
import type { Bound } from "./money.ts";
import type { AssetName, OwnerName, WalletName } from "./names.ts";
import { isOwnedBy, parseAsset, parseWallet } from "./names.ts";
import type { Refusal, RefusalCode } from "./outcome.ts";
import { firstRefusal, refusal } from "./outcome.ts";

/** How one wire form spells values; every parser gives `undefined` for what it does not accept. */
export interface FieldForms {
  readonly id: (value: unknown) => CommandId | undefined;
  /** 1..2^63-1 */
  readonly amount: (value: unknown) => bigint | undefined;
  /** Signed, or `unlimited`. */
  readonly bound: (value: unknown) => Bound | undefined;
  /** 0..2^53-1 */
  readonly version: (value: unknown) => number | undefined;
  /** Wallets with versions, as pairs. */
  readonly versionPairs: (value: unknown) => readonly (readonly [unknown, unknown])[] | undefined;
  /** Canonical JSON of an object. */
  readonly meta: (value: unknown) => string | undefined;
}

const CONTROL = /\p{Cc}/u;
const DETAIL_CHARS_MAX = 80;

/** See the file header. Getters give `undefined` for what they have refused. */
export class ShapeCheck {
  /** The refusal so far, or null. */
  refusal: Refusal | null = null;
  readonly forms: FieldForms;

  constructor(forms: FieldForms) {
    this.forms = forms;
  }

  /** Notes that `code` applies because of the field at `path`. */
  refuse(code: RefusalCode, path: string): undefined {
    this.refusal = firstRefusal(this.refusal, refusal(code, detailText(path)));
    return undefined;
  }

  id(value: unknown, path: string): CommandId | undefined {
    return this.forms.id(value) ?? this.refuse("id_invalid", path);
  }

  wallet(value: unknown, path: string): WalletName | undefined {
    return parseWallet(value) ?? this.refuse("wallet_invalid", path);
  }

  /** A wallet that must be the addressed owner's. */
  ownWallet(value: unknown, path: string, owner: OwnerName | undefined): WalletName | undefined {
    const wallet = this.wallet(value, path);
    if (wallet !== undefined && owner !== undefined && !isOwnedBy(wallet, owner))
      this.refuse("wrong_owner", path);
    return wallet;
  }

  asset(value: unknown, path: string): AssetName | undefined {
    return parseAsset(value) ?? this.refuse("asset_invalid", path);
  }

  amount(value: unknown, path: string): bigint | undefined {
    return this.forms.amount(value) ?? this.refuse("amount_invalid", path);
  }

  amountOrNull(value: unknown, path: string): bigint | null | undefined {
    return value === undefined ? null : this.amount(value, path);
  }

  /** A lower bound: at most 0. */
  min(value: unknown, path: string): Bound | undefined {
    const bound = this.forms.bound(value);
    const fits = bound === "unlimited" || (bound !== undefined && bound <= 0n);
    return fits ? bound : this.refuse("amount_invalid", path);
  }

  /** An upper bound: at least 0. */
  max(value: unknown, path: string): Bound | undefined {
    const bound = this.forms.bound(value);
    const fits = bound === "unlimited" || (bound !== undefined && bound >= 0n);
    return fits ? bound : this.refuse("amount_invalid", path);
  }

  /** Free text: not empty, no control characters, at most `bytesMax` of UTF-8. */
  text(value: unknown, path: string, bytesMax: number): string | undefined {
    if (typeof value !== "string" || value === "" || !value.isWellFormed() || CONTROL.test(value)) {
      return this.refuse("malformed", path);
    }
    return fitsBytes(value, bytesMax) ? value : this.refuse("too_large", path);
  }

  textOrNull(value: unknown, path: string, bytesMax: number): string | null | undefined {
    return value === undefined ? null : this.text(value, path, bytesMax);
  }

  /** Canonical JSON of an object, or null when there is none. */
  metaOrNull(value: unknown, path: string, bytesMax: number): string | null | undefined {
    if (value === undefined) return null;
    const meta = this.forms.meta(value);
    if (meta === undefined) return this.refuse("malformed", path);
    return fitsBytes(meta, bytesMax) ? meta : this.refuse("too_large", path);
  }
}

/** A path that fits a refusal's detail: bounded and well-formed. */
export function detailText(path: string): string {
  return path.length <= DETAIL_CHARS_MAX
    ? path.toWellFormed()
    : `${path.slice(0, DETAIL_CHARS_MAX).toWellFormed()}…`;
}

function fitsBytes(text: string, bytesMax: number): boolean {
  return text.length * 3 <= bytesMax || Buffer.byteLength(text) <= bytesMax;
}
