// Who may call which route: every route of the gateway with the access that it asks for, and every kind of caller with
// what becomes of his call. The tests read both; a route that is not here fails them.
//
// Owns: the table, written by hand from the contract, so that a route whose access was changed by mistake differs.

import type { Access } from "../../gateway/authorize.ts";

/** What becomes of a call: it goes on, or it ends with this status; 404 = the owner looks like a missing one. */
export type Fate = "goes on" | 401 | 403 | 404;

/** A route of the table. */
export interface TableRoute {
  readonly access: Access;
  /** Whether the call names an owner, by path, query or body. */
  readonly namesOwner: boolean;
}

const read: TableRoute = { access: "read", namesOwner: true };
const write: TableRoute = { access: "write", namesOwner: true };
const admin: TableRoute = { access: "admin", namesOwner: true };
const open: TableRoute = { access: "public", namesOwner: false };

/** Every route, as `METHOD /path/{parameter}`. The page of documentation under /docs is public and no route of the table. */
export const TABLE: Readonly<Record<string, TableRoute>> = {
  "POST /v1/wallets": write,
  "PATCH /v1/wallets/{wallet}": admin,
  "POST /v1/wallets/{wallet}/freeze": admin,
  "POST /v1/wallets/{wallet}/unfreeze": admin,
  "POST /v1/wallets/{wallet}/close": admin,
  "GET /v1/owners/{owner}": read,
  "GET /v1/wallets/{wallet}": read,
  "GET /v1/owners/{owner}/holds": read,
  "GET /v1/wallets/{wallet}/entries": read,
  "POST /v1/transfers": write,
  "POST /v1/transfers/{id}/capture": write,
  "POST /v1/transfers/{id}/release": write,
  "POST /v1/transfers/{id}/reverse": write,
  "GET /v1/transfers/{id}": read,
  "POST /v1/batches": write,
  "POST /v1/campaigns": admin,
  "GET /v1/campaigns/{id}": read,
  "POST /v1/campaigns/{id}/close": admin,
  "POST /v1/campaigns/{id}/rounds": admin,
  "POST /v1/campaigns/{id}/claims": write,
  "GET /v1/campaigns/{id}/claims/{ordinal}": read,
  "GET /v1/events": read,
  "POST /v1/tickets": read,
  "GET /v1/guarantees": open,
  "GET /livez": open,
  "GET /readyz": open,
  "GET /metrics": open,
  "GET /version": open,
  "GET /openapi.json": open,
};

/** Every kind of caller. */
export const ROLES = [
  "no key",
  "unknown key",
  "wrong secret",
  "malformed key",
  "expired key",
  "revoked key",
  "read key",
  "write key",
  "admin key",
  "key of another tenant",
  "key of the owner",
  "key of other owners",
] as const;

/** One kind of caller. The last three have every scope. */
export type Role = (typeof ROLES)[number];

type Row = Readonly<Record<"public" | "read" | "write" | "admin", Fate>>;

const nobody: Row = { public: "goes on", read: 401, write: 401, admin: 401 };
const everybody: Row = { public: "goes on", read: "goes on", write: "goes on", admin: "goes on" };

/** What becomes of each caller's call, by the access that the route asks for. */
export const FATES: Readonly<Record<Role, Row>> = {
  "no key": nobody,
  "unknown key": nobody,
  "wrong secret": nobody,
  "malformed key": nobody,
  "expired key": nobody,
  "revoked key": nobody,
  "read key": { public: "goes on", read: "goes on", write: 403, admin: 403 },
  "write key": { public: "goes on", read: "goes on", write: "goes on", admin: 403 },
  "admin key": everybody,
  // Another tenant has owners and wallets of its own, of the same names.
  "key of another tenant": everybody,
  "key of the owner": everybody,
  "key of other owners": { public: "goes on", read: 404, write: 404, admin: 404 },
};

/** A route as the table names it, whichever way its parameters are written. */
export function routeName(route: { readonly method: string; readonly path: string }): string {
  return `${route.method} ${route.path.replace(/:([A-Za-z]+)/g, "{$1}")}`;
}

/** What differs between the routes of a gateway and the table: a route without an entry, or with another access. */
export function differences(
  routes: readonly { readonly method: string; readonly path: string; readonly access: Access }[],
): string[] {
  const found = routes.flatMap((route) => {
    const name = routeName(route);
    const expected = Object.hasOwn(TABLE, name) ? TABLE[name] : undefined;
    if (expected === undefined) return [`${name} has no entry in the table of permissions`];
    if (expected.access === route.access) return [];
    return [`${name} asks for ${route.access}, the table says ${expected.access}`];
  });
  const names = new Set(routes.map(routeName));
  const missing = Object.keys(TABLE).filter((name) => !names.has(name));
  return [...found, ...missing.map((name) => `${name} is in the table, but the gateway has no such route`)];
}
