// Requests that no honest client sends: bodies, headers, paths and connections that are broken in every way we know.
// Each ends with a problem document or a closed connection; none is a fault of the gateway, moves money, is answered in
// the place of another request, or keeps the gateway from the next one.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, afterEach, before, describe, test } from "node:test";
import { Gateway } from "../../gateway/gateway.ts";
import { until, within } from "../support/condition.ts";
import { answersIn, type RawAnswer, RawConnection, sendRaw } from "../support/raw-http.ts";
import { type GatewaySite, startGatewaySite, testClock } from "./gateway-site.ts";

let site: GatewaySite;
/** Units that transfers of this file have moved. */
let moved = 0;

before(async () => {
  site = await startGatewaySite();
  for (const [wallet, min] of [
    ["mint:usd", "unlimited"],
    ["ann:usd", "0"],
  ])
    await site.call("POST", "/v1/wallets", { body: { id: randomUUID(), wallet, asset: "USD/2", min } });
});
afterEach(async () => {
  const answer = await site.call("POST", "/v1/transfers", { body: payment() });
  assert.equal(answer.status, 201, "a normal request right after");
  moved += 1;
  assert.deepEqual(site.problems, [], "the gateway knows no fault of its own");
});
after(async () => {
  try {
    const balances = ["mint:usd", "ann:usd"].map(async (wallet) => {
      const { json } = await site.call("GET", `/v1/wallets/${wallet}`);
      return [json["posted"], json["held"], json["incoming"]];
    });
    assert.deepEqual(await Promise.all(balances), [
      [`-${moved}`, "0", "0"],
      [`${moved}`, "0", "0"],
    ]);
  } finally {
    await site.stop();
  }
});

const payment = (): Record<string, string> => ({
  ...{ id: randomUUID(), from: "mint:usd", to: "ann:usd", amount: "1" },
});
const paymentWith = (more: string): string => `${JSON.stringify(payment()).slice(0, -1)},${more}}`;
const HEAD = "Host: x\r\nAuthorization: Bearer admin\r\n";

/** Every route that takes a body. */
const BODY_ROUTES = [
  "POST /v1/wallets",
  "PATCH /v1/wallets/ann:usd",
  "POST /v1/wallets/ann:usd/freeze",
  "POST /v1/transfers",
  `POST /v1/transfers/${randomUUID()}/capture?owner=ann`,
  `POST /v1/transfers/${randomUUID()}/release?owner=ann`,
  `POST /v1/transfers/${randomUUID()}/reverse?owner=ann`,
  "POST /v1/batches",
];

function withBody(route: string, body: string | Buffer, more = "Connection: close\r\n"): Buffer {
  const length = `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
  return Buffer.concat([Buffer.from(`${route} HTTP/1.1\r\n${HEAD}${length}${more}\r\n`), Buffer.from(body)]);
}

const port = (): number => site.gateway.port;

/** Requires that the last answer is a problem document of a status, and that nothing came before it. */
function assertProblem(answers: readonly RawAnswer[], status: number, about: string): void {
  assert.equal(answers.length, 1, `${about}: ${JSON.stringify(answers.map((each) => each.status))}`);
  const [answer] = answers;
  assert.equal(answer?.status, status, `${about}: ${answer?.body.slice(0, 300)}`);
  assert.equal(answer.headers.get("content-type"), "application/problem+json", about);
  const document: unknown = JSON.parse(answer.body);
  assert.ok(typeof document === "object" && document !== null, about);
  assert.equal(Reflect.get(document, "status"), status, about);
  assert.equal(Reflect.get(document, "type"), `urn:coffer:problem:${Reflect.get(document, "code")}`, about);
}

describe("bodies", () => {
  test("that are no strict JSON, or nested without end, are refused on every route that takes one", async () => {
    const broken: readonly (readonly [string, string | Buffer])[] = [
      ["arrays 100,000 deep", `${"[".repeat(100_000)}${"]".repeat(100_000)}`],
      ["objects 80,000 deep", `${'{"a":'.repeat(80_000)}1${"}".repeat(80_000)}`],
      ["brackets that never close", "[".repeat(500_000)],
      ["no UTF-8", Buffer.concat([Buffer.from('{"reason":"'), Buffer.from([0xc3, 0x28, 0xff, 0x22, 0x7d])])],
      ["a NUL byte", '{"reason":"a\0b"}'],
      ["a lone surrogate", '{"reason":"\\ud800"}'],
      ["a lone surrogate in a name", '{"\\udfff":1}'],
      ["a field twice", '{"reason":"a","reason":"b"}'],
      ["a number beyond double", '{"reason":1e999}'],
      ["300,000 digits", `{"reason":${"9".repeat(300_000)}}`],
      ["a byte order mark", "\ufeff{}"],
      ["a comment", '{"reason":"a"/**/}'],
      ["NaN", '{"reason":NaN}'],
      ["white space", " \n "],
      ["an own __proto__", '{"__proto__":{"reason":"a"}}'],
      ["an own constructor", '{"constructor":{"prototype":{"reason":"a"}}}'],
    ];
    for (const route of BODY_ROUTES) {
      for (const [about, body] of broken) {
        const request = withBody(route, body, `Connection: close\r\nIdempotency-Key: ${randomUUID()}\r\n`);
        assertProblem(await sendRaw(port(), request), 400, `${route} with ${about}`);
      }
    }
  });

  test("with wrong types, unknown and inherited names are refused, and the name of what is wrong is no code", async () => {
    const bodies = [
      ...["amount", "from", "to", "id"].flatMap((field) =>
        [1, -1, 1.5, true, null, {}, [], [[]], { toString: 1 }, "\u0000", "9".repeat(300_000)].map((value) =>
          JSON.stringify({ ...payment(), [field]: value }),
        ),
      ),
      ...["toString", "hasOwnProperty", "__proto__", "tenant", "op", "owner", "replayed", ""].map((name) =>
        paymentWith(`"${name}":"1"`),
      ),
      paymentWith('"hold":{"__proto__":{"ttlMs":1}}'),
      paymentWith('"hold":{"ttlMs":1e300}'),
      paymentWith('"ifVersion":{"__proto__":"1"}'),
      paymentWith('"meta":[]'),
      paymentWith('"ref":"\\u0000"'),
      `{"id":"${randomUUID()}","legs":{"__proto__":1,"length":1}}`,
      `{"id":"${randomUUID()}","legs":[{"__proto__":1,"from":"mint:usd","to":"ann:usd","amount":"1"}]}`,
    ];
    for (const body of bodies)
      assertProblem(await sendRaw(port(), withBody("POST /v1/transfers", body)), 400, body.slice(0, 200));
  });

  test("over the limit are 413: by their length before a byte came, and in chunks without one", async () => {
    const head = `POST /v1/transfers HTTP/1.1\r\n${HEAD}Connection: close\r\nContent-Type: application/json\r\n`;
    const announced = `${head}Content-Length: 999999999\r\n\r\n`;
    assertProblem(await sendRaw(port(), announced), 413, "announced");
    const chunk = `10000\r\n${"x".repeat(0x10000)}\r\n`;
    const chunks = `${head}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(9)}0\r\n\r\n`;
    assertProblem(await sendRaw(port(), chunks), 413, "in chunks");
    const endless = await RawConnection.open(port());
    endless.socket.write(`${head}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(9)}`);
    await until("an answer before the end of the body", () => endless.text.length > 0);
    endless.socket.destroy();
    assertProblem(answersIn(endless.text), 413, "chunks without end");
  });

  test("whose length is told twice, wrongly or in another way, are refused", async () => {
    const head = `POST /v1/transfers HTTP/1.1\r\n${HEAD}Connection: close\r\nContent-Type: application/json\r\n`;
    for (const lines of [
      "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
      "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "Content-Length: -1\r\n\r\n{}",
      "Content-Length: 99999999999999999999999\r\n\r\n{}",
      "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
      "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}\r\n",
    ])
      assertProblem(await sendRaw(port(), `${head}${lines}`), 400, lines);
  });
});

describe("requests", () => {
  test("with too many or too long headers are 431, and of those that fit none is lost", async () => {
    const many = Array.from({ length: 5_000 }, (_, index) => `x-${index}: y\r\n`).join("");
    for (const lines of [many, `x: ${"y".repeat(1_000_000)}\r\n`, `${"x".repeat(20_000)}: y\r\n`])
      assertProblem(await sendRaw(port(), `GET /livez HTTP/1.1\r\n${HEAD}${lines}\r\n`), 431, "headers");
    const long = `GET /livez?${"y".repeat(1_000_000)} HTTP/1.1\r\n${HEAD}\r\n`;
    assertProblem(await sendRaw(port(), long), 431, "a query");
    for (const count of [500, 900, 1_100, 2_000]) {
      const small = `${"a:\r\n".repeat(count)}Authorization: Bearer admin\r\nConnection: close\r\n\r\n`;
      const [answer] = await sendRaw(port(), `GET /v1/wallets/ann:usd HTTP/1.1\r\nHost: x\r\n${small}`);
      assert.ok(answer?.status === 200 || answer?.status === 431, `${count} headers: ${answer?.status}`);
    }
  });

  test("for paths and parameters that are no text, or names of things that objects have, are never a fault", async () => {
    const paths: readonly (readonly [string, number])[] = [
      ["/%", 400],
      ["/v1/wallets/%ZZ", 400],
      ["/v1/wallets/%FF%FE:usd", 400],
      ["/v1/wallets/ann%00:usd", 400],
      ["/v1/wallets/a%2Fb:usd", 400],
      ["/v1/wallets/__proto__:usd", 404],
      ["/v1/owners/__proto__", 404],
      ["/v1/owners/../owners/ann", 404],
      ["/v1/wallets/ann:usd?__proto__=x", 400],
      ["/v1/wallets/ann:usd?constructor=x", 400],
      ["/v1/wallets/ann:usd?toString=x", 400],
      ["/v1/wallets/ann:usd?consistency=strong&consistency=strong", 400],
      ["/v1/wallets/ann:usd?consistency=%ZZ", 400],
      ["/v1/owners/ann/holds?limit=99999999999999999999", 400],
      ["/v1/owners/ann/holds?limit=1e1", 400],
      ["/v1/owners/ann/holds?cursor=%00", 400],
      [`/v1/wallets/ann:usd/entries?cursor=${"A".repeat(200)}`, 400],
      [`/v1/transfers/${randomUUID()}?owner=__proto__`, 404],
      ["/docs/static/%00", 404],
      ["/docs/static/..%2f..%2f..%2fpackage.json", 404],
      ["/docs/static/%2e%2e/%2e%2e/package.json", 404],
    ];
    for (const [path, status] of paths) {
      const request = `GET ${path} HTTP/1.1\r\n${HEAD}Connection: close\r\n\r\n`;
      assertProblem(await sendRaw(port(), request), status, path);
    }
  });

  test("of every method are answered: 405 where the route has another, 400 where HTTP knows none", async () => {
    const methods: readonly (readonly [string, number])[] = [
      ...["PUT", "DELETE", "PROPFIND", "TRACE", "OPTIONS", "PATCH"].map((each): [string, number] => [
        each,
        405,
      ]),
      ["QUERY", 400],
      ["FROB", 400],
      ["get", 400],
      ["", 400],
    ];
    for (const [method, status] of methods) {
      const request = `${method} /v1/transfers HTTP/1.1\r\n${HEAD}Connection: close\r\n\r\n`;
      assertProblem(await sendRaw(port(), request), status, method);
    }
    assert.deepEqual(await sendRaw(port(), `CONNECT x:1 HTTP/1.1\r\n${HEAD}\r\n`), [], "CONNECT");
  });

  test("of HTTP/1.1 without a Host header are 400, behind the answers of those before; of HTTP/1.0 they are answered", async () => {
    const hostless = "Authorization: Bearer admin\r\n";
    for (const line of ["GET /livez", "GET /v1/wallets/ann:usd", "GET /docs", "GET /nowhere", "PUT /livez"]) {
      const answers = await sendRaw(port(), `${line} HTTP/1.1\r\n${hostless}\r\n`);
      assertProblem(answers, 400, line);
      const { headers, body } = answers[0] ?? assert.fail();
      assert.equal(headers.get("connection"), "close", line);
      assert.equal(Reflect.get(JSON.parse(body), "detail"), "Host", line);
    }
    const body = JSON.stringify(payment());
    const good = withBody("POST /v1/transfers", body, "");
    const bad = good.toString().replace("Host: x\r\n", "").replace(body, JSON.stringify(payment()));
    const [first, ...rest] = await sendRaw(port(), Buffer.concat([good, Buffer.from(bad), good]));
    assert.equal(first?.status, 201);
    moved += 1;
    assertProblem(rest, 400, "behind a transfer");
    const [old] = await sendRaw(port(), `GET /v1/wallets/ann:usd HTTP/1.0\r\n${hostless}\r\n`);
    assert.equal(old?.status, 200);
  });

  test("that are no HTTP/1.1, or ask for more than it, are refused or answered as what they are", async () => {
    const lines: readonly (readonly [string, number])[] = [
      ["NONSENSE\r\n\r\n", 400],
      ["GET /livez HTTP/9.9\r\n\r\n", 400],
      ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400],
      ["\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400],
      [`GET /livez HTTP/1.1\r\n${HEAD}x: a\0b\r\n\r\n`, 400],
      [`GET /livez HTTP/1.1\r\n${HEAD}x : a\r\n\r\n`, 400],
      [`GET /livez HTTP/1.1\r\n${HEAD}x: a\r\n folded\r\n\r\n`, 400],
      [`GET /livez HTTP/1.1\r\n${HEAD}Expect: a miracle\r\nConnection: close\r\n\r\n`, 400],
    ];
    for (const [bytes, status] of lines) assertProblem(await sendRaw(port(), bytes), status, bytes);
    const old = withBody("POST /v1/transfers", JSON.stringify(payment())).toString();
    const [answer] = await sendRaw(port(), old.replace("HTTP/1.1", "HTTP/1.0"));
    assert.equal(answer?.status, 201);
    moved += 1;
    const upgrade = `GET /livez HTTP/1.1\r\n${HEAD}Connection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n`;
    assert.deepEqual(
      (await sendRaw(port(), upgrade)).map(({ status }) => status),
      [200],
    );
  });
});

describe("connections", () => {
  test("that go on with garbage after a transfer never get its refusal as the transfer's answer", async () => {
    const body = payment();
    const good = withBody("POST /v1/transfers", JSON.stringify(body), "");
    const answers = await sendRaw(port(), Buffer.concat([good, Buffer.from("GARBAGE\r\n\r\n")]));
    const [first] = answers;
    if (first !== undefined) assert.equal(first.status, 201, first.body);
    const again = await site.call("POST", "/v1/transfers", { body });
    assert.equal(again.status, 201, again.text);
    moved += 1;
  });

  test("whose other half is closed early leave a transfer done once or not begun", async () => {
    const body = payment();
    const whole = withBody("POST /v1/transfers", JSON.stringify(body), "");
    for (const [bytes, fits] of [
      [whole, [201]],
      [whole.subarray(0, -5), [400]],
    ] as const) {
      for (const { status } of await sendRaw(port(), bytes, { isHalfClosed: true }))
        assert.ok(
          fits.some((each) => each === status),
          String(status),
        );
    }
    const again = await site.call("POST", "/v1/transfers", { body });
    assert.equal(again.status, 201, again.text);
    moved += 1;
  });

  test("that are slow end within the bound, and slow nobody down", async (t) => {
    const gateway = await slowGateway(500);
    t.after(() => gateway.stop());
    const head = `POST /v1/transfers HTTP/1.1\r\n${HEAD}Content-Type: application/json\r\nContent-Length: 500\r\n`;
    const starts = ["", "POST /v1/tr", head, `${head}\r\n`, `${head}\r\n{"id":`];
    const slow = await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        const connection = await RawConnection.open(gateway.port);
        connection.socket.write(starts[index % starts.length] ?? "");
        return connection;
      }),
    );
    // One byte now and then is no progress.
    const dripping = setInterval(() => {
      for (const [index, { socket }] of slow.entries()) if (index % starts.length > 1) socket.write("x");
    }, 50);
    t.after(() => clearInterval(dripping));
    const answer = await callQuickly(gateway.url);
    assert.equal(answer, 200);
    assert.ok(
      slow.every(({ socket }) => !socket.destroyed),
      "answered while the slow ones were open",
    );
    for (const { socket } of slow) socket.on("end", () => socket.end());
    for (const { ended } of slow) {
      const text = await within("the end of a slow connection", ended);
      if (text !== "") assertProblem(answersIn(text), 408, text);
    }
  });

  test("whose caller reads no answer are closed in the end, and hold up nobody", async (t) => {
    const gateway = await slowGateway(250);
    t.after(() => gateway.stop());
    const connection = await RawConnection.open(gateway.port);
    connection.socket.pause();
    connection.socket.write(`GET /openapi.json HTTP/1.1\r\n${HEAD}\r\n`.repeat(200));
    await until("others are answered", async () => (await callQuickly(gateway.url)) === 200);
    // What is closed is only found out by writing to it.
    const asking = setInterval(() => connection.socket.write("GET"), 100);
    t.after(() => clearInterval(asking));
    await within("the end of a connection that is not read", connection.ended);
  });

  test("whose caller leaves keep nothing, and the command goes on", async () => {
    const body = payment();
    const connection = await RawConnection.open(port());
    const { bytesWritten } = connection.socket;
    connection.socket.write(withBody("POST /v1/transfers", JSON.stringify(body), ""));
    await until("it is written", () => connection.socket.bytesWritten > bytesWritten);
    connection.socket.resetAndDestroy();
    const again = await site.call("POST", "/v1/transfers", { body });
    assert.equal(again.status, 201, again.text);
    moved += 1;
  });
});

/** A gateway that gives a request so long to arrive, ms. */
async function slowGateway(requestMs: number): Promise<Gateway> {
  const options = { natsUrl: site.nats.url, host: "127.0.0.1", port: 0, replicas: 1, requestMs };
  const parts = { clock: testClock, keys: site.keys, onProblem: (text: string) => site.problems.push(text) };
  return await Gateway.start(options, parts);
}

async function callQuickly(url: string): Promise<number> {
  const headers = { authorization: "Bearer read" };
  const { status } = await fetch(`${url}/v1/wallets/ann:usd`, { headers });
  return status;
}
