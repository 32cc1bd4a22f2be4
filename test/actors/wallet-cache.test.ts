// The wallet cache: one actor a wallet, what stays and what goes, and that dirty wallets never go. Guards against
// a second copy of a wallet, which would lose one of two changes.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Wallet } from "../../actors/wallet.ts";
import { WalletCache } from "../../actors/wallet-cache.ts";
import { TENANT, tenantName, walletName, walletOf } from "./test-wallets.ts";

function walletNumber(index: number): Wallet {
  const wallet = walletOf(`o${index}:usd`, "0");
  assert.ok(wallet);
  return wallet;
}

function filled(walletsMax: number, count: number): { cache: WalletCache; wallets: Wallet[] } {
  const cache = new WalletCache(walletsMax);
  const wallets = Array.from({ length: count }, (_, index) => walletNumber(index));
  for (const wallet of wallets) cache.put(wallet);
  return { cache, wallets };
}

test("a wallet that was put is the same actor when it is got", () => {
  const { cache, wallets } = filled(10, 3);
  for (const wallet of wallets) assert.equal(cache.get(TENANT, wallet.name), wallet);
  assert.equal(cache.get(TENANT, walletName("nobody:usd")), undefined);
  assert.equal(cache.get(tenantName("other"), walletName("o1:usd")), undefined);
});

test("putting never puts another wallet away, trimming brings the cache down to its bound", () => {
  const { cache } = filled(10, 25);
  assert.equal(cache.size, 25);
  assert.equal(cache.trim(), 15);
  assert.equal(cache.size, 10);
  assert.equal(cache.trim(), 0);
});

test("what is used between trims outlives what is not", () => {
  const { cache, wallets } = filled(10, 10);
  const hot = wallets.slice(0, 5);
  for (let round = 0; round < 20; round += 1) {
    for (let fresh = 0; fresh < 5; fresh += 1) cache.put(walletNumber(1000 + round * 5 + fresh));
    for (const wallet of hot) cache.get(TENANT, wallet.name);
    cache.trim();
    assert.equal(cache.size, 10);
    for (const wallet of hot) assert.ok(cache.peek(TENANT, wallet.name), `round ${round}`);
  }
});

test("a dirty wallet stays, even when all are dirty and too many", () => {
  const { cache, wallets } = filled(2, 6);
  for (const wallet of wallets) wallet.dirty = true;
  assert.equal(cache.trim(), 0);
  assert.equal(cache.size, 6);
  for (const wallet of wallets.slice(0, 4)) wallet.dirty = false;
  assert.equal(cache.trim(), 4);
  for (const wallet of wallets.slice(4)) assert.ok(cache.peek(TENANT, wallet.name));
});

test("a second actor of one wallet is a bug", () => {
  const { cache } = filled(10, 1);
  assert.throws(() => cache.put(walletNumber(0)), /one actor/);
});

test("clearing forgets everything, dirty wallets too", () => {
  const { cache, wallets } = filled(10, 3);
  for (const wallet of wallets) wallet.dirty = true;
  cache.clear();
  assert.equal(cache.size, 0);
  assert.equal(cache.get(TENANT, walletName("o1:usd")), undefined);
});
