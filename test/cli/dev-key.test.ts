// Which key a dev goes on with: the one in its directory as long as it counts, else a new one.
// Guards against: a file that others can read, a key that was revoked and comes back.

import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { devKey } from "../../cli/dev/dev-key.ts";
import { startKeySite, tenant } from "../gateway/key-site.ts";
import { discard, temporaryDirectory } from "./program-call.ts";

test("a dev keeps the key in its directory while it counts for its tenant, else it makes another", async (t) => {
  const { admin, key } = await startKeySite(t);
  const directory = await temporaryDirectory();
  t.after(() => discard(directory));
  const file = join(directory, "gateway-key");
  const next = (): Promise<string> => devKey(admin, directory, tenant("demo"));
  const first = await next();
  assert.equal(await next(), first);
  const limited = await key();
  const useless: readonly (readonly [string, () => Promise<unknown>])[] = [
    ["a revoked one", async () => await admin.revoke(readFileSync(file, "utf8").split(".")[1] ?? "", 0)],
    [
      "one that ends soon",
      async () => await admin.revoke(readFileSync(file, "utf8").split(".")[1] ?? "", 1_000),
    ],
    ["nothing", async () => writeFileSync(file, "")],
    ["garbage", async () => writeFileSync(file, "garbage")],
    ["an unknown one", async () => writeFileSync(file, `coffer.aaaaaaaaaaaa.${"A".repeat(43)}\n`)],
    ["a wrong secret", async () => writeFileSync(file, `${limited.key.slice(0, -43)}${"A".repeat(43)}\n`)],
    ["another tenant's", async () => writeFileSync(file, (await key({ tenant: tenant("acme") })).key)],
  ];
  for (const [what, spoil] of useless) {
    const before = readFileSync(file, "utf8").trim();
    await spoil();
    const fresh = await next();
    assert.ok(fresh !== before && (await admin.counts(fresh, tenant("demo"))), what);
    assert.equal(readFileSync(file, "utf8"), `${fresh}\n`, what);
    assert.equal(statSync(file).mode & 0o777, 0o600, what);
  }
});
