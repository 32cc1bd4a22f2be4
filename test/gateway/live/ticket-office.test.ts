// Tickets by the clock, and by what a key may do.
// Guards against: a ticket that opens more than its key did, or for longer.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TICKET_MS, TicketOffice } from "../../../gateway/live/ticket-office.ts";
import type { Principal } from "../../../gateway/principal.ts";
import { TestKeys } from "../gateway-site.ts";
import { owner, tenant } from "../key-site.ts";

const clock = { nowMs: Date.UTC(2026, 10, 23), wallMs: (): number => clock.nowMs };
const admin: Principal = {
  ...{ keyId: "boss", tenant: tenant("demo") },
  ...{ scopes: new Set(["read", "write", "admin"] as const), owners: null },
};

function office(secret: string, keys = new TestKeys().add("boss", "admin")): TicketOffice {
  return new TicketOffice(Buffer.from(secret.padEnd(32, "0")), keys, clock);
}

test("a ticket gives reading, its owners and its tenant, and on every gateway the same", () => {
  const { ticket, endMs } = office("one").issue(admin, [owner("ann")]);
  assert.equal(endMs, clock.nowMs + TICKET_MS);
  const expected = { keyId: "boss", tenant: "demo", scopes: new Set(["read"]), owners: new Set(["ann"]) };
  assert.deepEqual(office("one").principalOf(ticket), expected);
  assert.equal(office("one").principalOf(office("one").issue(admin, null).ticket)?.owners, null);
});

test("a ticket ends after its time, with its key, and is nothing under another secret", () => {
  const keys = new TestKeys().add("boss", "admin");
  const { ticket, endMs } = office("one", keys).issue(admin, null);
  assert.equal(office("two", keys).principalOf(ticket), null);
  const before = clock.nowMs;
  clock.nowMs = endMs - 1;
  assert.notEqual(office("one", keys).principalOf(ticket), null);
  clock.nowMs = endMs;
  assert.equal(office("one", keys).principalOf(ticket), null);
  clock.nowMs = before;
  keys.remove("boss");
  assert.equal(office("one", keys).principalOf(ticket), null);
});

test("any other text is nothing", () => {
  const genuine = office("one").issue(admin, [owner("ann"), owner("ben")]).ticket;
  fc.assert(
    fc.property(fc.nat(genuine.length - 1), fc.string({ maxLength: 3 }), fc.nat(2), (at, put, cut) => {
      const altered = genuine.slice(0, at) + put + genuine.slice(at + cut);
      const same = Buffer.from(altered.split(".")[2] ?? "", "base64url").equals(
        Buffer.from(genuine.split(".")[2] ?? "", "base64url"),
      );
      const isSame = same && altered.split(".", 2).join() === genuine.split(".", 2).join();
      if (!isSame) assert.equal(office("one").principalOf(altered), null);
    }),
  );
  fc.assert(fc.property(fc.string(), (text) => assert.equal(office("one").principalOf(text), null)));
});
