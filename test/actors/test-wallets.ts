// Wallets for tests of pure decisions, from short texts. Tokens, in any order:
//   100 posted · h10 held · i5 incoming · min-50 · min* · max500 · EUR/2 · frozen · closed · v7 version
// `-` is a wallet that was never opened.

import assert from "node:assert/strict";
import type { Wallet } from "../../actors/wallet.ts";
import {
  parseAsset,
  parseTenant,
  parseWallet,
  type TenantName,
  type WalletName,
} from "../../protocol/names.ts";

/** A tenant's name that is known to be valid. */
export function tenantName(text: string): TenantName {
  const name = parseTenant(text);
  assert.ok(name, text);
  return name;
}

/** A wallet's name that is known to be valid. */
export function walletName(text: string): WalletName {
  const name = parseWallet(text);
  assert.ok(name, text);
  return name;
}

/** The tenant of all test wallets. */
export const TENANT: TenantName = tenantName("demo");

/** A wallet from its text, or `undefined` for `-`. */
export function walletOf(name: string, text: string): Wallet | undefined {
  if (text.trim() === "-") return undefined;
  const asset = parseAsset("USD/2");
  assert.ok(asset);
  const wallet: Wallet = {
    number: 1,
    owner: 1,
    tenant: TENANT,
    name: walletName(name),
    asset,
    openedMin: 0n,
    openedMax: "unlimited",
    meta: null,
    posted: 0n,
    held: 0n,
    incoming: 0n,
    min: 0n,
    max: "unlimited",
    status: "open",
    version: 1,
    lastStep: 1,
    dirty: false,
    warm: false,
  };
  return text.split(/\s+/).filter(Boolean).reduce(withToken, wallet);
}

function withToken(wallet: Wallet, token: string): Wallet {
  const asset = parseAsset(token);
  if (asset) return { ...wallet, asset };
  if (token === "open" || token === "frozen" || token === "closed") return { ...wallet, status: token };
  if (token.startsWith("min"))
    return { ...wallet, min: token === "min*" ? "unlimited" : BigInt(token.slice(3)) };
  if (token.startsWith("max"))
    return { ...wallet, max: token === "max*" ? "unlimited" : BigInt(token.slice(3)) };
  if (token.startsWith("h")) return { ...wallet, held: BigInt(token.slice(1)) };
  if (token.startsWith("i")) return { ...wallet, incoming: BigInt(token.slice(1)) };
  if (token.startsWith("v")) return { ...wallet, version: Number(token.slice(1)) };
  return { ...wallet, posted: BigInt(token) };
}

/** The rows of a column table: cells between `|`, trimmed; empty lines and lines that start with `#` are left out. */
export function rowsOf(table: string): string[][] {
  return table
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split("|").map((cell) => cell.trim()));
}
