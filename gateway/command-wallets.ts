// Which wallets a command names, for counting.
// What is no wallet may be among them: the engine's own rules refuse such a command, and then it counts no more.
// Invariant: however large a body is, no more and no longer names than a command may have.

import { isJsonObject } from "../protocol/canonical-json.ts";
import { LEGS_MAX } from "../protocol/limits.ts";
import type { CommandJson } from "./command-desk.ts";

/** Owner, colon and purse; what is longer is no wallet. */
const WALLET_CHARS_MAX = 97;

/** The wallets, each with a prefix; at most two for each leg that a command may have. Never throws. */
export function walletsOf({ wallet, from, to, legs }: CommandJson, prefix: string): string[] {
  const wallets: string[] = [];
  const add = (value: unknown): void => {
    if (typeof value === "string" && value.length <= WALLET_CHARS_MAX) wallets.push(prefix + value);
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
