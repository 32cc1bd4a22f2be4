// Names of the contract as branded strings: once a value carries the brand, its shape is proven.
// Owns the grammar of tenants, owners, purses, wallets and assets. Does not own placement (shard-map)
// nor subjects. A name that does not parse is `undefined`, never a throw.

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** `[a-z0-9-]{1,32}` */
export type TenantName = Branded<"TenantName">;
/** `[A-Za-z0-9_-]{1,64}` */
export type OwnerName = Branded<"OwnerName">;
/** `owner:purse`, where purse is `[a-z0-9_-]{1,32}` */
export type WalletName = Branded<"WalletName">;
/** `CODE/scale`, such as `USD/2`; scale 0..18 */
export type AssetName = Branded<"AssetName">;

const TENANT = /^[a-z0-9-]{1,32}$/;
const OWNER = /^[A-Za-z0-9_-]{1,64}$/;
const WALLET = /^[A-Za-z0-9_-]{1,64}:[a-z0-9_-]{1,32}$/;
const ASSET = /^[A-Z][A-Z0-9]{0,11}\/(?:[0-9]|1[0-8])$/;

/** @returns the tenant's name, or `undefined` when it does not fit the grammar. */
export function parseTenant(value: unknown): TenantName | undefined {
  return typeof value === "string" && TENANT.test(value) ? (value as TenantName) : undefined;
}

/** @returns the owner's name, or `undefined` when it does not fit the grammar. */
export function parseOwner(value: unknown): OwnerName | undefined {
  return typeof value === "string" && OWNER.test(value) ? (value as OwnerName) : undefined;
}

/** @returns the wallet's name, or `undefined` when it does not fit the grammar. */
export function parseWallet(value: unknown): WalletName | undefined {
  return typeof value === "string" && WALLET.test(value) ? (value as WalletName) : undefined;
}

/** @returns the asset's name, or `undefined` when it does not fit the grammar. */
export function parseAsset(value: unknown): AssetName | undefined {
  return typeof value === "string" && ASSET.test(value) ? (value as AssetName) : undefined;
}

/** The owner part of a wallet's name. Never throws. */
export function ownerOf(wallet: WalletName): OwnerName {
  return wallet.slice(0, wallet.indexOf(":")) as OwnerName;
}

/** Whether a wallet is one of an owner's. Never throws; no allocation. */
export function isOwnedBy(wallet: WalletName, owner: OwnerName): boolean {
  return wallet.charCodeAt(owner.length) === 0x3a && wallet.startsWith(owner);
}

/** The purse part of a wallet's name. Never throws. */
export function purseOf(wallet: WalletName): string {
  return wallet.slice(wallet.indexOf(":") + 1);
}
