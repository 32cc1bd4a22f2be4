// What campaigns promise, under whatever happens to gateways and their caches: every claim asked for many times at once
// through several gateways, one of them killed, with a cache that counts, forgets or lies.
//
// Proven after each: nobody has more grants than the cap, a claim has one grant or none, the grants are what the wallet
// gave, and all of what it could give is granted. Guards against: ids that do not say which claim it is.

import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { after, before, mock, test } from "node:test";
import { connect } from "../../client/mod.ts";
import { BuiltInCache } from "../../gateway/cache/built-in-cache.ts";
import type { Claim, ClaimAnswer } from "../../gateway/cache/gateway-cache.ts";
import { BudgetCount } from "../../gateway/campaigns/budget-count.ts";
import { claimId } from "../../gateway/campaigns/claim-id.ts";
import type { Gateway } from "../../gateway/gateway.ts";
import { KeyAdmin } from "../../gateway/key-admin.ts";
import { parseOwner, parseWallet } from "../../protocol/names.ts";
import { until } from "../support/condition.ts";
import {
  type Answer,
  callHttp,
  type GatewaySite,
  startGatewaySite,
  startTestGateway,
  testClock,
} from "./gateway-site.ts";
import { tenant } from "./key-site.ts";

const OWNERS = 8;
const CAP = 3;
const AMOUNT = 100;
/** What fits: fewer than OWNERS * CAP. */
const GRANTS = 14;
/** With a remainder that nobody gets. */
const BUDGET = GRANTS * AMOUNT + 50;
/** How often each claim is asked for at once. */
const REPEATS = 3;

interface Wanted {
  readonly owner: string;
  readonly ordinal: number;
}

let site: GatewaySite;
let other: Gateway;
before(async () => {
  site = await startGatewaySite();
  other = await startTestGateway(site.nats.url, site.keys);
  await open("mint:usd", "unlimited");
});
after(async () => {
  await other.stop();
  await site.stop();
});

async function open(wallet: string, min = "0"): Promise<void> {
  const body = { id: randomUUID(), wallet, asset: "USD/2", min };
  assert.equal((await site.call("POST", "/v1/wallets", { body })).status, 201);
}

async function fund(wallet: string, amount: number): Promise<void> {
  const body = { id: randomUUID(), from: "mint:usd", to: wallet, amount: String(amount) };
  assert.equal((await site.call("POST", "/v1/transfers", { body })).status, 201);
}

async function posted(wallet: string): Promise<number> {
  return Number((await site.call("GET", `/v1/wallets/${wallet}`)).json["posted"]);
}

/** A campaign, its owners, and every claim that they may make. */
async function scene(): Promise<{ id: string; owners: string[]; wanted: Wanted[] }> {
  const id = `c-${randomUUID().slice(0, 8)}`;
  const owners = Array.from({ length: OWNERS }, (_, index) => `o${index}-${id}`);
  await Promise.all([open(`${id}:usd`), ...owners.map((owner) => open(`${owner}:usd`))]);
  await fund(`${id}:usd`, BUDGET);
  const body = { id, wallet: `${id}:usd`, amount: String(AMOUNT), capPerOwner: CAP };
  assert.equal((await site.call("POST", "/v1/campaigns", { body })).status, 201);
  const ordinals = Array.from({ length: CAP }, (_, index) => index + 1);
  return { id, owners, wanted: owners.flatMap((owner) => ordinals.map((ordinal) => ({ owner, ordinal }))) };
}

/** An answer, and which claim it is about. */
interface Told extends Answer {
  readonly claim: string;
}

type Ask = (url: string, body: Wanted) => Promise<Told | null>;

/** Asks for a claim; null when the gateway is gone. */
function asker(id: string, keyOf: (url: string) => string = () => "admin"): Ask {
  return async (url, body) => {
    const answer = await callHttp(url, "POST", `/v1/campaigns/${id}/claims`, { body, key: keyOf(url) }).catch(
      () => null,
    );
    return answer === null ? null : { ...answer, claim: `${body.owner} ${body.ordinal}` };
  };
}

/** Every claim many times at once, in turn at each gateway. */
async function storm(ask: Ask, wanted: readonly Wanted[], urls: readonly string[]): Promise<Told[]> {
  const all = Array.from({ length: REPEATS }, () => wanted).flat();
  const sent = all.map((body, index) =>
    ask(urls[(index + Math.floor(index / urls.length)) % urls.length] ?? "", body),
  );
  return (await Promise.all(sent)).filter((answer) => answer !== null);
}

/** The grants by claim. Fails when two answers for one claim differ. */
function grantsIn(answers: readonly Told[], grants = new Map<string, string>()): Map<string, string> {
  for (const { claim, status, json, text } of answers) {
    assert.ok([201, 202, 422, 503].includes(status), text);
    if (status !== 201) continue;
    const grant = `${json["id"]} at ${json["shard"]}/${json["position"]}`;
    assert.equal(grants.get(claim) ?? grant, grant, `two grants for ${claim}`);
    grants.set(claim, grant);
  }
  return grants;
}

/** Proves the promises, with so many grants. */
async function assertExact(
  id: string,
  owners: readonly string[],
  grants: number,
  given = BUDGET,
): Promise<void> {
  const balances = await Promise.all(owners.map((owner) => posted(`${owner}:usd`)));
  for (const balance of balances) assert.ok(balance <= CAP * AMOUNT, `${balance} is above the cap`);
  const sum = balances.reduce((total, balance) => total + balance, 0);
  assert.equal(sum, grants * AMOUNT, "as many grants as were told");
  assert.equal(await posted(`${id}:usd`), given - sum, "what the wallet gave is what was received");
}

/** Sets what the caches of all gateways of this process say to a claim, until the test ends. */
function claimsAnswer(
  t: { after(done: () => void): void },
  say: (cache: BuiltInCache, claim: Claim) => Promise<ClaimAnswer>,
): void {
  const replaced = mock.method(BuiltInCache.prototype, "claim", function (this: BuiltInCache, claim: Claim) {
    return say(this, claim);
  });
  t.after(() => replaced.mock.restore());
}

const original = BuiltInCache.prototype.claim;

/** Storms both gateways with claims until nothing is left, and looks at every wallet. */
async function assertAllIsGrantedOnce(): Promise<void> {
  const { id, owners, wanted } = await scene();
  const ask = asker(id);
  const urls = [site.gateway.url, other.url];
  const grants = grantsIn(await storm(ask, wanted, urls));
  await until("all that fits is granted", async () => {
    grantsIn(await storm(ask, wanted, urls), grants);
    return grants.size === GRANTS;
  });
  await assertExact(id, owners, GRANTS);
}

test("through two gateways, each claim is granted once, and exactly what the wallet has is given", async () => {
  await assertAllIsGrantedOnce();
});

test("with counts that are forgotten again and again, the same", async (t) => {
  let calls = 0;
  let cache = new BuiltInCache("local", testClock);
  claimsAnswer(t, (_cache, claim) => {
    calls += 1;
    if (calls % 7 === 0) cache = new BuiltInCache("local", testClock);
    return original.call(cache, claim);
  });
  await assertAllIsGrantedOnce();
});

test("with a cache that allows everything the engine alone decides; a later round grants what was refused, and nothing twice", async (t) => {
  const { id, owners, wanted } = await scene();
  claimsAnswer(t, async () => ({ allowed: true, reason: null, ownerClaims: 0, spent: 0n }));
  const ask = asker(id);
  const urls = [site.gateway.url, other.url];
  const answers = await storm(ask, wanted, urls);
  const grants = grantsIn(answers);
  assert.equal(grants.size, GRANTS);
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([201, 422]));
  const refused = answers.find(({ status }) => status === 422);
  assert.deepEqual([refused?.json["code"], refused?.json["final"]], ["insufficient_funds", false]);
  await assertExact(id, owners, GRANTS);

  await fund(`${id}:usd`, 5 * AMOUNT);
  const still = grantsIn(await storm(ask, wanted, urls), grants);
  assert.equal(still.size, GRANTS, "a refusal stays one for its round");
  const round = (body: object): Promise<Answer> => site.call("POST", `/v1/campaigns/${id}/rounds`, { body });
  assert.equal((await round({ round: 3 })).json["code"], "campaign_round");
  const begun = await round({ round: 2 });
  assert.deepEqual([begun.status, begun.json["round"]], [200, 2], begun.text);
  assert.equal((await round({ round: 2 })).text, begun.text);
  await until("the other gateway knows it", async () => {
    const { json } = await callHttp(other.url, "GET", `/v1/campaigns/${id}`);
    return json["round"] === 2;
  });
  assert.equal(grantsIn(await storm(ask, wanted, urls), grants).size, GRANTS + 5);
  await assertExact(id, owners, GRANTS + 5, BUDGET + 5 * AMOUNT);
});

test("what is admitted and not yet sent is not counted as there to be given, and is once it is given up", async () => {
  const { id, owners } = await scene();
  const [wallet, owner] = [parseWallet(`${id}:usd`), parseOwner(owners[0])];
  assert.ok(wallet && owner);
  const terms = { wallet, amount: BigInt(AMOUNT), capPerOwner: CAP, purse: "usd", code: null, ref: null };
  const times = { fromMs: null, toMs: null, createdMs: 0, closedMs: null };
  const campaign = { ...terms, ...times, tenant: tenant("demo"), id, asset: "USD/2", round: 1 };
  const claim = { campaign, owner, ordinal: 1 };
  let nowMs = 0;
  const count = new BudgetCount(new BuiltInCache("local", testClock), () => nowMs);
  await using client = await connect({ servers: site.nats.url, tenant: "demo", name: "test" }, testClock);
  const admits = (number: number): Promise<boolean> => {
    nowMs += 1_000;
    return count.admits(client, claim, claimId({ ...claim, ordinal: number }, 1));
  };
  for (let number = 1; number <= GRANTS; number += 1) assert.ok(await admits(number), `claim ${number}`);
  assert.equal(await admits(GRANTS + 1), false, "the rest of the wallet is under way");
  count.unsent(claim, claimId({ ...claim, ordinal: 1 }, 1));
  assert.equal(await admits(GRANTS + 1), true);
});

test("a gateway that is killed in the middle costs no claim and grants none twice", async () => {
  const { id, owners, wanted } = await scene();
  const { child, url, key } = await startProcess();
  const ask = asker(id, (at) => (at === url ? key : "admin"));
  const first = ask(url, wanted[0] ?? { owner: "", ordinal: 0 }).then(() => child.kill("SIGKILL"));
  const grants = grantsIn(await storm(ask, wanted, [site.gateway.url, url, other.url]));
  await first;
  await until("all that fits is granted", async () => {
    grantsIn(await storm(ask, wanted, [site.gateway.url, other.url]), grants);
    return grants.size === GRANTS;
  });
  await assertExact(id, owners, GRANTS);
});

/** A gateway in a process of its own, and a key that it knows. */
async function startProcess(): Promise<{ child: ChildProcess; url: string; key: string }> {
  const admin = await KeyAdmin.open((await site.nats.connect("admin")).nc, testClock, 1);
  const wish = {
    tenant: tenant("demo"),
    scopes: ["write" as const],
    owners: null,
    lifetimeMs: null,
    name: null,
  };
  const { key } = await admin.create(wish);
  const order = { natsUrl: site.nats.url, host: "127.0.0.1", port: 0, replicas: 1 };
  const main = new URL("../../gateway/node-main.ts", import.meta.url);
  const child = fork(main, [JSON.stringify(order)], { stdio: "ignore" });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  child.on("message", (event: { event: string; url?: string; message?: string }) => {
    if (event.event === "ready") resolve(event.url ?? "");
    else if (event.event === "failed") reject(new Error(event.message));
  });
  child.on("exit", () => reject(new Error("it ended")));
  return { child, url: await promise, key };
}
