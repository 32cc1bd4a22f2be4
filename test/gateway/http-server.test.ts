// The HTTP around the routes: keys and access, bodies, methods, limits, documents, and what a stop does.
// Guards against: an error that is no problem document, and a request that a stop leaves without an answer.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { connect as dial } from "node:net";
import { after, before, describe, test } from "node:test";
import { until, within } from "../support/condition.ts";
import {
  type Answer,
  callHttp,
  type GatewaySite,
  startGatewaySite,
  startTestGateway,
} from "./gateway-site.ts";

let site: GatewaySite;
before(async () => {
  site = await startGatewaySite();
  await site.call("POST", "/v1/wallets", {
    body: { id: randomUUID(), wallet: "mint:usd", asset: "USD/2", min: "unlimited" },
  });
  await site.call("POST", "/v1/wallets", { body: { id: randomUUID(), wallet: "ann:usd", asset: "USD/2" } });
});
after(async () => {
  assert.deepEqual(site.problems, []);
  await site.stop();
});

const pay = (): Record<string, string> => ({
  id: randomUUID(),
  from: "mint:usd",
  to: "ann:usd",
  amount: "1",
});

function assertCode(answer: Answer, status: number, code: string): void {
  assert.deepEqual([answer.status, answer.json["code"]], [status, code], answer.text);
  assert.equal(answer.headers.get("content-type"), "application/problem+json");
}

describe("access", () => {
  test("no key and an unknown one are 401, a narrow one 403", async () => {
    for (const key of [null, "nobody"]) {
      const answer = await site.call("POST", "/v1/transfers", { key, body: pay() });
      assertCode(answer, 401, "unauthorized");
      assert.match(answer.headers.get("www-authenticate") ?? "", /^Bearer/);
    }
    assertCode(await site.call("POST", "/v1/transfers", { key: "read", body: pay() }), 403, "forbidden");
    const freeze = { key: "write", body: { id: randomUUID(), reason: "a test" } };
    assertCode(await site.call("POST", "/v1/wallets/ann:usd/freeze", freeze), 403, "forbidden");
  });

  test("a key that may only move money makes none, neither alone nor in a batch", async () => {
    const mint = { id: randomUUID(), wallet: "evil:usd", asset: "USD/2", min: "unlimited" };
    assertCode(await site.call("POST", "/v1/wallets", { key: "write", body: mint }), 403, "forbidden");
    const commands = [{ op: "open", ...mint }];
    assertCode(
      await site.call("POST", "/v1/batches", { key: "write", body: { commands } }),
      403,
      "forbidden",
    );
    const limit = [{ op: "limit", id: randomUUID(), wallet: "ann:usd", min: "unlimited" }];
    assertCode(
      await site.call("POST", "/v1/batches", { key: "write", body: { commands: limit } }),
      403,
      "forbidden",
    );
  });
});

describe("requests that do not fit", () => {
  test("a body that is not strict JSON, not an object, or not JSON at all", async () => {
    const { id } = pay();
    const twice = `{"id":"${id}","from":"mint:usd","to":"ann:usd","amount":"1","amount":"2"}`;
    for (const text of ["{", "[]", "1", "null", '"a"', twice, `{"a":${"[".repeat(40)}${"]".repeat(40)}}`])
      assertCode(
        await site.call("POST", "/v1/transfers", { text, headers: { "idempotency-key": "k" } }),
        400,
        "malformed",
      );
    const plain = { text: JSON.stringify(pay()), headers: { "content-type": "text/plain" } };
    assertCode(await site.call("POST", "/v1/transfers", plain), 415, "media_type_unsupported");
    const large = { body: { ...pay(), ref: "x".repeat(600 * 1024) } };
    assertCode(await site.call("POST", "/v1/transfers", large), 413, "body_too_large");
  });

  test("the engine's own rules name the code", async () => {
    const cases: readonly (readonly [object, string])[] = [
      [{ amount: 5 }, "amount_invalid"],
      [{ amount: "0" }, "amount_invalid"],
      [{ to: "nowhere" }, "wallet_invalid"],
      [{ from: "nowhere" }, "wallet_invalid"],
      [{ to: "mint:usd" }, "same_wallet"],
      [{ hold: { ttlMs: 0 } }, "ttl_invalid"],
      [{ legs: [] }, "legs_invalid"],
      [{ id: "one" }, "id_invalid"],
      [{ op: "transfer" }, "malformed"],
      [{ owner: "mint" }, "malformed"],
      [{ __proto__: null, extra: 1 }, "malformed"],
      [{ ref: "x".repeat(129) }, "too_large"],
    ];
    for (const [more, code] of cases)
      assertCode(await site.call("POST", "/v1/transfers", { body: { ...pay(), ...more } }), 400, code);
    const match = { body: { id: randomUUID(), max: "5" }, headers: { "if-match": '"1"' } };
    assertCode(await site.call("PATCH", "/v1/wallets/ann:usd", match), 400, "malformed");
  });

  test("routes, methods, parameters and headers that do not exist", async () => {
    assertCode(await site.call("GET", "/v2/transfers"), 404, "route_not_found");
    const wrong = await site.call("DELETE", "/v1/wallets/ann:usd");
    assertCode(wrong, 405, "method_not_allowed");
    assert.equal(wrong.headers.get("allow"), "PATCH, GET, HEAD");
    assertCode(await site.call("GET", "/v1/wallets/ann:usd?colour=red"), 400, "malformed");
    assertCode(await site.call("GET", "/v1/wallets/%ZZ"), 400, "malformed");
    assertCode(await site.call("GET", `/v1/wallets/${"a".repeat(500)}:usd`), 400, "wallet_invalid");
    assertCode(await site.call("GET", "/v1/transfers/one?owner=ann"), 400, "id_invalid");
    assertCode(
      await site.call("GET", "/livez", { headers: { "x-long": "x".repeat(20_000) } }),
      431,
      "headers_too_large",
    );
    assert.match(
      await raw("NONSENSE\r\n\r\n"),
      /^HTTP\/1\.1 400 [\s\S]*application\/problem\+json[\s\S]*"code":"malformed"/,
    );
  });
});

describe("about itself", () => {
  test("lives, is ready, names versions and promises, without a key", async () => {
    const answers = await Promise.all(
      ["/livez", "/readyz", "/version", "/v1/guarantees"].map((path) =>
        site.call("GET", path, { key: null }),
      ),
    );
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 200, 200],
    );
    assert.equal(answers[3]?.json["durability"], "relaxed");
  });

  test("the document is OpenAPI 3.1, and its page loads nothing from elsewhere", async () => {
    const { json } = await site.call("GET", "/openapi.json", { key: null });
    assert.equal(json["openapi"], "3.1.0");
    const page = await site.call("GET", "/docs/", { key: null });
    assert.equal(page.status, 200);
    assert.doesNotMatch(page.text, /(?:src|href)="(?:https?:)?\/\//);
    assert.match(page.headers.get("content-security-policy") ?? "", /default-src 'none'/);
  });
});

describe("a stop", () => {
  test("answers what has arrived, turns unready, and leaves nothing behind", async () => {
    const gateway = await startTestGateway(site.nats.url, site.keys);
    const warm = await callHttp(gateway.url, "POST", "/v1/transfers", { body: pay() });
    assert.equal(warm.status, 201);
    const bodies = Array.from({ length: 50 }, pay);
    const sent = bodies.map((body) => callHttp(gateway.url, "POST", "/v1/transfers", { body }));
    const first = await Promise.race(sent);
    assert.equal(first.status, 201);
    await within("the gateway stops", gateway.stop());
    const answers = await Promise.allSettled(sent);
    for (const [index, answer] of answers.entries()) {
      if (answer.status === "fulfilled") assert.equal(answer.value.status, 201, answer.value.text);
      const again = await site.call("POST", "/v1/transfers", { body: bodies[index] });
      assert.equal(again.status, 201, again.text);
    }
    await assert.rejects(callHttp(gateway.url, "GET", "/livez"));
  });

  test("answers within its bound when the engine does not", async () => {
    const gateway = await startTestGateway(site.nats.url, site.keys, undefined, 300);
    assert.equal((await callHttp(gateway.url, "POST", "/v1/transfers", { body: pay() })).status, 201);
    process.kill(site.engine.pid, "SIGSTOP");
    try {
      const body = pay();
      const waiting = callHttp(gateway.url, "POST", "/v1/transfers", {
        body,
        headers: { prefer: "wait=30" },
      });
      const late = await callHttp(gateway.url, "POST", "/v1/transfers", {
        body: pay(),
        headers: { prefer: "wait=0" },
      });
      assert.equal(late.status, 202, late.text);
      assert.equal(late.json["status"], "pending");
      await within("the gateway stops", gateway.stop());
      const answer = await waiting;
      assert.deepEqual([answer.status, answer.json["id"]], [202, body["id"]], answer.text);
      const isUnready = async (): Promise<boolean> =>
        (await site.call("GET", "/readyz", { key: null })).status === 503;
      await until("the other gateway is not ready", isUnready);
    } finally {
      process.kill(site.engine.pid, "SIGCONT");
    }
  });
});

/** Sends bytes and reads until the connection ends. */
async function raw(text: string): Promise<string> {
  const socket = dial(site.gateway.port, "127.0.0.1");
  socket.write(text);
  let answer = "";
  for await (const chunk of socket) answer += String(chunk);
  return answer;
}
