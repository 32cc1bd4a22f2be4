// The gateway of `coffer dev`, and `coffer gateway`: real processes, a key that counts, ports that are taken.
// Guards against: a gateway that outlives its dev, a key that others can read or that a restart changes.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { openConnection } from "../../cluster/connection.ts";
import { KeyStore } from "../../gateway/key-store.ts";
import { freePort } from "../support/free-port.ts";
import type { TestDev } from "./program-call.ts";
import {
  callJson,
  discard,
  fieldOf,
  gatewayPid,
  objectOf,
  startDev,
  startGateway,
  temporaryDirectory,
  testClock,
  until,
} from "./program-call.ts";

const QUICK = ["--shards", "1", "--durability", "relaxed", "--no-demo"];

async function gatewayOf(dev: TestDev): Promise<Record<string, unknown>> {
  return fieldOf(objectOf(await dev.line('"gateway":{')), "gateway");
}

async function isLive(url: unknown): Promise<boolean> {
  return await fetch(`${String(url)}/livez`).then(
    ({ ok }) => ok,
    () => false,
  );
}

/** Whether a key counts for the installation at `url`. */
async function counts(url: string, key: unknown): Promise<boolean> {
  const connection = await openConnection({ servers: url, name: "test" });
  const store = await KeyStore.open(connection.nc, testClock, 1);
  const principal = store.principalOf(String(key));
  store.close();
  await connection.close();
  return principal !== null;
}

describe("the gateway of coffer dev", { concurrency: 1 }, () => {
  test("answers at the address of the second line, whose key counts and is kept for its owner alone", async () => {
    // A port of its own: the usual one may be another dev's as soon as this one has ended.
    const dev = await startDev([...QUICK, "--http-port", String(await freePort())]);
    let url: unknown;
    try {
      const gateway = await gatewayOf(dev);
      ({ url } = gateway);
      assert.deepEqual(Object.keys(gateway), ["url", "key", "docs"]);
      assert.match(String(url), /^http:\/\/127\.0\.0\.1:\d+$/);
      assert.equal(gateway["docs"], `${String(url)}/docs`);
      assert.ok(await isLive(url));
      assert.ok(await counts(dev.url, gateway["key"]));
      const file = join(dev.dataDir, "gateway-key");
      assert.equal(readFileSync(file, "utf8"), `${String(gateway["key"])}\n`);
      assert.equal(statSync(file).mode & 0o777, 0o600);
      assert.equal(dev.stdout().indexOf('{"ready":true'), 0, "the ready line is the first");
    } finally {
      await dev.stop();
    }
    assert.equal(await isLive(url), false, "it is gone with its dev");
    assert.equal(dev.stderr(), "");
  });

  test("keeps its key over a restart, and gets another when the installation knows it no more", async () => {
    const dataDir = await temporaryDirectory();
    const keyOf = async (): Promise<unknown> => {
      await using dev = await startDev(QUICK, { dataDir });
      const { key } = await gatewayOf(dev);
      assert.ok(await counts(dev.url, key));
      return key;
    };
    try {
      const first = await keyOf();
      assert.equal(await keyOf(), first);
      writeFileSync(join(dataDir, "gateway-key"), `coffer.aaaaaaaaaaaa.${"A".repeat(43)}\n`);
      assert.notEqual(await keyOf(), first);
    } finally {
      await discard(dataDir);
    }
  });

  test("is started again on its port when it was killed, and a dev that is killed takes it with it", async () => {
    const dev = await startDev([...QUICK, "--http-port", String(await freePort())]);
    try {
      const { url } = await gatewayOf(dev);
      const pid = await until("the gateway's process", () => gatewayPid(dev));
      process.kill(pid, "SIGKILL");
      const restart = objectOf(await dev.line('"process":"gateway"'));
      assert.deepEqual([restart["event"], restart["attempt"]], ["restart", 1]);
      await dev.line('"event":"recovered"');
      assert.ok(await isLive(url));
      dev.signal("SIGKILL");
      await until("the end of the gateway", async () => ((await isLive(url)) ? undefined : true));
    } finally {
      await dev.stop();
    }
  });

  test("takes a free port when the usual one is taken, and refuses a taken one that was asked for", async (t) => {
    const blocker = createServer().listen({ host: "127.0.0.1", port: 0 });
    t.after(() => blocker.close());
    await once(blocker, "listening");
    const address = blocker.address();
    const taken = typeof address === "object" && address !== null ? String(address.port) : "";
    const dataDir = await temporaryDirectory();
    const { exit, json } = await callJson(["dev", ...QUICK, "--data", dataDir, "--http-port", taken]);
    assert.deepEqual([exit, fieldOf(json, "error")["code"]], [1, "port_in_use"]);
    const usual = createServer().listen({ host: "127.0.0.1", port: 8080 });
    // Another program on this machine may have the port already: then it is taken too.
    await once(usual, "listening").catch(() => undefined);
    try {
      await using dev = await startDev(QUICK, { dataDir });
      assert.ok(await isLive((await gatewayOf(dev))["url"]));
    } finally {
      usual.close();
      await discard(dataDir);
    }
  });

  test("coffer gateway serves the same installation from a port of its own until it is asked to end", async () => {
    await using dev = await startDev([...QUICK, "--no-gateway"]);
    // Nobody is at that address: a Redis that is away is not waited for.
    const redis = ["--redis", "redis://127.0.0.1:9"];
    await using gateway = startGateway(["--server", dev.url, "--http-port", "0", ...redis]);
    const { url } = objectOf(await gateway.line('"event":"ready"'));
    assert.ok(await isLive(url));
    assert.equal(await gateway.end(), 0);
    assert.equal(await isLive(url), false);
    assert.ok(!dev.stdout().includes("gateway"), "--no-gateway starts none");
  });

  test("an address that is none of Redis is refused, and one without a gateway", async () => {
    for (const words of [
      ["gateway", "--redis", "127.0.0.1:6379"],
      ["gateway", "--redis", "http://127.0.0.1"],
      ["dev", "--redis", "redis://127.0.0.1", "--no-gateway"],
    ])
      assert.equal((await callJson(words)).exit, 2, words.join(" "));
  });

  test("coffer gateway says that nobody is there", async () => {
    const { exit, json } = await callJson([
      "gateway",
      "--server",
      "nats://127.0.0.1:9",
      "--timeout",
      "300ms",
    ]);
    assert.deepEqual([exit, fieldOf(json, "error")["code"]], [4, "nats_unreachable"]);
  });
});
