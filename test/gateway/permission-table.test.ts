// Every kind of caller against every route of the table, with keys that a real bucket holds.
// Guards against: a route that nobody decided about, a scope that reaches too far, a foreign owner that can be told from
// a missing one.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Access } from "../../gateway/authorize.ts";
import { authorize, mayTouch } from "../../gateway/authorize.ts";
import type { Principal } from "../../gateway/principal.ts";
import { until } from "../support/condition.ts";
import type { KeySite } from "./key-site.ts";
import { owner, startKeySite, tenant } from "./key-site.ts";
import type { Fate, Role, TableRoute } from "./permission-table.ts";
import { differences, FATES, ROLES, TABLE } from "./permission-table.ts";

/** The owner that the calls of the table name. */
const ALICE = owner("alice");

/** What each kind of caller sends; null = no Authorization at all. */
async function bearers({ admin, store, clock, key }: KeySite): Promise<Record<Role, string | null>> {
  const made = {
    expired: await key({ lifetimeMs: 1_000 }),
    revoked: await key(),
    read: await key({ scopes: ["read"] }),
    write: await key({ scopes: ["write"] }),
    admin: await key({ scopes: ["admin"] }),
    foreign: await key({ tenant: tenant("acme") }),
    own: await key({ owners: [ALICE, owner("bob")] }),
    others: await key({ owners: [owner("bob"), owner("Alice"), owner("alice2")] }),
  };
  await until("all arrive", () => store.size === Object.keys(made).length);
  await admin.revoke(made.revoked.id, 0);
  await until("the revocation arrives", () => store.principalOf(made.revoked.key) === null);
  clock.nowMs += 1_000;
  return {
    "no key": null,
    "unknown key": `coffer.aaaaaaaaaaaa.${made.admin.key.slice(-43)}`,
    "wrong secret": `coffer.${made.admin.id}.${made.read.key.slice(-43)}`,
    "malformed key": made.admin.key.slice(0, -1),
    "expired key": made.expired.key,
    "revoked key": made.revoked.key,
    "read key": made.read.key,
    "write key": made.write.key,
    "admin key": made.admin.key,
    "key of another tenant": made.foreign.key,
    "key of the owner": made.own.key,
    "key of other owners": made.others.key,
  };
}

/** What becomes of a call that names alice's wallets, or none. */
function fateOf(principal: Principal | null, route: TableRoute): Fate {
  const verdict = authorize(principal, route.access);
  if (!verdict.ok) return verdict.status;
  const isMissing = route.namesOwner && principal !== null && !mayTouch(principal, ALICE);
  return isMissing ? 404 : "goes on";
}

test("every kind of caller meets its fate at every route", async (t) => {
  const site = await startKeySite(t);
  const sent = await bearers(site);
  for (const role of ROLES) {
    const bearer = sent[role];
    const principal = bearer === null ? null : site.store.principalOf(bearer);
    for (const [name, route] of Object.entries(TABLE)) {
      assert.equal(fateOf(principal, route), FATES[role][route.access], `${role} at ${name}`);
    }
  }
  assert.equal(site.store.principalOf(sent["key of another tenant"] ?? "")?.tenant, "acme");
});

test("a refusal says 401 unauthorized without a key that counts, and 403 forbidden without the scope", () => {
  const reader: Principal = {
    ...{ keyId: "aaaaaaaaaaaa", tenant: tenant("demo") },
    ...{ scopes: new Set(["read"] as const), owners: null },
  };
  assert.deepEqual(authorize(null, "read"), { ok: false, status: 401, code: "unauthorized" });
  assert.deepEqual(authorize(reader, "admin"), { ok: false, status: 403, code: "forbidden" });
  assert.deepEqual(authorize(reader, "read"), { ok: true });
});

test("the table itself: a route without an entry, with another access, or that is not there is told", () => {
  const whole = Object.entries(TABLE).map(([name, { access }]) => {
    const [method = "", path = ""] = name.split(" ");
    return { method, path: path.replace(/\{(\w+)\}/g, ":$1"), access };
  });
  assert.deepEqual(differences(whole), []);
  const forgotten: Access = "public";
  assert.deepEqual(differences([...whole, { method: "GET", path: "/v1/secrets", access: forgotten }]), [
    "GET /v1/secrets has no entry in the table of permissions",
  ]);
  const loosened = whole.map((route) =>
    route.method === "PATCH" ? { ...route, access: "write" as const } : route,
  );
  assert.deepEqual(differences(loosened), [
    "PATCH /v1/wallets/{wallet} asks for write, the table says admin",
  ]);
  assert.deepEqual(differences(whole.slice(1)), [
    "POST /v1/wallets is in the table, but the gateway has no such route",
  ]);
});
