// The gateway's routes and the table of permissions are the same, and what the table says of each kind of caller is what
// HTTP answers. The judgement alone is tested beside the table; here it is that every route asks for it.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { ROUTES } from "../../gateway/route-table.ts";
import { type GatewaySite, startGatewaySite } from "./gateway-site.ts";
import { differences, FATES, type Role, TABLE } from "./permission-table.ts";

let site: GatewaySite;
before(async () => {
  site = await startGatewaySite();
  site.keys.add("other", "admin", { owners: ["bob"] });
});
after(() => site.stop());

/** Callers, by the key that they send. */
const CALLERS: readonly (readonly [Role, string | null])[] = [
  ["no key", null],
  ["unknown key", "nobody"],
  ["read key", "read"],
  ["write key", "write"],
  ["admin key", "admin"],
  ["key of other owners", "other"],
];

/** A body that fits every route with one: fields that a route does not know come after who may call. */
function bodyOf(name: string): Record<string, unknown> {
  const id = randomUUID();
  const transfer = { id, from: "alice:usd", to: "bob:usd", amount: "1" };
  if (name === "POST /v1/wallets") return { id, wallet: "alice:usd", asset: "USD/2" };
  if (name === "POST /v1/transfers") return transfer;
  if (name === "POST /v1/campaigns") return { id, wallet: "alice:usd", amount: "1", capPerOwner: 1 };
  if (name.endsWith("/claims")) return { owner: "alice" };
  if (name.endsWith("/rounds")) return { round: 2 };
  if (name === "POST /v1/batches") return { commands: [{ op: "transfer", ...transfer }] };
  if (name === "POST /v1/tickets") return { owners: ["alice"] };
  if (name.startsWith("PATCH")) return { id, max: "100" };
  return /freeze|close/.test(name) ? { id, reason: "a test" } : { id };
}

test("the gateway has the routes of the table, each with its access", () => {
  assert.deepEqual(differences(ROUTES), []);
});

test("every route answers every caller as the table says", async () => {
  for (const [name, { access, namesOwner }] of Object.entries(TABLE)) {
    const [method = "", path = ""] = name.split(" ");
    const filled = path
      .replace("{wallet}", "alice:usd")
      .replace("{owner}", "alice")
      .replace("{id}", randomUUID())
      .replace("{ordinal}", "1");
    const url = /\/(transfers|claims)\/|\/events/.test(filled) ? `${filled}?owner=alice` : filled;
    for (const [role, key] of CALLERS) {
      const body = method === "GET" ? {} : { body: bodyOf(name) };
      const { status, text } = await site.call(method, url, { key, ...body });
      const fate = FATES[role][access];
      const told = `${role} at ${name}: ${status} ${text}`;
      if (fate === "goes on") assert.ok(status !== 401 && status !== 403 && status < 500, told);
      else if (fate === 404 && name === "POST /v1/batches") assert.match(text, /wallet_not_found/, told);
      else if (fate !== 404 || namesOwner) assert.equal(status, fate, told);
    }
  }
});
