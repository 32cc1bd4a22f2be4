// Faults of the processes behind HTTP: gateways, engine and server that are killed, frozen, stopped and started again
// while callers pay. Guards against: a transfer that is carried out twice, or told as failed and carried out, or lost
// after it was accepted. After each fault every wallet holds what the answers said, and all of them together nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { until, within } from "../support/condition.ts";
import { answersIn, RawConnection } from "../support/raw-http.ts";
import { FaultSite, Load, type Payment } from "./fault-site.ts";
import type { Answer } from "./gateway-site.ts";

/** How long a gateway and an engine are frozen, ms. */
const GATEWAY_FROZEN_MS = 1_500;
const ENGINE_FROZEN_MS = 2_000;
const CALLERS = 20;
const KILLS = 4;
/** Requests under way at a stop. */
const UNDER_WAY = 100;

type Scenario = (site: FaultSite) => Promise<void>;

const SCENARIOS: readonly (readonly [string, Scenario])[] = [
  ["one key is one transfer: at once, altered, on another gateway, after both were killed", replay],
  ["a gateway that stands still, and an engine that does, lose and double nothing", standStill],
  ["while the engine is away commands are accepted, and settle once when it is back", engineAway],
  ["a server that is killed takes no transfer with it, and nobody is told a failure", serverAway],
  ["gateways that are killed again and again under load settle each transfer once", killGateways],
  ["a stop answers every request under way, and says that it is not ready", stopUnderLoad],
];

test("HTTP over processes that fail", async (t) => {
  const site = await FaultSite.start(t);
  for (const [name, scenario] of SCENARIOS) {
    await t.test(name, async () => {
      await scenario(site);
      await until("it is ready", () => isReady(site));
      await site.prove();
    });
  }
});

async function replay(site: FaultSite): Promise<void> {
  const first = site.gateway;
  const second = await site.startGateway();
  const urls = Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? first : second).url);
  const payment = site.payment();
  const answers = await Promise.all(urls.map((url) => site.send(payment, { url })));
  for (const answer of answers) site.book(payment, answer);
  assert.equal(answers.filter(({ headers }) => headers.get("idempotent-replayed") === null).length, 1);
  await conflict(site, payment, first.url);
  await conflict(site, payment, second.url);
  const rivals = [site.payment(), { ...payment, amount: payment.amount + 7n }].map(
    ({ amount }): Payment => ({ ...payment, amount, key: "rivals" }),
  );
  const ends = await Promise.all(rivals.map((one, index) => site.send(one, { url: urls[index] ?? "" })));
  assert.deepEqual(ends.map(statusOf).sort(), [201, 422]);
  bookSettled(site, rivals, ends);
  await Promise.all([first.kill(), second.kill()]);
  await conflict(site, payment, (await site.startGateway()).url);
}

/** Requires that a key which has settled a payment refuses another one, and repeats its own. */
async function conflict(site: FaultSite, payment: Payment, url: string): Promise<void> {
  const altered = await site.send({ ...payment, amount: payment.amount + 1n }, { url });
  assert.deepEqual([altered.status, altered.json["code"]], [422, "id_conflict"], altered.text);
  const again = await site.send(payment, { url });
  assert.equal(again.headers.get("idempotent-replayed"), "true");
  site.book(payment, again);
}

async function standStill(site: FaultSite): Promise<void> {
  const load = new Load(site, CALLERS);
  await load.flows(CALLERS);
  site.gateway.signal("SIGSTOP");
  await delay(GATEWAY_FROZEN_MS);
  site.gateway.signal("SIGCONT");
  await load.flows(CALLERS);
  process.kill(site.engine.pid, "SIGSTOP");
  await Promise.all([delay(ENGINE_FROZEN_MS), until("it is not ready", async () => !(await isReady(site)))]);
  process.kill(site.engine.pid, "SIGCONT");
  await load.flows(CALLERS);
  await load.end();
}

async function engineAway(site: FaultSite): Promise<void> {
  await site.engine.kill();
  const payments = Array.from({ length: CALLERS }, () => site.payment());
  const sent = payments.map((payment) => site.send(payment, { prefer: "respond-async" }));
  const answers = await Promise.all(sent);
  assert.deepEqual(new Set(answers.map(statusOf)), new Set([202]));
  await until("it is not ready", async () => !(await isReady(site)));
  await site.startEngine();
  for (const [index, { headers, json }] of answers.entries()) {
    const location = headers.get("location") ?? "";
    const settled = await until(`${location} is settled`, async () => {
      const answer = await site.call("GET", location);
      return answer.status === 200 && answer.json["status"] !== "pending" ? answer : undefined;
    });
    assert.deepEqual([settled.json["status"], settled.json["id"]], ["posted", json["id"]]);
    const payment = payments[index];
    assert.ok(payment);
    const again = await site.pay(payment);
    assert.deepEqual([again.json["id"], again.json["position"]], [json["id"], settled.json["position"]]);
  }
}

async function serverAway(site: FaultSite): Promise<void> {
  const { url } = site.gateway;
  const load = new Load(site, CALLERS, () => url);
  const leaving = await site.startGateway({ stopWaitMs: 300 });
  await site.pay(site.payment());
  const payment = site.payment();
  await site.site.restartServer("kill", async () => {
    const asked = site.send(payment, { url: leaving.url });
    await until("it is not ready", async () => !(await isReady(site)));
    leaving.signal("SIGTERM");
    const answer = await asked;
    assert.deepEqual([answer.status, answer.json["code"], answer.json["final"]], [503, "unknown", false]);
    assert.equal(await within("it ends", leaving.exited), 0);
  });
  await site.startGateway();
  const settled = await site.pay(payment);
  assert.equal((await site.pay(payment)).json["position"], settled.json["position"]);
  await load.flows(CALLERS);
  await load.end();
}

async function killGateways(site: FaultSite): Promise<void> {
  let serving = [site.gateway, await site.startGateway()];
  const load = new Load(site, CALLERS, (caller) => serving[caller % serving.length]?.url ?? "");
  for (let round = 0; round < KILLS; round += 1) {
    await load.flows(CALLERS);
    const [victim, other] = serving;
    assert.ok(victim && other);
    await victim.kill();
    serving = [other];
    serving = [other, await site.startGateway({ port: victim.port })];
  }
  await load.flows(CALLERS);
  await load.end();
}

async function stopUnderLoad(site: FaultSite): Promise<void> {
  const { gateway } = site;
  process.kill(site.engine.pid, "SIGSTOP");
  const payments = Array.from({ length: UNDER_WAY }, () => site.payment());
  const sent = payments.map((payment) => site.send(payment, { url: gateway.url }));
  // A request that has begun to arrive keeps its connection through a stop.
  const watcher = await RawConnection.open(gateway.port);
  watcher.socket.write("GET /readyz HTTP/1.1\r\nHost: x\r\n");
  // That takes a second, and came after everything else.
  await until("the engine does not answer", async () => !(await isReady(site)));
  gateway.signal("SIGTERM");
  await until("it takes no new connections", async () => !(await isReachable(gateway.port)));
  process.kill(site.engine.pid, "SIGCONT");
  const answers = await within("every answer", Promise.all(sent));
  assert.deepEqual(new Set(answers.map(statusOf)), new Set([201]));
  bookSettled(site, payments, answers);
  watcher.socket.end("\r\n");
  await within("the end of a connection", watcher.ended);
  assert.equal(answersIn(watcher.text)[0]?.status, 503, "not ready, though the engine answers again");
  assert.equal(await within("it ends", gateway.exited), 0);
  await site.startGateway();
}

function bookSettled(site: FaultSite, payments: readonly Payment[], answers: readonly Answer[]): void {
  for (const [index, answer] of answers.entries()) {
    const payment = payments[index];
    if (payment && answer.status === 201) site.book(payment, answer);
  }
}

const statusOf = ({ status }: Answer): number => status;

async function isReady(site: FaultSite): Promise<boolean> {
  return (await site.call("GET", "/readyz", { key: null }).then(statusOf, () => 0)) === 200;
}

async function isReachable(port: number): Promise<boolean> {
  const connection = await RawConnection.open(port).catch(() => null);
  connection?.socket.destroy();
  return connection !== null;
}
