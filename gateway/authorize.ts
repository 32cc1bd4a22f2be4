// The one decision about who may call which route, and whose wallets they may touch. Every route asks here.
//
// Does not own: which access a route asks for (route-table.ts), nor the words of a refusal (problem.ts).
// Invariant: a wallet of a foreign owner and a missing one are answered alike, so `mayTouch` is no reason for a 403.

import type { OwnerName } from "../protocol/names.ts";
import type { Principal, Scope } from "./principal.ts";

/** What a route asks for. */
export type Access = Scope | "public";

/** Whether a call may go on; if not, with which status and code it ends. */
export type Authorization =
  | { readonly ok: true }
  | { readonly ok: false; readonly status: 401; readonly code: "unauthorized" }
  | { readonly ok: false; readonly status: 403; readonly code: "forbidden" };

const ALLOWED: Authorization = { ok: true };
const UNAUTHORIZED: Authorization = { ok: false, status: 401, code: "unauthorized" };
const FORBIDDEN: Authorization = { ok: false, status: 403, code: "forbidden" };

/** Judges a call. `principal` is null for no key and for one that does not count. Never throws; allocates nothing. */
export function authorize(principal: Principal | null, access: Access): Authorization {
  if (access === "public") return ALLOWED;
  if (principal === null) return UNAUTHORIZED;
  return principal.scopes.has(access) ? ALLOWED : FORBIDDEN;
}

/** Whether a principal may see and change an owner's wallets. Never throws. */
export function mayTouch(principal: Principal, owner: OwnerName): boolean {
  return principal.owners === null || principal.owners.has(owner);
}
