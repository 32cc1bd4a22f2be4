// What the bucket holds of a campaign, and the ids of its claims.
// Guards against: a record that reads as other terms than were written, garbage that becomes a campaign, an id that
// changes with a new version of the gateway (every claim could be granted once more).
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type Campaign,
  campaignKey,
  decodeCampaign,
  differingTerm,
  encodeCampaign,
  parseCampaignId,
} from "../../gateway/campaigns/campaign.ts";
import { claimId } from "../../gateway/campaigns/claim-id.ts";
import { INT64_MAX } from "../../protocol/money.ts";
import { parseWallet } from "../../protocol/names.ts";
import { owner, tenant } from "./key-site.ts";

const timeMs = fc.integer({ min: 0, max: 4_000_000_000_000 });
const text = fc.option(fc.stringMatching(/^[a-z]{1,20}$/));
const wallet = parseWallet("promo:usd");
assert.ok(wallet !== undefined);

const campaigns: fc.Arbitrary<Campaign> = fc.record({
  tenant: fc.constantFrom(tenant("demo"), tenant("a-b")),
  id: fc.constantFrom("spring", "a.b.c", "-", "X_1"),
  wallet: fc.constant(wallet),
  asset: fc.constant("USD/2"),
  amount: fc.bigInt({ min: 1n, max: INT64_MAX }),
  capPerOwner: fc.integer({ min: 1, max: 1000 }),
  purse: fc.constantFrom("usd", "eur"),
  code: text,
  ref: text,
  fromMs: fc.option(timeMs),
  toMs: fc.option(timeMs),
  createdMs: timeMs,
  closedMs: fc.option(timeMs),
  round: fc.integer({ min: 1, max: 16 }),
});

const stored = (campaign: Campaign): Buffer => Buffer.from(encodeCampaign(campaign));

test("a stored campaign reads as it was written", () => {
  fc.assert(
    fc.property(campaigns, (campaign) => {
      const read = decodeCampaign(campaignKey(campaign.tenant, campaign.id), stored(campaign));
      assert.deepEqual(read, { ...campaign });
      assert.equal(read && differingTerm(read, campaign), null);
    }),
  );
});

test("a record with anything changed is a whole campaign or none, and garbage is none", () => {
  fc.assert(
    fc.property(campaigns, fc.nat(), fc.nat(255), (campaign, at, byte) => {
      const bytes = stored(campaign);
      bytes[at % bytes.length] = byte;
      const key = campaignKey(campaign.tenant, campaign.id);
      const read = decodeCampaign(key, bytes);
      if (read !== null) assert.deepEqual(decodeCampaign(key, stored(read)), read);
    }),
  );
  const [campaign] = fc.sample(campaigns, 1);
  assert.ok(campaign !== undefined);
  for (const key of ["demo", ".spring", "demo.", "demo..", "Demo.spring", ""])
    assert.equal(decodeCampaign(key, stored(campaign)), null, key);
  for (const change of [{ v: 2 }, { amount: 5 }, { capPerOwner: 0 }, { round: 17 }, { wallet: "x" }]) {
    const record: unknown = { ...JSON.parse(encodeCampaign(campaign)), ...change };
    assert.equal(decodeCampaign("demo.spring", Buffer.from(JSON.stringify(record))), null);
  }
});

test("ids of campaigns are names that a bucket and a path can hold", () => {
  for (const id of ["a", "spring-2026", "a.b", "0190c0de-0000-7000-8000-000000000001", "x".repeat(64)])
    assert.equal(parseCampaignId(id), id);
  for (const id of ["", ".", "..", "a.", ".a", "a..b", "a/b", "a b", "ä", "x".repeat(65), 5, null])
    assert.equal(parseCampaignId(id), undefined, String(id));
});

test("a claim's id is derived from tenant, campaign, owner, ordinal and round, and never changes", () => {
  const [any] = fc.sample(campaigns, 1);
  assert.ok(any !== undefined);
  const campaign: Campaign = { ...any, tenant: tenant("demo"), id: "spring" };
  const claim = { campaign, owner: owner("alice"), ordinal: 1 };
  assert.equal(claimId(claim, 1), "82162f2f-acae-83a4-96c1-663d5a311d35");
  const others = [
    claimId(claim, 2),
    claimId({ ...claim, ordinal: 2 }, 1),
    claimId({ ...claim, owner: owner("bob") }, 1),
    claimId({ ...claim, campaign: { ...campaign, id: "spring.1" } }, 1),
    claimId({ ...claim, campaign: { ...campaign, tenant: tenant("acme") } }, 1),
    claimId({ ...claim, ordinal: 11 }, 1),
    claimId(claim, 11),
  ];
  assert.equal(new Set([claimId(claim, 1), ...others]).size, others.length + 1);
});
