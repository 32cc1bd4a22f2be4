// Places in admission over HTTP: who has one, when it is given back, and what is answered when there is none.
// The server is real; the engine behind it is scripted, because a real one cannot be asked to keep its outcomes back.
// Guards against: a place that leaks, until a gateway refuses everything; a place that is given back while its command
// is still under way; a body that is read of a request that is shed.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { connect as dial, type Socket } from "node:net";
import { after, afterEach, before, test } from "node:test";
import { type AdmissionSettings, DEFAULT_ADMISSION } from "../../gateway/admission/settings.ts";
import type { Gateway } from "../../gateway/gateway.ts";
import { type FrameScript, ScriptedEngine } from "../client/scripted-engine.ts";
import { until, within } from "../support/condition.ts";
import { startTestNats, type TestNats } from "../support/nats.ts";
import { type Answer, callHttp, startTestGateway, TestKeys } from "./gateway-site.ts";
import { Scrape } from "./scrape.ts";

const PLACES = 8;
const small: AdmissionSettings = {
  ...DEFAULT_ADMISSION,
  window: { ...DEFAULT_ADMISSION.window, min: PLACES, initial: PLACES, max: PLACES },
  placesMax: 2,
  calm: PLACES - 1,
};
const keys = new TestKeys().add("a", "admin", { tenant: "a" }).add("b", "admin", { tenant: "b" });
/** What the engine does with each frame. */
let script: FrameScript = {};
let answered = 0;
let nats: TestNats;
let engine: ScriptedEngine;
let gateway: Gateway;

before(async () => {
  nats = await startTestNats({ shards: 4 });
  const connection = await nats.connect("scripted-engine");
  engine = new ScriptedEngine(connection, 4, () => script).answerInfo().takeFrames();
  await connection.nc.flush();
  gateway = await startTestGateway(nats.url, keys, undefined, 0, { options: { admission: small } });
});
afterEach(async () => {
  settleAll();
  await untilUnanswered(0);
  script = {};
});
after(async () => {
  await gateway.stop();
  await nats.stop();
});

/** Sends the outcomes of all frames so far that have none. */
function settleAll(): void {
  for (const frame of engine.frames.slice(answered)) engine.sendOutcomes(frame);
  answered = engine.frames.length;
}

async function untilUnanswered(count: number): Promise<void> {
  const unanswered = async () => (await Scrape.of(gateway.url)).value("unanswered_commands");
  await until(`${count} unanswered`, async () => (await unanswered()) === count, 10_000);
}

const pay = (id: string = randomUUID()): Record<string, string> => ({
  id,
  from: `o${id.slice(0, 8)}:usd`,
  to: "ben:usd",
  amount: "1",
});
const send = (body: unknown, key = "a", headers: Record<string, string> = {}): Promise<Answer> =>
  callHttp(gateway.url, "POST", "/v1/transfers", { key, body, headers });
const sendAsync = (key = "a"): Promise<Answer> => send(pay(), key, { prefer: "respond-async" });

function rawPost(path: string, bodyBytes: number, part: string): Socket {
  const socket = dial(gateway.port, "127.0.0.1");
  const head = `POST ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer a\r\ncontent-type: application/json\r\n`;
  socket.write(`${head}content-length: ${bodyBytes}\r\n\r\n${part}`);
  return socket;
}

test("a command that is answered 202 keeps its place until it settles", async () => {
  script = { outcomes: "withheld" };
  const answers = await Promise.all([sendAsync(), sendAsync()]);
  assert.deepEqual(
    answers.map(({ status }) => status),
    [202, 202],
  );
  await untilUnanswered(2);
  settleAll();
  await untilUnanswered(0);
});

test("a caller who goes away before the answer leaves its place until the command settles, and no longer", async () => {
  script = { outcomes: "withheld" };
  const before = engine.frames.length;
  const text = JSON.stringify(pay());
  const socket = rawPost("/v1/transfers", text.length, text);
  await engine.until(() => engine.frames.length > before);
  socket.destroy();
  await untilUnanswered(1);
  settleAll();
  await untilUnanswered(0);
});

test("a caller who goes away in the middle of the body gives its place back", async () => {
  const socket = rawPost("/v1/transfers", 20_000, '{"id":');
  await untilUnanswered(2);
  socket.destroy();
  await untilUnanswered(0);
});

test("copies of a command under way have places of their own, and each is given back", async () => {
  script = { outcomes: "withheld" };
  const body = pay();
  const answers = [send(body), send(body), send(body)];
  await untilUnanswered(3);
  settleAll();
  assert.deepEqual(
    (await Promise.all(answers)).map(({ status }) => status),
    [201, 201, 201],
  );
});

test("a batch has one place, with copies, refused and broken commands in it, and gives it back at its end", async () => {
  script = { outcomes: "withheld" };
  const [good, other] = [
    { op: "transfer", ...pay() },
    { op: "transfer", ...pay() },
  ];
  const broken = [
    { op: "nonsense", id: randomUUID() },
    { ...other, id: randomUUID(), amount: "x" },
  ];
  const batch = (commands: object[]): Promise<Answer> =>
    callHttp(gateway.url, "POST", "/v1/batches", { key: "a", body: { commands } });
  const answer = batch([good, good, other, ...broken]);
  await untilUnanswered(1);
  settleAll();
  const { outcomes } = (await answer).json as { outcomes: { status: string }[] };
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ["posted", "posted", "posted", "refused", "refused"],
  );
  await untilUnanswered(0);
  assert.equal((await batch(broken)).status, 200);
});

test("requests that end before their command keep nothing", async () => {
  for (const text of ["{", "[]", "{}", JSON.stringify({ ...pay(), amount: "x" })])
    assert.equal((await callHttp(gateway.url, "POST", "/v1/transfers", { key: "a", text })).status, 400);
  assert.equal((await Scrape.of(gateway.url)).value("unanswered_commands"), 0);
});

test("without a place a request is answered 503 before its body has come, and others go on", async () => {
  script = { outcomes: "withheld" };
  for (let count = 0; count < PLACES; count += 1) assert.equal((await sendAsync()).status, 202);
  const socket = rawPost("/v1/transfers", 5_000, "");
  const { promise, resolve } = Promise.withResolvers<string>();
  socket.setEncoding("utf8").once("data", resolve);
  const [head = "", body = ""] = (await within("an answer", promise, 5_000)).split("\r\n\r\n");
  socket.destroy();
  assert.match(head, /^HTTP\/1\.1 503 /);
  const [, retry] = /\r\nretry-after: (\d+)/i.exec(head) ?? [];
  assert.ok(Number(retry) >= 1 && Number(retry) <= 4, head);
  const { code, final, status, instance } = JSON.parse(body) as Record<string, unknown>;
  assert.deepEqual([code, final, status, instance], ["busy", false, 503, "/v1/transfers"]);
  assert.match(head, /\r\nx-request-id: [0-9a-f]{10}-\d+\r\n/);
  const fields = Object.keys(JSON.parse(body) as object).sort();
  const usual = await callHttp(gateway.url, "GET", "/v1/wallets/x", { key: "a" });
  assert.deepEqual(fields, Object.keys(usual.json).sort());
  assert.equal((await callHttp(gateway.url, "GET", "/livez", { key: null })).status, 200);
  const scrape = await Scrape.of(gateway.url);
  assert.equal(scrape.value('shed_total{reason="window"}'), 1);
  assert.equal(scrape.value('requests_total{route="POST /v1/transfers",status="503"}'), 1);
});

test("of two tenants the one that was refused finds room first when there is some", async () => {
  script = { outcomes: "withheld" };
  for (let count = 0; count < PLACES; count += 1) await sendAsync("a");
  const half = Array.from({ length: PLACES / 2 });
  for (const _ of half) assert.equal((await sendAsync("b")).status, 503);
  settleAll();
  await untilUnanswered(0);
  const greedy: number[] = [];
  for (let count = 0; count < PLACES; count += 1) greedy.push((await sendAsync("a")).status);
  assert.deepEqual([greedy.filter((status) => status === 202).length <= PLACES / 2, greedy[0]], [true, 202]);
  for (const _ of half) assert.equal((await sendAsync("b")).status, 202);
});
