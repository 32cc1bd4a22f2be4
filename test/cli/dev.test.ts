// `coffer dev` as people meet it: real processes, real files, killed at will. Profile relaxed and one shard, since
// neither is the matter here.
//
// Guards against: processes that outlive their parent, a second start that harms the first, data that a restart loses.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { runDemo } from "../../cli/dev/demo.ts";
import { connect } from "../../client/mod.ts";
import { findNatsServer } from "../../cluster/nats-binary.ts";
import { within } from "../support/condition.ts";
import { freePort } from "../support/free-port.ts";
import type { TestDev } from "./program-call.ts";
import {
  call,
  callJson,
  callProcess,
  discard,
  fieldOf,
  isRunning,
  objectOf,
  startDev,
  temporaryDirectory,
  testClock,
  until,
} from "./program-call.ts";

const QUICK = ["--shards", "1", "--durability", "relaxed", "--no-demo", "--no-gateway"];
/** What is left may take this long to end after a kill -9 of its parent, ms. */
const ORPHAN_MS = 2_000;

/** From /proc where there is one, since a small Linux image has no ps. */
async function processGroupOf(pid: number): Promise<number> {
  const stat = `/proc/${pid}/stat`;
  if (existsSync(stat)) {
    const text = readFileSync(stat, "latin1");
    return Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[2]);
  }
  const { stdout } = await promisify(execFile)("ps", ["-o", "pgid=", "-p", String(pid)]);
  return Number(stdout.trim());
}

function portOf(server: Server): string {
  const address = server.address();
  return typeof address === "object" && address !== null ? String(address.port) : "";
}

/** From now on no file that this process has open can be synced. */
async function failingSync(t: TestContext) {
  const file = await open(process.execPath);
  const handle: Pick<FileHandle, "sync"> = Object.getPrototypeOf(file);
  await file.close();
  const fail = (): Promise<void> =>
    Promise.reject(Object.assign(new Error("EIO: i/o error, fsync"), { code: "EIO" }));
  return t.mock.method(handle, "sync", fail);
}

async function isGone(pid: number): Promise<void> {
  await until(`the end of ${pid}`, () => (isRunning(pid) ? undefined : true));
}

async function openFunded(dev: TestDev): Promise<void> {
  const server = ["--server", dev.url];
  assert.equal(
    (await call(["wallet", "open", "world:usd", "USD/2", "--min", "unlimited", ...server])).exit,
    0,
  );
  assert.equal((await call(["wallet", "open", "alice:usd", "USD/2", ...server])).exit, 0);
  assert.equal((await call(["transfer", "world:usd", "alice:usd", "700", ...server])).exit, 0);
}

async function postedOfAlice(url: string): Promise<unknown> {
  const { json } = await callJson(["wallet", "show", "alice:usd", "--server", url, "--timeout", "60s"]);
  return fieldOf(json, "wallet")["posted"];
}

describe("coffer dev", { concurrency: 1 }, () => {
  test("says that it is ready in its first line, with exactly the promised fields, and then answers", async () => {
    const dev = await startDev(QUICK);
    try {
      assert.deepEqual(Object.keys(dev.ready), ["ready", "nats", "tenant", "shards", "dataDir"]);
      assert.deepEqual(dev.ready, {
        ready: true,
        nats: dev.url,
        tenant: "demo",
        shards: 1,
        dataDir: dev.dataDir,
      });
      assert.match(dev.url, /^nats:\/\/127\.0\.0\.1:\d+$/);
      const { exit, json } = await callJson(["status", "--server", dev.url]);
      assert.equal(exit, 0);
      assert.equal(json["active"], true);
    } finally {
      await dev.stop();
    }
    assert.equal(dev.stderr(), "", "under --json nothing is on standard error");
  });

  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    test(`ends on ${signal} with exit 0 and takes its children with it`, async () => {
      await using dev = await startDev(QUICK);
      const { engine, nats } = await dev.childPids();
      dev.signal(signal);
      assert.equal(await dev.exited, 0);
      assert.deepEqual([isRunning(engine), isRunning(nats)], [false, false]);
      assert.equal(existsSync(join(dev.dataDir, "dev.json")), false);
    });
  }

  test("a Ctrl-C in the terminal reaches dev alone: its children have process groups of their own", async () => {
    const dev = await startDev(QUICK);
    try {
      const { engine, nats } = await dev.childPids();
      const groups = await Promise.all([dev.pid, engine, nats].map(processGroupOf));
      assert.deepEqual(groups.slice(1), [engine, nats]);
      assert.notEqual(groups[0], engine);
    } finally {
      await dev.stop();
    }
  });

  test("ends in the middle of the demonstration without a word of it", async () => {
    const dev = await startDev(["--durability", "relaxed", "--no-gateway"]);
    try {
      await until("money that moves", async () => {
        const { exit, json } = await callJson(["wallet", "show", "demo-001:usd", "--server", dev.url]);
        return exit === 0 && fieldOf(json, "wallet")["posted"] !== "0" ? true : undefined;
      });
      dev.signal("SIGINT");
      assert.equal(await dev.exited, 0);
      assert.equal(dev.stdout().trim().split("\n").length, 1, dev.stdout());
      assert.equal(dev.stderr(), "");
    } finally {
      await dev.stop();
    }
  });

  test("killed with -9, its engine and its nats-server are gone within two seconds, and a new start goes on", async () => {
    const dataDir = await temporaryDirectory();
    const tookMs: number[] = [];
    try {
      // Two seconds are what the program needs, whatever else runs: one of three tries must show it.
      while (tookMs.length < 3 && tookMs.every((ms) => ms >= ORPHAN_MS)) {
        await using dev = await startDev(QUICK, { dataDir });
        if (tookMs.length === 0) await openFunded(dev);
        const { engine, nats } = await dev.childPids();
        const killedMs = performance.now();
        dev.signal("SIGKILL");
        await Promise.all([isGone(engine), isGone(nats)]);
        tookMs.push(performance.now() - killedMs);
      }
      assert.ok(
        tookMs.some((ms) => ms < ORPHAN_MS),
        `it took ${tookMs.join(", ")} ms`,
      );
      await using next = await startDev(["--no-demo", "--no-gateway"], { dataDir });
      assert.equal(await postedOfAlice(next.url), "700");
    } finally {
      await discard(dataDir);
    }
  });

  test("starts an engine that was killed with -9 again, says so, and has lost nothing", async () => {
    const dev = await startDev(QUICK);
    try {
      await openFunded(dev);
      const { engine } = await dev.childPids();
      process.kill(engine, "SIGKILL");
      const restart = objectOf(await dev.line('"event":"restart"'));
      assert.deepEqual([restart["process"], restart["attempt"]], ["engine", 1]);
      await dev.line('"event":"recovered"');
      assert.equal(await postedOfAlice(dev.url), "700");
      assert.notEqual((await dev.childPids()).engine, engine);
    } finally {
      await dev.stop();
    }
  });

  test("starts a nats-server that was killed with -9 again on the same port, and has lost nothing", async () => {
    // Whoever starts meanwhile looks for the usual port first and would take it.
    const dev = await startDev([...QUICK, "--nats-port", String(await freePort())]);
    try {
      await openFunded(dev);
      const { nats } = await dev.childPids();
      process.kill(nats, "SIGKILL");
      const restart = objectOf(await dev.line('"process":"nats-server"'));
      assert.equal(restart["event"], "restart");
      assert.equal(await postedOfAlice(dev.url), "700");
      const again = await callJson([
        "transfer",
        "world:usd",
        "alice:usd",
        "1",
        "--server",
        dev.url,
        "--timeout",
        "60s",
      ]);
      assert.deepEqual([again.exit, again.json["status"]], [0, "posted"]);
    } finally {
      await dev.stop();
    }
  });

  test("is refused on a directory that another dev serves, by name, and leaves that one alone", async () => {
    const dev = await startDev(QUICK);
    try {
      const before = await dev.childPids();
      const { exit, stdout } = await callProcess(["dev", "--json", "--no-demo", "--data", dev.dataDir]);
      assert.equal(exit, 1);
      const error = fieldOf(objectOf(stdout), "error");
      assert.equal(error["code"], "data_locked");
      assert.match(String(error["message"]), new RegExp(`coffer dev \\(process ${dev.pid} `));
      assert.deepEqual(await dev.childPids(), before);
      assert.ok(isRunning(before.engine) && isRunning(before.nats));
      assert.equal((await call(["status", "--server", dev.url])).exit, 0);
    } finally {
      await dev.stop();
    }
  });

  test("goes on with the data of an earlier start, whose number of shards and profile it keeps", async () => {
    const dataDir = await temporaryDirectory();
    try {
      await using first = await startDev(QUICK, { dataDir });
      await openFunded(first);
      await first.stop();
      const other = await callJson(["dev", "--data", dataDir, "--shards", "2"]);
      assert.deepEqual([other.exit, fieldOf(other.json, "error")["code"]], [2, "shard_count_mismatch"]);
      const strict = await callJson(["dev", "--data", dataDir, "--durability", "strict"]);
      assert.deepEqual([strict.exit, fieldOf(strict.json, "error")["code"]], [2, "durability_mismatch"]);
      await using second = await startDev(["--no-demo", "--no-gateway"], { dataDir });
      assert.equal(second.ready["shards"], 1);
      assert.equal(await postedOfAlice(second.url), "700");
    } finally {
      await discard(dataDir);
    }
  });

  test("is found by the other commands without any flag from the directory that it was started in", async () => {
    const directory = await temporaryDirectory();
    const dev = await startDev(QUICK, { directory, dataDir: join(directory, ".coffer") });
    try {
      const { exit, json } = await callJson(["status"], { directory });
      assert.deepEqual([exit, json["server"]], [0, dev.url]);
    } finally {
      await dev.stop();
      await discard(directory);
    }
  });

  test("goes on serving when whoever read its output went away", async () => {
    const dev = await startDev(QUICK);
    try {
      dev.closeOutput();
      process.kill((await dev.childPids()).engine, "SIGKILL");
      await openFunded(dev);
      assert.equal(await postedOfAlice(dev.url), "700");
    } finally {
      await dev.stop();
    }
    assert.equal(await dev.exited, 0);
  });

  test("shows what it can do: wallets, a burst, sums that match, a clean sweep", async () => {
    const dev = await startDev(["--durability", "relaxed", "--no-gateway"]);
    try {
      const demo = fieldOf(objectOf(await dev.line('"demo":{')), "demo");
      assert.ok(Number(demo["settled"]) > 100, JSON.stringify(demo));
      assert.deepEqual(
        [demo["unknown"], demo["sumsMatch"], demo["sum"], demo["verify"]],
        [0, true, "0", "clean"],
      );
      assert.deepEqual(Object.keys(fieldOf(demo, "latencyMs")), ["p50", "p95", "p99", "max"]);
      assert.equal(dev.stdout().trim().split("\n").length, 2, "the ready line and the demo line");
    } finally {
      await dev.stop();
    }
  });

  test("shows it again on data that a demonstration was on before, and with money that left its wallets", async () => {
    const dev = await startDev(QUICK);
    try {
      await using coffer = await connect({ servers: dev.url, tenant: "demo" }, testClock);
      const { signal } = new AbortController();
      const parts = { coffer, clock: testClock, signal, burstMs: 200, onProgress: () => undefined };
      const first = await runDemo(parts);
      assert.deepEqual([first?.sumBefore, first?.sumAfter, first?.unknown], [0n, 0n, 0]);
      const server = ["--server", dev.url];
      assert.equal((await call(["wallet", "open", "alice:usd", "USD/2", ...server])).exit, 0);
      assert.equal((await call(["transfer", "demo-bank:usd", "alice:usd", "1250", ...server])).exit, 0);
      const second = await runDemo(parts);
      assert.deepEqual([second?.sumBefore, second?.sumAfter, second?.unknown], [-1250n, -1250n, 0]);
      assert.ok((first?.settled ?? 0) > 0 && (second?.settled ?? 0) > 0);
    } finally {
      await dev.stop();
    }
  });

  test("without --json prints text for people, and not one control character without a terminal", async () => {
    const dataDir = await temporaryDirectory();
    try {
      const running = await startDev(["--text", ...QUICK], { dataDir });
      await running.stop();
      assert.match(
        running.stdout(),
        /^Ready at nats:\/\/127\.0\.0\.1:\d+: 1 shard, relaxed, tenant demo\.\n$/,
      );
      assert.match(running.stderr(), /^New data in /);
      assert.match(running.stderr(), /Stopped\.\n$/);
      assert.doesNotMatch(`${running.stdout()}${running.stderr()}`, /[^\P{Cc}\n]/u);
    } finally {
      await discard(dataDir);
    }
  });

  test("refuses a port that is taken when it was asked for, and takes a free one when it was not", async () => {
    const dataDir = await temporaryDirectory();
    const blocker = createServer().listen({ host: "127.0.0.1", port: 0 });
    try {
      await once(blocker, "listening");
      const { exit, json } = await callJson(["dev", "--data", dataDir, "--nats-port", portOf(blocker)]);
      assert.deepEqual([exit, fieldOf(json, "error")["code"]], [1, "port_in_use"]);
    } finally {
      blocker.close();
      await discard(dataDir);
    }
  });

  test("takes a free port when the usual one is taken between the look and the start of the server", async () => {
    const [dataDir, { path: binary }] = await Promise.all([
      temporaryDirectory(),
      findNatsServer({ env: process.env }),
    ]);
    // The server names its file of ports by its own name, so the one in between has it too.
    const slow = join(dataDir, "nats-server");
    const [asked, go] = [join(dataDir, "asked"), join(dataDir, "go")];
    const wait = `: > "${asked}"; while [ ! -e "${go}" ]; do sleep 0.01; done`;
    writeFileSync(slow, `#!/bin/sh\ncase "$1" in -c) ${wait};; esac\nexec "${binary}" "$@"\n`, {
      mode: 0o755,
    });
    const thief = createServer();
    const starting = startDev(QUICK, { dataDir, env: { COFFER_NATS_SERVER: slow } });
    try {
      await until("the start of the server", () => (existsSync(asked) ? true : undefined));
      thief.listen({ host: "127.0.0.1", port: 4222 });
      // Another program on this machine may have the port already: then it is taken too.
      await once(thief, "listening").catch(() => undefined);
      writeFileSync(go, "");
      assert.notEqual(new URL((await starting).url).port, "4222");
    } finally {
      thief.close();
      writeFileSync(go, "");
      await starting.then((dev) => dev.stop()).catch(() => undefined);
      await discard(dataDir);
    }
  });

  test("ends with a reason of its own when the store of its server cannot be synced, and starts again once it can", async (t) => {
    const dataDir = await temporaryDirectory();
    t.after(() => discard(dataDir));
    const failing = await failingSync(t);
    const stop = new AbortController();
    const words = ["dev", ...QUICK, "--data", dataDir];
    const ending = callJson(words, { signal: stop.signal });
    const { exit, json } = await within("dev ends", ending).finally(() => stop.abort());
    const error = fieldOf(json, "error");
    assert.deepEqual([exit, error["code"]], [1, "store_not_synced"]);
    assert.match(String(error["message"]), /EIO: i\/o error, fsync/);
    failing.mock.restore();
    await using dev = await startDev(QUICK, { dataDir });
    assert.equal(dev.ready["shards"], 1);
  });

  test("says how to get a nats-server when the one that is named does not run", async () => {
    const dataDir = await temporaryDirectory();
    const env = { COFFER_NATS_SERVER: "/does/not/exist" };
    try {
      const { exit, json } = await callJson(["dev", "--data", dataDir], { env });
      const { code, message } = fieldOf(json, "error");
      assert.deepEqual([exit, code], [1, "nats_server_missing"]);
      assert.match(String(message), /NATS_URL/);
    } finally {
      await discard(dataDir);
    }
  });
});
