// Live events over HTTP on a real engine: what a stream shows, who may open one, and what it costs those who do not read.
// Guards against: a change that a reader never sees, sees twice, or sees of somebody else's wallets; a stream that
// outlives its key, its reader or the gateway.
import assert from "node:assert/strict";
import { connect as dial } from "node:net";
import { after, before, describe, test } from "node:test";
import { encodeEventMessage } from "../../../protocol/event.ts";
import { until } from "../../support/condition.ts";
import { type LiveSite, mint, startLiveSite } from "./live-site.ts";
import { type SseMessage, SseReader, type StreamCall, Versions } from "./sse-reader.ts";

const OWNERS = ["ann", "ben", "cat", "dan", "eve"];
let site: LiveSite;
before(async () => {
  site = await startLiveSite({ heartbeatMs: 50, drainMs: 300, graceMs: 50 });
  site.keys.add("ann", "read", { owners: ["ann", "gone"] });
  await site.openWallets("mint:usd", ...OWNERS.flatMap((owner) => [`${owner}:usd`, `${owner}:eur`]));
});
after(() => site.stop());

/** A stream that has begun. */
async function opened(call: StreamCall, url = site.gateway.url): Promise<SseReader> {
  const reader = SseReader.open(url, call);
  await until("an answer", () => reader.status !== 0 && (reader.isEnded || reader.lastId !== ""));
  return reader;
}

/** Waits until a reader has all that the engine has of its owners, and nothing was wrong on the way. */
async function complete(reader: SseReader, owners: readonly string[]): Promise<void> {
  const expected = new Map<string, number>();
  for (const owner of owners) {
    const { json } = await site.call("GET", `/v1/owners/${owner}`);
    for (const { wallet, version } of json["wallets"] as { wallet: string; version: string }[])
      expected.set(wallet, Number(version));
  }
  await until(`all of ${owners.join()}`, () => {
    assert.equal(reader.failure, null);
    return [...expected].every(([wallet, version]) => (reader.versions.of.get(wallet) ?? 0) >= version);
  });
  assert.equal(reader.failure, null);
}

/** The first message of a stream, and what it shows of its first owner. */
function stateOf({ messages }: SseReader): { snapshot: SseMessage; shown: Record<string, unknown> } {
  const [snapshot] = messages;
  assert.ok(snapshot);
  const [shown] = snapshot.data["owners"] as Record<string, unknown>[];
  assert.ok(shown);
  return { snapshot, shown };
}

const nextChange = (reader: SseReader, wallet: string): Promise<void> => {
  const { length } = reader.messages;
  return site.send([mint(wallet)]).then(async () => {
    await until("a change", () => reader.messages.length > length);
  });
};

describe("a stream", () => {
  test("begins with the wallets as the owner's route shows them, then shows each change", async () => {
    const reader = await opened({ owners: ["ann"] });
    assert.equal(reader.headers["content-type"], "text/event-stream; charset=utf-8");
    assert.equal(reader.headers["cache-control"], "no-store");
    assert.equal(reader.headers["x-accel-buffering"], "no");
    const { json } = await site.call("GET", "/v1/owners/ann");
    const { snapshot, shown } = stateOf(reader);
    assert.deepEqual(shown["wallets"], json["wallets"]);
    assert.equal(shown["owner"], "ann");
    assert.match(JSON.stringify(shown["asOf"]), /"shard":\d,"position":"\d+","time":"20/);
    assert.equal(snapshot.data["reset"], undefined);
    const sent = { ...mint("ann:usd", "7"), ref: "order-7" } as Record<string, string>;
    await site.send([sent]);
    await until("the change", () => reader.of("change").length === 1);
    const { time, ...change } = reader.of("change")[0]?.data ?? {};
    const balances = { posted: "7", held: "0", incoming: "0", available: "7", version: "2" };
    const facts = { op: "transfer", command: sent["id"], ref: "order-7" };
    // `pending` when the other wallet lies on another shard that has not settled it yet.
    const { status, ...rest } = change as Record<string, unknown>;
    assert.match(String(status), /^(posted|pending)$/);
    assert.deepEqual(rest, { wallet: "ann:usd", ...balances, ...facts });
    assert.match(String(time), /^20.*Z$/);
    reader.close();
  });

  test("carries many owners, begun at any moment, and each wallet's versions one by one", async () => {
    const readers: SseReader[] = [];
    let isOver = false;
    const begin = async (): Promise<void> => {
      while (!isOver && readers.length < 40) {
        const owners = OWNERS.slice(readers.length % OWNERS.length);
        readers.push(await opened({ owners }, readers.length % 2 === 0 ? site.gateway.url : site.other.url));
      }
    };
    const beginning = begin();
    for (let round = 0; round < 10; round += 1) {
      const legs = OWNERS.map((owner) => ({ from: "mint:usd", to: `${owner}:usd`, amount: "1" }));
      const wide = { ...mint("ann:usd"), from: undefined, to: undefined, amount: undefined, legs };
      await site.send([wide, ...OWNERS.flatMap((owner) => [mint(`${owner}:usd`), mint(`${owner}:eur`)])]);
    }
    isOver = true;
    await beginning;
    assert.ok(readers.length >= 3, `${readers.length} readers`);
    for (const [index, reader] of readers.entries()) {
      await complete(reader, OWNERS.slice(index % OWNERS.length));
      assert.equal(reader.of("snapshot").length, 1);
      reader.close();
    }
  });

  test("says that it lives, and goes on when NATS and the engine were away", async () => {
    const reader = await opened({ owners: ["ann"] });
    await until("heartbeats", () => reader.heartbeats >= 2);
    await site.nats.restart();
    await site.restartEngine();
    await site.send([mint("ann:usd")]);
    await complete(reader, ["ann"]);
    assert.equal(reader.versions.resets, 0);
    reader.close();
  });

  test("whose events are gone begins again with the present state", async () => {
    const reader = await opened({ owners: OWNERS });
    await nextChange(reader, "ann:usd");
    const { shard } = stateOf(reader).shown["asOf"] as { shard: number };
    const id = { shard, position: 9_000_000, index: 0 };
    const hole = encodeEventMessage({ from: id, to: id, previous: { ...id, index: 1 }, events: [] });
    const { nc } = await site.nats.connect();
    await nc.request(`coffer.evt.demo.${shard}`, hole);
    await until("the state", () => reader.versions.resets === 1);
    for (const owner of OWNERS) await site.send([mint(`${owner}:usd`)]);
    await complete(reader, OWNERS);
    reader.close();
  });
});

describe("coming back", () => {
  test("with the last id loses and doubles nothing, on either gateway, over a restart of the engine", async () => {
    const versions = new Versions();
    const owners = OWNERS.slice(0, 3);
    const first = await opened({ owners, versions });
    let reader = first;
    for (let round = 0; round < 12; round += 1) {
      const commands = owners.flatMap((owner) => [mint(`${owner}:usd`), mint(`${owner}:eur`)]);
      const legs = owners.flatMap((owner) => ["usd", "eur"].map((purse) => `${owner}:${purse}`));
      const wide = { ...mint("ann:usd"), from: undefined, to: undefined, amount: undefined };
      const sending = site.send([
        ...commands,
        { ...wide, legs: legs.map((to) => ({ from: "mint:usd", to, amount: "1" })) },
        ...commands.map((command) => ({ ...command, id: crypto.randomUUID() })),
      ]);
      const seen = versions.changes;
      if (round % 3 !== 0) await until("some of it", () => versions.changes > seen);
      reader.close();
      await until("the end", () => reader.isEnded);
      if (round === 6) await site.restartEngine();
      const lastEventId = reader.lastId;
      assert.equal(reader.failure, null);
      reader = await opened(
        { owners, versions, lastEventId },
        round % 2 === 0 ? site.other.url : site.gateway.url,
      );
      await sending;
    }
    await complete(reader, owners);
    assert.equal(versions.resets, 0);
    assert.equal(first.of("snapshot").length, 1);
    reader.close();
  });

  test("with an id from within an event goes on within it", async () => {
    const first = await opened({ owners: ["ann", "ben"] });
    const legs = ["ann:usd", "ann:eur"].map((to) => ({ from: "mint:usd", to, amount: "1" }));
    const { op, id } = mint("ann:usd") as Record<string, string>;
    await site.send([{ op, id, legs }, mint("ann:usd"), mint("ben:eur")]);
    await complete(first, ["ann", "ben"]);
    first.close();
    const place = first.messages.findIndex((message) => message.id.endsWith(".+1"));
    const seen = first.messages.slice(0, place + 1);
    const last = seen.at(-1);
    assert.ok(last, "an event with two changes");
    const versions = new Versions();
    for (const message of seen) versions.take(message);
    const back = await opened({ owners: ["ann", "ben"], versions, lastEventId: last.id });
    await complete(back, ["ann", "ben"]);
    assert.deepEqual(
      back.messages.map(({ data }) => [data["wallet"], data["version"]]),
      first.messages.slice(place + 1).map(({ data }) => [data["wallet"], data["version"]]),
    );
    back.close();
  });

  test("with an id that is none, or of other owners, gets the present state", async () => {
    const ben = await opened({ owners: ["ben"] });
    const ids = [
      "",
      "0",
      "x".repeat(9_000),
      "1.",
      `${ben.lastId}.`,
      `${ben.lastId}.1-2`,
      `2${ben.lastId.slice(1)}`,
    ];
    for (const lastEventId of [...ids, ben.lastId, "1.AAAAAAAAAAAA.5.1-2-3", "\u00e9"]) {
      const reader = await opened({ owners: ["ann"], lastEventId });
      assert.equal(reader.status, 200, `${lastEventId} ${reader.body}`);
      await until("the state", () => reader.versions.resets === 1);
      reader.close();
    }
    ben.close();
  });

  test("with an id in the address does as with the header", async () => {
    const first = await opened({ owners: ["ann"] });
    first.close();
    await site.send([mint("ann:usd")]);
    const { versions } = first;
    const back = await opened({ owners: ["ann"], versions, query: `lastEventId=${first.lastId}` });
    await complete(back, ["ann"]);
    assert.equal(back.of("snapshot").length, 0);
    back.close();
  });

  test("to a stream that no longer has what was missed gets the present state", async () => {
    const first = await opened({ owners: ["ann"] });
    first.close();
    await site.send([mint("ann:usd")]);
    const { nc } = await site.nats.connect();
    await until("the event is in the stream", async () => {
      const info = (await nc.request("$JS.API.STREAM.INFO.COFFER_EVT")).json<{
        state: { last_seq: number };
      }>();
      return info.state.last_seq > Number(first.lastId.split(".")[2]);
    });
    await nc.request("$JS.API.STREAM.PURGE.COFFER_EVT");
    const back = await opened({ owners: ["ann"], lastEventId: first.lastId });
    await until("the state", () => back.versions.resets === 1);
    await site.send([mint("ann:usd")]);
    await complete(back, ["ann"]);
    back.close();
  });
});

describe("who may not", () => {
  test("a foreign owner looks like a missing one, alone and among others", async () => {
    const asked = [["ben"], ["nobody"], ["ann", "ben"], ["ann", "nobody"], ["gone"], ["ann", "gone"]];
    for (const owners of asked) {
      const reader = await opened({ owners, key: "ann" });
      assert.equal(reader.status, 404, reader.body);
      const { code, detail, ...rest } = JSON.parse(reader.body) as Record<string, unknown>;
      assert.deepEqual([code, detail, rest["final"]], ["wallet_not_found", owners.at(-1), false]);
    }
    const all = await opened({ owners: ["nobody"] });
    assert.equal(all.status, 404);
  });

  test("no owner, and too many of them, are malformed", async () => {
    assert.equal((await opened({ owners: [] })).status, 400);
    assert.equal((await opened({ owners: Array.from({ length: 101 }, (_, at) => `o${at}`) })).status, 400);
    assert.equal((await opened({ owners: ["a b"] })).status, 400);
  });

  test("a key that ends takes its streams with it, and those of its tickets", async () => {
    site.keys.add("brief", "read");
    const { json } = await site.call("POST", "/v1/tickets", { key: "brief", body: { owners: ["ann"] } });
    const mine = await opened({ owners: ["ann"], key: "brief" });
    const guest = await opened({ key: null, query: `ticket=${json["ticket"]}` });
    const others = await opened({ owners: ["ann"] });
    assert.deepEqual([mine.status, guest.status, guest.versions.of.size], [200, 200, 2]);
    site.keys.remove("brief");
    await until("both end", () => mine.isEnded && guest.isEnded);
    assert.equal(others.isEnded, false);
    assert.equal((await opened({ key: null, query: `ticket=${json["ticket"]}` })).status, 401);
    others.close();
  });
});

describe("tickets", () => {
  const ticketFor = async (key: string, body: unknown): Promise<string> => {
    const { status, json, text, headers } = await site.call("POST", "/v1/tickets", { key, body });
    assert.deepEqual([status, headers.get("cache-control")], [201, "no-store"], text);
    assert.match(String(json["expires"]), /^20.*Z$/);
    return String(json["ticket"]);
  };

  test("open a stream of their owners from any page, on any gateway, and nothing else", async () => {
    const ticket = await ticketFor("read", { owners: ["ann"] });
    for (const url of [site.gateway.url, site.other.url]) {
      const reader = await opened({ key: null, query: `ticket=${ticket}` }, url);
      assert.equal(reader.status, 200, reader.body);
      assert.equal(reader.headers["access-control-allow-origin"], "*");
      assert.deepEqual([...reader.versions.of.keys()].sort(), ["ann:eur", "ann:usd"]);
      reader.close();
    }
    assert.equal((await opened({ owners: ["ben"], key: null, query: `ticket=${ticket}` })).status, 404);
    for (const path of ["/v1/owners/ann", "/v1/wallets/ann:usd", "/v1/owners/ann/holds"]) {
      assert.equal((await site.call("GET", `${path}?ticket=${ticket}`, { key: null })).status, 401);
      assert.equal((await site.call("GET", path, { key: ticket })).status, 401);
    }
    assert.equal((await site.call("POST", `/v1/tickets?ticket=${ticket}`, { key: null })).status, 401);
  });

  test("that were altered open nothing, and a key that is shown decides alone", async () => {
    const ticket = await ticketFor("ann", {});
    const [version, content = "", seal = ""] = ticket.split(".");
    const fields = JSON.parse(Buffer.from(content, "base64url").toString()) as object;
    const wider = Buffer.from(JSON.stringify({ ...fields, owners: ["ben"] })).toString("base64url");
    const swapped = seal.startsWith("A") ? `B${seal.slice(1)}` : `A${seal.slice(1)}`;
    const wrong = ["", "1", `${version}.${wider}.${seal}`, `${version}.${content}.${swapped}`, `${ticket}.x`];
    for (const altered of [...wrong, `2.${content}.${seal}`, `${version}.${content}.`, ticket.slice(0, -4)])
      assert.equal((await opened({ key: null, query: `ticket=${altered}` })).status, 401, altered);
    assert.equal((await opened({ key: "nobody", query: `ticket=${ticket}` })).status, 401);
    const both = await opened({ owners: ["ben"], key: "read", query: `ticket=${ticket}` });
    assert.equal(both.status, 200);
    both.close();
  });

  test("are not made for foreign owners, nor of anything else", async () => {
    const foreign = await site.call("POST", "/v1/tickets", { key: "ann", body: { owners: ["ann", "ben"] } });
    assert.deepEqual([foreign.status, foreign.json["code"]], [404, "wallet_not_found"]);
    for (const body of [{ owners: [] }, { owners: "ann" }, { owners: ["a b"] }, { owner: "ann" }, [], 1])
      assert.equal((await site.call("POST", "/v1/tickets", { key: "ann", body })).status, 400);
  });
});

describe("bounds", () => {
  /** A transfer that changes 64 purses of one owner: some 25 KB of changes. */
  const purses = Array.from({ length: 64 }, (_, index) => `fat:p${index}`);
  const fat = (): object => {
    const legs = purses.map((to) => ({ from: "mint:usd", to, amount: "1" }));
    return { op: "transfer", id: crypto.randomUUID(), legs, ref: "x".repeat(120) };
  };

  /** A connection that asks for a stream and never reads. */
  async function unread(url: string): Promise<() => boolean> {
    const { port, hostname } = new URL(url);
    const socket = dial({ host: hostname, port: Number(port) });
    let isClosed = false;
    for (const end of ["close", "error", "end"]) socket.once(end, () => (isClosed = true));
    socket.pause();
    socket.write("GET /v1/events?owner=fat HTTP/1.1\r\nhost: x\r\nauthorization: Bearer read\r\n\r\n");
    return () => {
      if (isClosed) socket.destroy();
      return isClosed;
    };
  }

  test("a reader who does not read is dropped, by bytes or by time, and no one else", async () => {
    await site.openWallets(...purses);
    for (const gateway of [site.gateway, site.other]) {
      const reading = await opened({ owners: ["fat"] }, gateway.url);
      const places = gateway.live.places;
      await unread(gateway.url);
      await until("it is there", () => gateway.live.places === places + 1);
      await until("it is dropped", async () => {
        await site.send(Array.from({ length: 40 }, fat));
        return gateway.live.places === places;
      });
      await complete(reading, ["fat"]);
      assert.equal(reading.isEnded, false);
      reading.close();
      await until("nobody is left", () => gateway.live.places === 0);
    }
  });

  test("a key has so many streams and no more; those that go make room, and leave nothing behind", async () => {
    site.keys.add("many", "read");
    const url = site.gateway.url;
    const readers = await Promise.all(
      Array.from({ length: 100 }, () => opened({ owners: ["ann"], key: "many" }, url)),
    );
    assert.ok(readers.every(({ status }) => status === 200));
    const next = await opened({ owners: ["ann"], key: "many" });
    assert.equal(next.status, 503, next.body);
    assert.equal((JSON.parse(next.body) as { code: string }).code, "busy");
    readers.pop()?.close();
    await until("room", () => site.gateway.live.places === 99);
    const again = await opened({ owners: ["ann"], key: "many" });
    assert.equal(again.status, 200);
    for (const reader of [again, ...readers]) reader.close();
    await until("all places are free", () => site.gateway.live.places === 0);
    await until("no feed is left", () => site.gateway.live.feeds === 0);
  });

  test("HEAD asks for the head alone", async () => {
    const { status, headers } = await site.call("HEAD", "/v1/events?owner=ann");
    assert.deepEqual([status, headers.get("content-type")], [200, "text/event-stream; charset=utf-8"]);
    await until("its place is free", () => site.gateway.live.places === 0);
  });

  test("a stop ends every stream at once and takes no further ones", async () => {
    const gateway = await site.startGateway({});
    const readers = [
      await opened({ owners: ["ann"] }, gateway.url),
      await opened({ owners: OWNERS }, gateway.url),
    ];
    const beganMs = performance.now();
    await gateway.stop();
    assert.ok(
      performance.now() - beganMs < 4_000,
      "well below the bound that a stop has for those that hang",
    );
    await until("they end", () => readers.every(({ isEnded }) => isEnded));
    assert.equal(gateway.live.places, 0);
  });
});
