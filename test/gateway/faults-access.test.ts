// Callers who claim what is not theirs, over a real gateway process with keys from the real bucket: tenants that are
// named where no tenant is read, foreign owners beside missing ones, keys that end while their requests are under way.
// Guards against: an answer that tells a foreign wallet from a missing one, and money that moves for a key that ended.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { openKeyBucket } from "../../gateway/key-bucket.ts";
import { until } from "../support/condition.ts";
import { FaultSite } from "./fault-site.ts";
import type { Answer } from "./gateway-site.ts";
import { owner, tenant } from "./key-site.ts";

const OWN = "payer0";
const FOREIGN = "payer1";
/** An owner without wallets, of a name as long as the foreign one's. */
const NOBODY = "payer9";
/** A campaign that everybody may claim of. */
const CAMPAIGN = "spring";

type Scenario = (site: FaultSite) => Promise<void>;

const SCENARIOS: readonly (readonly [string, Scenario])[] = [
  ["a foreign owner's things and missing ones are answered with the same bytes, and nothing moves", foreign],
  ["a tenant is the key's, whatever a request says", forgedTenant],
  [
    "a key that is revoked, deleted or ended by the clock is refused, and what it had sent settles",
    endingKeys,
  ],
];

test("HTTP callers who claim what is not theirs", async (t) => {
  const site = await FaultSite.start(t, { hasEvents: true });
  for (const [name, scenario] of SCENARIOS) {
    await t.test(name, async () => {
      await scenario(site);
      await site.prove();
    });
  }
});

interface Request {
  readonly method: string;
  readonly path: string;
  readonly body?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a caller may name: an owner, ids of a hold and a transfer of his, and a time. His campaign has his name, too. */
interface Things {
  readonly owner: string;
  readonly hold: string;
  readonly transfer: string;
  readonly at: string;
}

/** A request for each way to look at an owner, a wallet, a hold, a transfer, a campaign or a claim. */
function looksAt({ owner: name, hold, transfer, at }: Things): Request[] {
  const wallet = `${name}:usd`;
  return [
    `/v1/owners/${name}`,
    `/v1/owners/${name}/holds?limit=1`,
    `/v1/wallets/${wallet}`,
    `/v1/wallets/${wallet}?consistency=cached`,
    `/v1/wallets/${wallet}?at=${at}`,
    `/v1/wallets/${wallet}/entries`,
    `/v1/wallets/${wallet}/entries?cursor=AAAA`,
    `/v1/transfers/${transfer}?owner=${name}`,
    `/v1/transfers/${hold}?owner=${name}`,
    `/v1/campaigns/${campaignOf(name)}`,
    `/v1/campaigns/${CAMPAIGN}/claims/1?owner=${name}`,
    `/v1/campaigns/${CAMPAIGN}/claims/9?owner=${name}`,
  ].flatMap((path): Request[] => [
    { method: "GET", path },
    { method: "HEAD", path },
    { method: "GET", path, headers: { "if-none-match": "*" } },
  ]);
}

/** A request for each way to open a stream of an owner's events. */
function streamsOf({ owner: name }: Things): Request[] {
  return [`owner=${name}`, `owner=${OWN}&owner=${name}`].flatMap((query): Request[] => [
    { method: "GET", path: `/v1/events?${query}` },
    { method: "HEAD", path: `/v1/events?${query}` },
    { method: "GET", path: `/v1/events?${query}`, headers: { "last-event-id": "AAAA" } },
    post("/v1/tickets", { owners: query.split("&").map((each) => each.slice("owner=".length)) }),
  ]);
}

/** A request for each way to do something with an owner, a wallet, a hold, a transfer, a campaign or a claim. */
function commandsFor({ owner: name, hold, transfer }: Things): Request[] {
  const wallet = `${name}:usd`;
  const reason = "a test";
  const pay = { from: wallet, to: `${OWN}:usd`, amount: "5" };
  const legs = [{ from: `${OWN}:usd`, to: "mint:usd", amount: "1" }, pay];
  const named = [
    post("/v1/wallets", { wallet, asset: "USD/2" }),
    post("/v1/wallets", { wallet, asset: "EUR/2" }),
    { ...post(`/v1/wallets/${wallet}`, { max: "1" }), method: "PATCH" },
    ...["freeze", "unfreeze", "close"].map((op) => post(`/v1/wallets/${wallet}/${op}`, { reason })),
    post("/v1/transfers", pay),
    post("/v1/transfers", { legs }),
    post("/v1/transfers", { ...pay, hold: { ttlMs: 1_000 } }),
    post("/v1/transfers", { ...pay, amount: "no amount" }),
    post("/v1/transfers", { ...pay, ifVersion: { [wallet]: "1" } }),
    post(`/v1/transfers/${hold}/capture?owner=${name}`, { amount: "1" }),
    post(`/v1/transfers/${hold}/release?owner=${name}`, {}),
    post(`/v1/transfers/${transfer}/reverse?owner=${name}`, {}),
    post("/v1/campaigns", { wallet, amount: "1", capPerOwner: 1 }),
  ];
  const claims = `/v1/campaigns/${CAMPAIGN}/claims`;
  const campaign = `/v1/campaigns/${campaignOf(name)}`;
  const idless = [
    ...[1, 2, 9].map((ordinal) => post(claims, { owner: name, ordinal })),
    post(`${campaign}/rounds`, { round: 2 }),
    post(`${campaign}/close`, {}),
  ];
  const commands = [
    { op: "transfer", ...pay },
    { op: "transfer", legs },
    { op: "open", wallet, asset: "USD/2" },
    { op: "freeze", wallet, reason },
    { op: "limit", wallet, max: "1" },
    { op: "capture", owner: name, hold },
    { op: "reverse", owner: name, transfer },
  ];
  return [...named.map(withId), ...idless, post("/v1/batches", { commands: commands.map(numbered) })];
}

const post = (path: string, body: object): Request => ({ method: "POST", path, body: { ...body } });
const campaignOf = (name: string): string => `${name}-gives`;

const withId = (request: Request): Request => ({ ...request, body: { ...request.body, id: randomUUID() } });
const numbered = (command: object): object => ({ ...command, id: randomUUID() });

/** Everything that an answer says, but for the names and ids that the request had, and the time. */
function saidBy({ status, headers, text }: Answer, { owner: name }: Things): unknown {
  const nameless = (said: string): string =>
    said
      .replaceAll(name, "someone")
      .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, "an id");
  const lines = [...headers].filter(([header]) => header !== "date" && header !== "x-request-id");
  return {
    status,
    headers: lines.map(([header, value]) => `${header}: ${nameless(value)}`),
    text: nameless(text),
  };
}

async function foreign(site: FaultSite): Promise<void> {
  const { existing, missing } = await things(site);
  const bound = await readyKey(site, [OWN]);
  // With this key the missing owner is no foreign one, but really missing.
  const spare = await readyKey(site, [OWN, NOBODY]);
  const all = (them: Things): Request[] => [...looksAt(them), ...streamsOf(them), ...commandsFor(them)];
  await requireEqual(site, [existing, all(existing), bound], [missing, all(missing), bound]);
  // A ticket is for owners to come, too, and a cursor of one's own is judged.
  const looks = (them: Things): Request[] =>
    [...looksAt(them), ...streamsOf(them)].filter(
      ({ method, path }) => method !== "POST" && !path.includes("cursor="),
    );
  await requireEqual(site, [existing, looks(existing), bound], [missing, looks(missing), spare]);
  // The caller's own name beside ids of a foreign owner: ids are the owner's, so they name nothing here.
  const [theirs, none] = [existing, missing].map((them): Things => ({ ...them, owner: OWN }));
  assert.ok(theirs && none);
  const named = (them: Things): Request[] =>
    [...looksAt(them), ...commandsFor(them)].filter(
      ({ path }) => path.includes(them.hold) || path.includes(them.transfer),
    );
  await requireEqual(site, [theirs, named(theirs), bound], [none, named(none), bound]);
  const path = `/v1/transfers/${existing.hold}/release?owner=${FOREIGN}`;
  const released = await site.call("POST", path, { body: { id: randomUUID() } });
  assert.equal(released.json["status"], "released", "the hold is as it was");
  const { json } = await site.call("GET", `/v1/campaigns/${campaignOf(FOREIGN)}`);
  assert.deepEqual([json["status"], json["round"]], ["open", 1], "the campaign is as it was");
}

/** What a foreign owner has, and what nobody has. */
async function things(site: FaultSite): Promise<{ readonly existing: Things; readonly missing: Things }> {
  const { json } = await site.pay({ ...site.payment(), from: `${FOREIGN}:usd`, to: "payer2:usd" });
  const hold = randomUUID();
  const held = { id: hold, from: `${FOREIGN}:usd`, to: "payer2:usd", amount: "9", hold: { ttlMs: 60_000 } };
  const campaign = { amount: "3", capPerOwner: 2 };
  const made = [
    await site.call("POST", "/v1/transfers", { body: held }),
    await site.call("POST", "/v1/campaigns", { body: { ...campaign, id: CAMPAIGN, wallet: "mint:usd" } }),
    await site.call("POST", "/v1/campaigns", {
      body: { ...campaign, id: campaignOf(FOREIGN), wallet: `${FOREIGN}:usd` },
    }),
  ];
  for (const { status, text } of made) assert.equal(status, 201, text);
  const claim = { owner: FOREIGN, ordinal: 1 };
  const granted = await site.call("POST", `/v1/campaigns/${CAMPAIGN}/claims`, { body: claim });
  assert.equal(granted.status, 201, granted.text);
  site.book({ key: "a claim", from: "mint:usd", to: `${FOREIGN}:usd`, amount: 3n }, granted);
  const at = new Date().toISOString();
  return {
    existing: { owner: FOREIGN, hold, transfer: String(json["id"]), at },
    missing: { owner: NOBODY, hold: randomUUID(), transfer: randomUUID(), at },
  };
}

/** A key of these owners, once the gateway knows it. */
async function readyKey(site: FaultSite, owners: readonly string[]): Promise<string> {
  const { key } = await site.key({ owners: owners.map(owner) });
  await until(
    "the key counts",
    async () => (await site.call("GET", `/v1/owners/${OWN}`, { key })).status === 200,
  );
  return key;
}

type Asked = readonly [things: Things, requests: readonly Request[], key: string];

/** Requires that each request is answered as its twin is: missing. */
async function requireEqual(site: FaultSite, [one, requests, key]: Asked, others: Asked): Promise<void> {
  const [other, twins, otherKey] = others;
  assert.ok(requests.length > 0 && requests.length === twins.length);
  for (const [index, request] of requests.entries()) {
    const twin = twins[index];
    assert.ok(twin);
    const answer = await site.call(request.method, request.path, { ...request, key });
    const expected = await site.call(twin.method, twin.path, { ...twin, key: otherKey });
    const told = `${request.method} ${request.path} ${JSON.stringify(request.body)}`;
    assert.deepEqual(saidBy(answer, one), saidBy(expected, other), told);
    const isBatch = request.path === "/v1/batches";
    assert.equal(answer.status, isBatch ? 200 : 404, `${told}: ${answer.text}`);
  }
}

async function forgedTenant(site: FaultSite): Promise<void> {
  const { key } = await site.key({ tenant: tenant("other") });
  const wallet = "/v1/wallets/payer0:usd";
  const plain = await until("the key counts", async () => {
    const answer = await site.call("GET", wallet, { key });
    return answer.status === 401 ? undefined : answer;
  });
  assert.equal(plain.status, 404, plain.text);
  const claims: Readonly<Record<string, string>>[] = [
    ...["x-tenant", "x-tenant-id", "x-coffer-tenant", "tenant", "x-forwarded-user"].map((name) => ({
      [name]: "demo",
    })),
    { "x-forwarded-host": "demo.example", forwarded: "for=demo", cookie: "tenant=demo" },
    { "x-original-url": wallet, "x-rewrite-url": wallet, "x-http-method-override": "DELETE" },
  ];
  const body = { from: "mint:usd", to: "payer0:usd", amount: "1" };
  for (const headers of claims) {
    const answer = await site.call("GET", wallet, { key, headers });
    assert.deepEqual([answer.status, answer.text], [plain.status, plain.text], JSON.stringify(headers));
    const named = { ...headers, "idempotency-key": "fund-payer0:usd" };
    const paid = await site.call("POST", "/v1/transfers", { key, body, headers: named });
    assert.deepEqual([paid.status, paid.json["code"]], [404, "wallet_not_found"], paid.text);
  }
  const asked = await site.call("GET", `${wallet}?tenant=demo`, { key });
  assert.equal(asked.status, 400, asked.text);
  for (const more of [
    { tenant: "demo" },
    { account: "demo" },
    { from: "demo.mint:usd" },
    { from: "demo/mint:usd" },
  ]) {
    const answer = await site.call("POST", "/v1/transfers", {
      key,
      body: { ...body, id: randomUUID(), ...more },
    });
    assert.equal(answer.status, 400, answer.text);
    const commands = [{ op: "transfer", id: randomUUID(), ...body, ...more }];
    const { text } = await site.call("POST", "/v1/batches", { key, body: { commands } });
    assert.match(text, /"code":"(?:malformed|wallet_invalid)"/);
  }
}

async function endingKeys(site: FaultSite): Promise<void> {
  const bucket = await openKeyBucket((await site.site.nats.connect("bucket")).nc, 1);
  const ways: readonly (readonly [string, (id: string) => Promise<unknown>])[] = [
    ["revoked", (id) => site.revoke(id, 0)],
    ["deleted", (id) => bucket.delete(id)],
    ["ended by the clock", (id) => site.revoke(id, 300)],
  ];
  for (const [how, end] of ways) {
    const { id, key } = await site.key();
    const statusNow = async (): Promise<number> =>
      (await site.call("GET", "/v1/owners/payer0", { key })).status;
    await until("the key counts", async () => (await statusNow()) === 200);
    const payments = Array.from({ length: 10 }, () => site.payment());
    process.kill(site.engine.pid, "SIGSTOP");
    // Asked with the key that ends; half of them wait for their outcome.
    const accepted = await Promise.all(
      payments.slice(0, 5).map((payment) => site.send(payment, { key, prefer: "respond-async" })),
    );
    for (const answer of accepted) assert.equal(answer.status, 202, `${how}: ${answer.text}`);
    const waiting = payments.slice(5).map((payment) => site.send(payment, { key }));
    await until("they are under way", async () => (await site.call("GET", "/readyz")).status === 503);
    await end(id);
    await until(`a key that was ${how} is refused`, async () => {
      const path = "/v1/transfers";
      return (await site.call("POST", path, { key, body: { amount: "1" } })).status === 401;
    });
    process.kill(site.engine.pid, "SIGCONT");
    for (const answer of await Promise.all(waiting))
      assert.equal(answer.status, 201, `${how}: ${answer.text}`);
    assert.equal(await statusNow(), 401, how);
    for (const payment of payments) {
      const { headers } = await site.pay(payment);
      assert.equal(headers.get("idempotent-replayed"), "true", "it had settled for the key that ended");
    }
  }
}
