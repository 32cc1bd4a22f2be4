// Which wallets a command names, for counting.
// What is no wallet is passed over: the engine's own rules refuse such a command.
// Invariant: however large a body is, no more wallets than a command may have.

import { isJsonObject } from "../protocol/canonical-json.ts";
import { LEGS_MAX } from "../protocol/limits.ts";
import { parseWallet } from "../protocol/names.ts";
import type { CommandJson } from "./command-desk.ts";

/** The wallets, each with a prefix; at most two for each leg that a command may have. Never throws. */
export function walletsOf({ wallet, from, to, legs }: CommandJson, prefix: string): string[] {
  const wallets: string[] = [];
  const add = (value: unknown): void => {
    const name = parseWallet(value);
    if (name !== undefined) wallets.push(`${prefix}${name}`);
  };
  add(wallet);
  add(from);
  add(to);
  if (!Array.isArray(legs) || legs.length > LEGS_MAX) return wallets;
  for (const leg of legs) {
    if (!isJsonObject(leg)) continue;
    add(leg["from"]);
    add(leg["to"]);
  }
  return wallets;
}
