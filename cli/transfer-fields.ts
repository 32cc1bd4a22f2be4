// The fields that `transfer` and `hold place` share, from their words: FROM TO AMOUNT or legs, texts, versions.
// Does not own the rules over legs (the engine's): only that the words are complete.

import type { TransferInput } from "../client/command-input.ts";
import type { Leg } from "../protocol/command.ts";
import type { ArgumentSpec } from "./command.ts";
import { usageFailure } from "./failure.ts";
import type { Parsed } from "./parsed.ts";
import type { Unsent } from "./sending.ts";
import { metaField } from "./sending.ts";
import { amountIn, expectedVersionIn, legIn, walletIn } from "./value.ts";

/** The arguments of both commands; all three or none. */
export const TRANSFER_ARGUMENTS: readonly ArgumentSpec[] = [
  { name: "FROM", summary: "the wallet that pays", optional: true },
  { name: "TO", summary: "the wallet that is paid", optional: true },
  { name: "AMOUNT", summary: "whole minor units: 1250 of USD/2 is 12.50", optional: true },
];

/**
 * The transfer that the words describe, without id; `holdTtlMs` makes it a hold.
 * Errors: CliFailure `legs_invalid`, `wallet_invalid`, `amount_invalid`, `usage`.
 */
export function transferFields(parsed: Parsed, holdTtlMs: number | null): Unsent<TransferInput> {
  const versions = parsed.texts("--if-version").map(expectedVersionIn);
  const code = parsed.text("--code");
  const ref = parsed.text("--ref");
  const fields = {
    op: "transfer" as const,
    ...(holdTtlMs === null ? {} : { hold: { ttlMs: holdTtlMs } }),
    ...(code === null ? {} : { code }),
    ...(ref === null ? {} : { ref }),
    ...metaField(parsed.text("--meta")),
    ...(versions.length === 0 ? {} : { ifVersion: Object.fromEntries(versions) }),
  };
  const legs = legsOf(parsed);
  const [only, ...more] = legs;
  if (only !== undefined && more.length === 0) return { ...fields, ...only };
  return { ...fields, legs };
}

function legsOf(parsed: Parsed): readonly Leg[] {
  const [from, to, amount] = TRANSFER_ARGUMENTS.map(({ name }) => parsed.argument(name));
  const legs = parsed.texts("--leg").map(legIn);
  if (from != null && to != null && amount != null) {
    return [{ from: walletIn(from), to: walletIn(to), amount: amountIn(amount) }, ...legs];
  }
  if (from == null && legs.length > 0) return legs;
  throw usageFailure("Name FROM, TO and AMOUNT, or legs: --leg FROM,TO,AMOUNT.", "legs_invalid");
}
