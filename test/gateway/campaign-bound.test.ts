// The bound of campaigns: how many an installation holds, who counts, and what the next one is answered.
// Guards against: a bucket that grows without end, a bound that shows as a fault of the gateway, one that takes away what
// was made before.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { Kvm } from "@nats-io/kv";
import type { Campaign } from "../../gateway/campaigns/campaign.ts";
import { CAMPAIGN_BUCKET, CAMPAIGNS_MAX } from "../../gateway/campaigns/campaign-bucket.ts";
import { CampaignStore } from "../../gateway/campaigns/campaign-store.ts";
import { Problem } from "../../gateway/problem.ts";
import { parseWallet } from "../../protocol/names.ts";
import { until } from "../support/condition.ts";
import { startTestNats } from "../support/nats.ts";
import { type Answer, type GatewaySite, startGatewaySite } from "./gateway-site.ts";
import { tenant } from "./key-site.ts";

let site: GatewaySite;
before(async () => {
  site = await startGatewaySite();
});
after(() => site.stop());

const wallet = parseWallet("promo:usd");
assert.ok(wallet !== undefined);
const terms = { wallet, asset: "USD/2", amount: 100n, capPerOwner: 1, purse: "usd", code: null, ref: null };
const times = { fromMs: null, toMs: null, createdMs: 1, closedMs: null, round: 1 };
const campaign = (id: string, of = "demo"): Campaign => ({ ...terms, ...times, id, tenant: tenant(of) });

function isBound(thrown: unknown): boolean {
  assert.ok(thrown instanceof Problem, String(thrown));
  assert.deepEqual(
    [thrown.code, thrown.status, thrown.final, thrown.detail],
    ["too_many_campaigns", 422, false, "3"],
  );
  return true;
}

test("all tenants' campaigns count, closed ones too, at every gateway; the same one again is no new one", async (t) => {
  const nats = await startTestNats({ shards: 1 });
  const stores: CampaignStore[] = [];
  t.after(async () => {
    for (const store of stores) store.close();
    await nats.stop();
  });
  const { nc } = await nats.connect();
  const options = { replicas: 1, campaignsMax: 3 };
  const store = await CampaignStore.open(nc, options);
  const other = await CampaignStore.open(nc, options);
  stores.push(store, other);
  for (const made of [campaign("a"), campaign("b"), campaign("a", "acme")])
    assert.equal((await store.make(made)).isNew, true);
  await store.change(tenant("demo"), "a", (found) => ({ ...found, closedMs: 2 }));
  for (const each of stores) {
    await assert.rejects(each.make(campaign("c")), isBound);
    assert.equal((await each.make(campaign("b"))).isNew, false);
    assert.equal((await each.find(tenant("acme"), "a")).amount, 100n);
  }
  await assert.rejects(other.find(tenant("demo"), "c"), { code: "campaign_not_found" });
});

test("at 10,000 a caller gets 422 too_many_campaigns, and the campaigns that are there go on", async () => {
  const make = (id: string): Promise<Answer> =>
    site.call("POST", "/v1/campaigns", { body: { id, wallet: "promo:usd", amount: "1", capPerOwner: 1 } });
  for (const name of ["promo:usd", "ann:usd"]) {
    const body = { id: randomUUID(), wallet: name, asset: "USD/2", min: "-1" };
    assert.equal((await site.call("POST", "/v1/wallets", { body })).status, 201);
  }
  await fillBucket(CAMPAIGNS_MAX - 1);
  assert.equal((await make("last")).status, 201);
  const { status, json, headers, text } = await make("beyond");
  const { code, final, detail } = json;
  assert.deepEqual([status, code, final, detail], [422, "too_many_campaigns", false, "10000"], text);
  assert.equal(headers.get("content-type"), "application/problem+json");
  assert.equal((await make("last")).status, 200);
  assert.equal((await site.call("GET", "/v1/campaigns/beyond")).status, 404);
  const claim = await site.call("POST", "/v1/campaigns/last/claims", { body: { owner: "ann" } });
  assert.equal(claim.status, 201, claim.text);
  assert.deepEqual(site.problems, []);
});

/** Puts so many records into the bucket that are no campaigns: what counts is that they are there. */
async function fillBucket(records: number): Promise<void> {
  const { nc } = await site.nats.connect();
  for (let index = 0; index < records; index += 1) nc.publish(`$KV.${CAMPAIGN_BUCKET}.demo.c${index}`, "-");
  const bucket = await new Kvm(nc).open(CAMPAIGN_BUCKET);
  await until("all records are stored", async () => (await bucket.status()).values === records);
}
