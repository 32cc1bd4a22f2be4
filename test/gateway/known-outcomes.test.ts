// Repeated commands over HTTP: answered without a record in the log where their outcome is known, by the engine where it is
// not, and never differently. One gateway with a memory of its own, two that share a real Redis, on one engine.
// Guards against: an answer that a cache made up, gave to another command, or refused by itself.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";
import type { Connection } from "../../cluster/connection.ts";
import { objectIn, requestApi } from "../../cluster/jetstream-api.ts";
import type { Gateway } from "../../gateway/gateway.ts";
import { parseTenant } from "../../protocol/names.ts";
import { frameSubject, shardStream } from "../../protocol/subject.ts";
import { until } from "../support/condition.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import {
  type Answer,
  type Call,
  callHttp,
  type GatewaySite,
  startGatewaySite,
  startTestGateway,
} from "./gateway-site.ts";

type Json = Readonly<Record<string, unknown>>;

const started: {
  site: GatewaySite;
  redis: TestRedis;
  gateways: readonly [Gateway, Gateway];
  connection: Connection;
} = Object.create(null);

before(async () => {
  const [site, redis] = await Promise.all([startGatewaySite({ shards: 1 }), startTestRedis()]);
  Object.assign(started, { site, redis });
  site.keys.add("ben", "write", { owners: ["ben"] }).add("other", "admin", { tenant: "other" });
  const open = (): Promise<Gateway> =>
    startTestGateway(site.nats.url, site.keys, undefined, 5_000, { options: { redisUrl: redis.url } });
  const gateways = await Promise.all([open(), open()]);
  Object.assign(started, { gateways, connection: await site.nats.connect() });
  for (const wallet of ["amy:usd", "ben:usd"]) await send("/v1/wallets", { wallet, asset: "USD/2" });
  await send("/v1/wallets", { wallet: "mint:usd", asset: "USD/2", min: "unlimited" });
  await send("/v1/transfers", { from: "mint:usd", to: "ben:usd", amount: "1000" });
});
after(async () => {
  await Promise.all((started.gateways ?? []).map((gateway) => gateway.stop()));
  await started.redis?.stop();
  await started.site?.stop();
});

/** Sends a command to the gateway without Redis; with a fresh id when it names none. */
const send = (path: string, body: Json, call: Call = {}): Promise<Answer> =>
  started.site.call("POST", path, { ...call, body: { id: randomUUID(), ...body } });

/** Sends a transfer to one of the two gateways with Redis. */
const sendTo = (index: 0 | 1, body: Json): Promise<Answer> =>
  callHttp(started.gateways[index].url, "POST", "/v1/transfers", { body });

/** Frames of commands in the log. */
async function records(): Promise<number> {
  const tenant = parseTenant("demo");
  assert.ok(tenant);
  const subject = frameSubject(0, tenant);
  const asked = { subjects_filter: subject };
  const info = await requestApi(started.connection.nc, `STREAM.INFO.${shardStream(0)}`, asked);
  return Number(objectIn(objectIn(info["state"])["subjects"])[subject]);
}

const pay = (more: Json = {}): Json => {
  return { id: randomUUID(), from: "mint:usd", to: "amy:usd", amount: "5", ...more };
};

/** An answer but for what says that it is a repeat. */
const said = ({ status, text }: Answer): unknown => [
  status,
  text.replace('"replayed":true', '"replayed":false'),
];

describe("a repeated command", () => {
  test("is answered as the first time, without a record in the log", async () => {
    const refusal = { from: "amy:usd", to: "mint:usd", amount: "9999999" };
    for (const body of [pay(), pay({ ref: "ü", meta: { a: [1] } }), { id: randomUUID(), ...refusal }]) {
      const first = await send("/v1/transfers", body);
      const before = await records();
      for (let round = 0; round < 3; round += 1) {
        const again = await send("/v1/transfers", body);
        assert.deepEqual(said(again), said(first));
        assert.equal(again.headers.get("idempotent-replayed"), "true");
      }
      const batch = await started.site.call("POST", "/v1/batches", {
        body: { commands: [{ op: "transfer", ...body }] },
      });
      assert.equal(batch.status, 200);
      assert.equal(await records(), before + 1, "in a batch it is spelled otherwise, and the log answers");
    }
  });

  test("by its key is known, too, and a refusal stays one when it could be granted now", async () => {
    const headers = { "idempotency-key": randomUUID() };
    const body = { from: "amy:usd", to: "ben:usd", amount: "1000000" };
    const first = await started.site.call("POST", "/v1/transfers", { headers, body });
    assert.equal(first.json["code"], "insufficient_funds");
    await send("/v1/transfers", { from: "mint:usd", to: "amy:usd", amount: "1000000" });
    const before = await records();
    const again = await started.site.call("POST", "/v1/transfers", { headers, body });
    assert.deepEqual([again.json["code"], await records()], ["insufficient_funds", before]);
  });

  test("with other content is a conflict, however well the first is known", async () => {
    const body = pay();
    const first = await send("/v1/transfers", body);
    for (const other of [{ amount: "6" }, { to: "ben:usd" }, { ref: "r" }]) {
      const altered = await send("/v1/transfers", { ...body, ...other });
      assert.equal(altered.json["code"], "id_conflict", altered.text);
    }
    const conflict = await send("/v1/transfers", { ...body, amount: "6" });
    assert.equal(conflict.json["code"], "id_conflict");
    assert.deepEqual(said(await send("/v1/transfers", body)), said(first));
    const spelled = Object.fromEntries(Object.entries(body).reverse());
    assert.deepEqual(said(await send("/v1/transfers", spelled)), said(first));
  });

  test("shows each caller what he may see, and is another one for another tenant", async () => {
    const body = { id: randomUUID(), from: "ben:usd", to: "amy:usd", amount: "1" };
    const whole = await send("/v1/transfers", body);
    assert.deepEqual(Object.keys(whole.json["balances"] as Json).sort(), ["amy:usd", "ben:usd"]);
    const before = await records();
    const bound = await send("/v1/transfers", body, { key: "ben" });
    assert.deepEqual([Object.keys(bound.json["balances"] as Json), await records()], [["ben:usd"], before]);
    const foreign = await send("/v1/transfers", body, { key: "other" });
    assert.equal(foreign.json["code"], "wallet_not_found");
  });
});

describe("gateways that share Redis", () => {
  const outcomesInRedis = async (): Promise<unknown[]> => {
    const names = await started.redis.command("KEYS", "coffer:*:o:*");
    return Array.isArray(names) ? names : [];
  };

  /** Sends a transfer to the first gateway and waits until Redis has its outcome. */
  async function shared(): Promise<{ readonly body: Json; readonly first: Answer; readonly key: string }> {
    const body = pay();
    const first = await sendTo(0, body);
    const key = await until("Redis has the outcome", async () => {
      return (await outcomesInRedis()).map(String).find((name) => name.endsWith(String(body["id"])));
    });
    return { body, first, key };
  }

  test("answer for each other, without a record in the log", async () => {
    const { body, first } = await shared();
    const before = await records();
    const again = await sendTo(1, body);
    assert.deepEqual(said(again), said(first));
    assert.deepEqual([again.headers.get("idempotent-replayed"), await records()], ["true", before]);
  });

  test("tell an altered command's conflict, and take no forged outcome", async () => {
    const { body, key } = await shared();
    assert.equal((await sendTo(1, { ...body, amount: "6" })).json["code"], "id_conflict");
    const value = String(await started.redis.command("GET", key));
    for (const text of [null, value, "1", value.slice(0, 40)]) {
      const other = await shared();
      const own = String(await started.redis.command("GET", other.key));
      await started.redis.command(
        "SET",
        other.key,
        text ?? own.replace('"amount', '"amoun').replace('"posted"', '"held"'),
      );
      const again = await sendTo(1, other.body);
      assert.deepEqual(said(again), said(other.first), String(text));
    }
  });

  test("lose nothing but speed when Redis is emptied or killed", async () => {
    const emptied = await shared();
    await started.redis.command("FLUSHALL");
    assert.deepEqual(said(await sendTo(1, emptied.body)), said(emptied.first));
    const killed = await shared();
    const cached = "/v1/wallets/amy:usd?consistency=cached";
    const read = (index: 0 | 1): Promise<Answer> => callHttp(started.gateways[index].url, "GET", cached);
    assert.equal((await read(0)).status, 200);
    await started.redis.kill();
    assert.deepEqual(said(await sendTo(1, killed.body)), said(killed.first));
    assert.equal((await sendTo(1, { ...killed.body, amount: "6" })).json["code"], "id_conflict");
    const later = pay();
    const first = await sendTo(0, later);
    assert.deepEqual(said(await sendTo(1, later)), said(first));
    assert.equal((await read(1)).text, (await read(0)).text);
    await started.redis.restart();
    assert.deepEqual(said(await sendTo(1, later)), said(first));
  });
});
