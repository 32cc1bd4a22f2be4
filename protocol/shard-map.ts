// Placement of owners on shards. The hash is the server's own for `{{partition(N,1,2)}}`: FNV-1a 32 over
// the two tokens joined without a separator, mod N, so that any NATS client reaches the right shard
// without knowing it. Source of the algorithm: Fowler, Noll, Vo, "FNV Hash" (1991), 32-bit variant 1a.

import type { OwnerName, TenantName, WalletName } from "./names.ts";

const OFFSET_BASIS = 0x811c9dc5;
const PRIME = 0x01000193;

/** The shard 0..shards-1 that holds all wallets of one owner. Never throws; about 0.03 µs. */
export function shardOf(tenant: TenantName, owner: OwnerName, shards: number): number {
  return hashText(owner, hashText(tenant)) % shards;
}

/** {@link shardOf} the owner of a wallet, whose name is not cut out for it. Never throws. */
export function shardOfWallet(tenant: TenantName, wallet: WalletName, shards: number): number {
  return hashText(wallet, hashText(tenant), wallet.indexOf(":")) % shards;
}

/** The hash of a tenant alone: where the hash of each of its owners begins. Never throws. */
export function tenantHash(tenant: TenantName): number {
  return hashText(tenant);
}

/** The hash of ASCII bytes that the caller has checked to be there, behind what `basis` is the hash of. Never throws. */
export function hashBytes(bytes: Uint8Array, start: number, end: number, basis = OFFSET_BASIS): number {
  let hash = basis;
  for (let index = start; index < end; index += 1) hash = Math.imul(hash ^ (bytes[index] ?? 0), PRIME);
  return hash >>> 0;
}

/** The hash of ASCII text up to `end`, the same as of its bytes. Never throws. */
export function hashText(text: string, basis = OFFSET_BASIS, end = text.length): number {
  let hash = basis;
  for (let index = 0; index < end; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), PRIME);
  }
  return hash >>> 0;
}
