// Names of the demonstration's wallets: one wallet an owner, so that they spread over the shards.
// Does not own any wallet of anybody else; the prefix keeps them apart.

import { assert } from "../../protocol/assert.ts";
import type { OwnerName, WalletName } from "../../protocol/names.ts";
import { ownerOf, parseWallet } from "../../protocol/names.ts";

/** `demo-<name>:usd`. */
export function demoWallet(name: string): WalletName {
  const wallet = parseWallet(`demo-${name}:usd`);
  assert(wallet !== undefined, "a demo wallet's name is valid");
  return wallet;
}

/** The owner of a demo wallet. */
export function demoOwner(wallet: string): OwnerName {
  const name = parseWallet(wallet);
  assert(name !== undefined, "a demo wallet's name is valid");
  return ownerOf(name);
}
