// Who calls: the tenant and the rights that a key stands for.
//
// Does not own: how a key is found (key-directory.ts) nor what a route asks for (authorize.ts).
// Invariant: the scopes of a principal are complete: a wider one brings the narrower ones with it.

import type { OwnerName, TenantName } from "../protocol/names.ts";

/** What a key may do, from the narrowest to the widest; each includes those before it. */
export const SCOPES = ["read", "write", "admin"] as const;

/** See {@link SCOPES}: reads · moving money and opening wallets · freezing, closing, limits. */
export type Scope = (typeof SCOPES)[number];

/** Who calls. `owners` null = every owner of the tenant, else only these (a foreign one looks like a missing one). */
export interface Principal {
  readonly keyId: string;
  readonly tenant: TenantName;
  readonly scopes: ReadonlySet<Scope>;
  readonly owners: ReadonlySet<OwnerName> | null;
}

/** Whether a value is the name of a scope. Never throws. */
export function isScope(value: unknown): value is Scope {
  return SCOPES.some((scope) => scope === value);
}

/** The given scopes and all that they include. Never throws. */
export function withIncluded(scopes: readonly Scope[]): ReadonlySet<Scope> {
  const widest = Math.max(-1, ...scopes.map((scope) => SCOPES.indexOf(scope)));
  return new Set(SCOPES.slice(0, widest + 1));
}
