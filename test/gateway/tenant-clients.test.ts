// When the client of a tenant is closed, and when it must not be, by a clock that the test moves.
// Guards against: tenants that are turned away because of others who left long ago, a client that is closed under
// somebody who uses it, a command on a closed client that is more than refused.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, type TestContext, test } from "node:test";
import { type Coffer, CofferClosed } from "../../client/mod.ts";
import { Pauses } from "../../gateway/live/pauses.ts";
import { TenantFeed } from "../../gateway/live/tenant-feed.ts";
import { Problem } from "../../gateway/problem.ts";
import { CLIENT_IDLE_MS, ROOM_IDLE_MS, TenantClients } from "../../gateway/tenant-clients.ts";
import { eventSubject } from "../../protocol/subject.ts";
import { within } from "../support/condition.ts";
import { startEngine, type TestEngine } from "../support/engine.ts";
import { startTestNats, type TestNats } from "../support/nats.ts";
import { testClock } from "./gateway-site.ts";
import { tenant } from "./key-site.ts";

let nats: TestNats;
let engine: TestEngine;
before(async () => {
  nats = await startTestNats({ shards: 4 });
  engine = await startEngine({ natsUrl: nats.url, shards: 4 });
});
after(async () => {
  await engine?.stop();
  await nats?.stop();
});

const [ann, ben, cat, dan] = [tenant("ann"), tenant("ben"), tenant("cat"), tenant("dan")];

/** Room for two tenants, and how time passes. */
function clientsFor(t: TestContext): { clients: TenantClients; pass: (ms: number) => void } {
  let passedMs = 0;
  const clock = { ...testClock, steadyMs: () => testClock.steadyMs() + passedMs };
  const nothing = (): void => undefined;
  const options = { natsUrl: nats.url, onProblem: nothing, onFrame: nothing, tenantsMax: 2 };
  const clients = new TenantClients(options, clock);
  t.after(() => clients.close(1));
  const pass = (ms: number): void => {
    passedMs += ms;
  };
  return { clients, pass };
}

/** Lets time pass as it does: with a look now and then. */
function passIdle({ clients, pass }: ReturnType<typeof clientsFor>, ms: number): void {
  clients.lookForIdle();
  pass(ms);
}

const isBusy = (thrown: unknown): boolean => thrown instanceof Problem && thrown.code === "busy";
const open = (client: Coffer) =>
  client.send({ op: "open", id: randomUUID(), wallet: `w${randomUUID()}:usd`, asset: "USD/2" });

test("where there is no room the client that was idle for longest goes, and a closed one refuses commands unsent", async (t) => {
  const at = clientsFor(t);
  const { clients } = at;
  const first = await clients.of(ann);
  const second = await clients.of(ben);
  await assert.rejects(clients.of(cat), isBusy);
  passIdle(at, ROOM_IDLE_MS / 2);
  clients.ready(ann);
  passIdle(at, ROOM_IDLE_MS / 2 + 1);
  const third = await clients.of(cat);
  assert.deepEqual(
    [clients.ready(ann), clients.ready(ben), clients.ready(cat), clients.size],
    [first, null, third, 2],
  );
  await assert.rejects(open(second), CofferClosed);
  await assert.rejects(clients.of(ben), isBusy);
  assert.equal((await open(first)).status, "open");
  passIdle(at, ROOM_IDLE_MS);
  assert.equal((await open(await clients.of(ben))).status, "open", "a tenant comes back");
});

test("two that need the one idle client's place at once do not both get it", async (t) => {
  const at = clientsFor(t);
  const { clients } = at;
  await clients.of(ann);
  passIdle(at, ROOM_IDLE_MS);
  await clients.of(ben);
  const both = await Promise.allSettled([clients.of(cat), clients.of(dan)]);
  assert.deepEqual(
    both.map(({ status }) => status),
    ["fulfilled", "rejected"],
  );
  assert.equal(clients.size, 2);
});

test("a client that was asked for a moment ago keeps its place, however long it was idle before", async (t) => {
  for (const use of ["ready", "of"] as const) {
    const at = clientsFor(t);
    const { clients } = at;
    const client = await clients.of(ann);
    await clients.of(ben);
    passIdle(at, 10 * CLIENT_IDLE_MS);
    clients.ready(ben);
    void clients[use](ann);
    await assert.rejects(clients.of(cat), isBusy, use);
    at.clients.lookForIdle();
    assert.equal(clients.ready(ann), client, use);
    assert.equal((await open(client)).status, "open", use);
  }
});

test("a client with a command, a read or a feed under way is not closed, whoever wants its place", async (t) => {
  const uses: Readonly<Record<string, (client: Coffer) => Promise<() => Promise<unknown>>>> = {
    command: async (client) => {
      const outcome = open(client);
      return () => outcome;
    },
    read: async (client) => {
      const wallet = client.wallet("nobody:usd").catch(() => null);
      return () => wallet;
    },
    feed: async (client) => {
      const feed = client.events();
      await feed.open();
      return async () => feed.stop();
    },
  };
  for (const [name, use] of Object.entries(uses)) {
    const at = clientsFor(t);
    const { clients, pass } = at;
    const client = await clients.of(ann);
    await clients.of(ben);
    passIdle(at, 0);
    const end = await use(client);
    for (let looks = 0; looks < 3; looks += 1) {
      clients.ready(ben);
      pass(10 * CLIENT_IDLE_MS);
      clients.lookForIdle();
    }
    clients.ready(ben);
    const turnedAway = assert.rejects(clients.of(cat), isBusy, name);
    assert.equal(clients.size, 2, name);
    await turnedAway;
    await end();
    assert.equal(client.underWay, 0, name);
    clients.lookForIdle();
    pass(CLIENT_IDLE_MS);
    clients.lookForIdle();
    assert.equal(clients.size, 0, `${name}, ended`);
  }
});

test("a feed of live events that begins anew does so on the client that its tenant has then", async (t) => {
  const { clients } = clientsFor(t);
  const [first, second] = [await clients.of(ann), await clients.of(ben)];
  const anew = Promise.withResolvers<void>();
  const onLost = (): void => anew.resolve();
  const nothing = (): void => undefined;
  const parts = { client: first, clientNow: async () => second, pauses: new Pauses(), onLost };
  const feed = new TenantFeed({ ...parts, onEnd: nothing, onProblem: nothing });
  t.after(() => feed.stop());
  await feed.ready;
  assert.deepEqual([first.underWay, second.underWay], [1, 0]);
  const { nc } = await nats.connect();
  await nc.request(eventSubject(ann, 0), "no event message");
  await within("a new feed", anew.promise);
  assert.deepEqual([first.underWay, second.underWay], [0, 1]);
});

test("a client is closed when it was idle for ten minutes; the next request opens another", async (t) => {
  const at = clientsFor(t);
  const { clients, pass } = at;
  const client = await clients.of(ann);
  const { shards } = clients;
  passIdle(at, CLIENT_IDLE_MS - 1_000);
  clients.lookForIdle();
  assert.equal(clients.size, 1);
  pass(1_000);
  clients.lookForIdle();
  assert.deepEqual([clients.ready(ann), clients.size], [null, 0]);
  assert.deepEqual([clients.shards, clients.roomOf(ann)], [shards, clients.roomOf(dan)]);
  const next = await clients.of(ann);
  assert.notEqual(next, client);
  assert.equal((await open(next)).status, "open");
});

test("idle clients are looked for every ten seconds while there are clients, and no more without", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const { clients, pass } = clientsFor(t);
  for (let round = 0; round < 2; round += 1) {
    await clients.of(ann);
    const looks = t.mock.method(clients, "lookForIdle");
    t.mock.timers.tick(10_000);
    pass(CLIENT_IDLE_MS);
    t.mock.timers.tick(10_000);
    assert.equal(clients.size, 0);
    t.mock.timers.tick(100_000);
    assert.equal(looks.mock.callCount(), 2);
    looks.mock.restore();
  }
});
