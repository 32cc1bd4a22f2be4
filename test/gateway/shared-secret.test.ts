// The secret that gateways share, in a real bucket.
// Guards against: two gateways that sign with different secrets because they started at once.
import assert from "node:assert/strict";
import { randomFillSync } from "node:crypto";
import { test } from "node:test";
import { Kvm } from "@nats-io/kv";
import { openSharedSecret, SECRET_BUCKET } from "../../gateway/shared-secret.ts";
import { startTestNats } from "../support/nats.ts";

test("gateways that begin at once share one secret for each purpose, and keep it", async (t) => {
  const nats = await startTestNats({ shards: 1 });
  t.after(() => nats.stop());
  const fillRandom = (bytes: Uint8Array): void => void randomFillSync(bytes);
  const open = async (name: string): Promise<string> => {
    const { nc } = await nats.connect();
    return (await openSharedSecret(nc, { name, replicas: 1, fillRandom })).toString("hex");
  };
  const found = await Promise.all(Array.from({ length: 8 }, () => open("tickets")));
  assert.equal(new Set(found).size, 1);
  assert.match(found[0] ?? "", /^[0-9a-f]{64}$/);
  assert.notEqual(found[0], "0".repeat(64));
  assert.notEqual(await open("other"), found[0]);
  await nats.restart("kill");
  assert.equal(await open("tickets"), found[0]);
  const bucket = await new Kvm((await nats.connect()).nc).open(SECRET_BUCKET);
  await bucket.put("tickets", "short");
  await assert.rejects(open("tickets"), /another length/);
  await bucket.delete("tickets");
  assert.notEqual(await open("tickets"), found[0]);
});
