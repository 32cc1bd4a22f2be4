// Words of the command line as values of the contract. What does not parse is a usage error with the contract's
// code and an example of what would; nothing is sent.

import type { Leg } from "../protocol/command.ts";
import type { CommandId } from "../protocol/command-id.ts";
import { parseCommandId } from "../protocol/command-id.ts";
import type { Bound } from "../protocol/money.ts";
import { parseAmount, parseInt64 } from "../protocol/money.ts";
import type { AssetName, OwnerName, TenantName, WalletName } from "../protocol/names.ts";
import { parseAsset, parseOwner, parseTenant, parseWallet } from "../protocol/names.ts";
import { usageFailure } from "./failure.ts";

const DURATION = /^([0-9]{1,12})(ms|s|m|h|d)?$/;
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const WHOLE = /^(?:0|[1-9][0-9]{0,14})$/;

/** `owner:purse`. Errors: CliFailure `wallet_invalid`. */
export function walletIn(word: string): WalletName {
  return parseWallet(word) ?? wrong("wallet_invalid", word, "a wallet, such as alice:usd");
}

/** An owner's name. Errors: CliFailure `wallet_invalid`. */
export function ownerIn(word: string): OwnerName {
  return parseOwner(word) ?? wrong("wallet_invalid", word, "an owner, such as alice");
}

/** `CODE/scale`. Errors: CliFailure `asset_invalid`. */
export function assetIn(word: string): AssetName {
  return parseAsset(word) ?? wrong("asset_invalid", word, "an asset, such as USD/2");
}

/** A tenant's name. Errors: CliFailure `usage`. */
export function tenantIn(word: string): TenantName {
  return parseTenant(word) ?? wrong("usage", word, "a tenant, such as demo");
}

/** Minor units, 1..2^63-1. Errors: CliFailure `amount_invalid`. */
export function amountIn(word: string): bigint {
  return (
    parseAmount(word) ??
    wrong("amount_invalid", word, "an amount in whole minor units, such as 1250 for 12.50 of USD/2")
  );
}

/** A wallet's bound. Errors: CliFailure `amount_invalid`. */
export function boundIn(word: string): Bound {
  if (word === "unlimited") return word;
  return parseInt64(word) ?? wrong("amount_invalid", word, "a bound in minor units, or unlimited");
}

/** A command id in lower case. Errors: CliFailure `id_invalid`. */
export function idIn(word: string): CommandId {
  return (
    parseCommandId(word) ??
    wrong("id_invalid", word, "an id: a UUID such as 0198c0de-0000-7000-8000-000000000001")
  );
}

/** A time in ms: `500ms`, `10s`, `2m`, `1h`, `7d`, or a bare number of ms. Errors: CliFailure with `code`. */
export function durationMsIn(word: string, code = "usage"): number {
  const match = DURATION.exec(word);
  if (match === null) return wrong(code, word, "a time, such as 500ms, 10s or 2m (a bare number is ms)");
  return Number(match[1]) * (UNIT_MS[match[2] ?? "ms"] ?? 1);
}

/** A whole number within bounds. Errors: CliFailure `usage`. */
export function wholeIn(word: string, bounds: { readonly min: number; readonly max: number }): number {
  const number = WHOLE.test(word) ? Number(word) : Number.NaN;
  if (number >= bounds.min && number <= bounds.max) return number;
  return wrong("usage", word, `a whole number from ${bounds.min} to ${bounds.max}`);
}

/** `FROM,TO,AMOUNT`. Errors: CliFailure `legs_invalid`, or what the parts have. */
export function legIn(word: string): Leg {
  const [from, to, amount, ...more] = word.split(",").map((part) => part.trim());
  if (from === undefined || to === undefined || amount === undefined || more.length > 0) {
    return wrong("legs_invalid", word, "a leg: FROM,TO,AMOUNT such as alice:usd,shop:usd,1000");
  }
  return { from: walletIn(from), to: walletIn(to), amount: amountIn(amount) };
}

/** `WALLET=VERSION`. Errors: CliFailure `usage`, `wallet_invalid`. */
export function expectedVersionIn(word: string): readonly [WalletName, number] {
  const equals = word.lastIndexOf("=");
  if (equals < 0) return wrong("usage", word, "WALLET=VERSION, such as alice:usd=12");
  const version = wholeIn(word.slice(equals + 1), { min: 0, max: Number.MAX_SAFE_INTEGER });
  return [walletIn(word.slice(0, equals)), version];
}

/** The text of a JSON object. Errors: CliFailure `usage`. */
export function jsonObjectIn(word: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(word);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // Falls through to the same sentence: text that is no JSON and JSON that is no object are one mistake here.
  }
  return wrong("malformed", word, `a JSON object, such as '{"order":"7"}'`);
}

function wrong(code: string, word: string, expected: string): never {
  throw usageFailure(`"${word}" is not ${expected}.`, code);
}
