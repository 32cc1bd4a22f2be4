// A real nats-server with a bucket of keys for tests, a clock that a test sets, and keys that are made in one line.
// Everything that it opens ends with the test.

import { randomFillSync } from "node:crypto";
import type { TestContext } from "node:test";
import type { CreatedKey, KeyWish } from "../../gateway/key-admin.ts";
import { KeyAdmin } from "../../gateway/key-admin.ts";
import { KeyStore } from "../../gateway/key-store.ts";
import type { OwnerName, TenantName } from "../../protocol/names.ts";
import { parseOwner, parseTenant } from "../../protocol/names.ts";
import type { TestNats } from "../support/nats.ts";
import { startTestNats } from "../support/nats.ts";

/** A tenant's name. */
export function tenant(text: string): TenantName {
  const name = parseTenant(text);
  if (name === undefined) throw new Error(`${text} is no tenant`);
  return name;
}

/** An owner's name. */
export function owner(text: string): OwnerName {
  const name = parseOwner(text);
  if (name === undefined) throw new Error(`${text} is no owner`);
  return name;
}

/** See the file header. */
export interface KeySite {
  readonly nats: TestNats;
  readonly admin: KeyAdmin;
  readonly store: KeyStore;
  /** Ms since 1970, for admin and store alike; a test moves it. */
  readonly clock: { nowMs: number; wallMs(): number };
  /** Makes a key of tenant demo that may do everything, unless the wish says otherwise. */
  key(wish?: Partial<KeyWish>): Promise<CreatedKey>;
}

/** Starts it. */
export async function startKeySite(t: TestContext): Promise<KeySite> {
  const nats = await startTestNats({ shards: 1 });
  t.after(() => nats.stop());
  const clock = {
    nowMs: Date.UTC(2026, 10, 23),
    wallMs(): number {
      return this.nowMs;
    },
    fillRandom: (bytes: Uint8Array): void => {
      randomFillSync(bytes);
    },
  };
  const admin = await KeyAdmin.open((await nats.connect("admin")).nc, clock, 1);
  const store = await KeyStore.open((await nats.connect("gateway")).nc, clock, 1);
  t.after(() => store.close());
  const usual: KeyWish = {
    ...{ tenant: tenant("demo"), scopes: ["admin"], owners: null, lifetimeMs: null, name: null },
  };
  return { nats, admin, store, clock, key: (wish = {}) => admin.create({ ...usual, ...wish }) };
}
