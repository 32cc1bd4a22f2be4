// Life and death of a server of our own: start, take-over, a parent that is killed, faults at start.
// Every process here is real and is gone when its test ends.
// Guards against: two servers on one store, a server that outlives its engine, a start that reports too early.
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { access, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { openConnection } from "../../cluster/connection.ts";
import { readNatsConfTemplate } from "../../cluster/nats-conf.ts";
import type { NatsServer, NatsServerSettings } from "../../cluster/nats-server.ts";
import { startNatsServer } from "../../cluster/nats-server.ts";
import { endLeftOverServer } from "../../cluster/server-process.ts";
import { ensureShardStream } from "../../cluster/streams.ts";
import { until, within } from "../support/condition.ts";
import { startTestNats, testNatsBinary } from "../support/nats.ts";

const directories: string[] = [];
after(async () => {
  for (const directory of directories) await rm(directory, { recursive: true, force: true });
});

async function freshSettings(): Promise<NatsServerSettings> {
  const directory = await mkdtemp(join(tmpdir(), "coffer-server-"));
  directories.push(directory);
  return { binary: (await testNatsBinary()).path, directory, shards: 2, sync: "always" };
}

/** Whether a process runs; one that has ended and is not collected yet does not. */
async function isRunning(pid: number): Promise<boolean> {
  const state = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => null);
  if (state !== null) return !/^\d+ \(.*\) [ZX]/s.test(state);
  if (process.platform === "linux") return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function goneWithin(pid: number, waitMs: number): Promise<boolean> {
  const deadline = AbortSignal.timeout(waitMs);
  while (await isRunning(pid)) {
    if (deadline.aborted) return false;
    await delay(10);
  }
  return true;
}

test("a server is ready when its start returns, and gone when its stop returns", async () => {
  const server = await startNatsServer(await freshSettings());
  const connection = await openConnection({ servers: server.url, name: "test", connectWaitMs: 0 });
  await ensureShardStream(connection.nc, { cluster: "c", shards: 2, replicas: 1 }, { shard: 0, nonce: "n" });
  await connection.close();
  const health: unknown = await (await fetch(`${server.monitorUrl}/healthz`)).json();
  assert.deepEqual(health, { status: "ok" });
  await access(join(server.confFile));
  await server.syncStore();
  const exit = await server.stop();
  assert.equal(exit.asked, true);
  assert.equal(await isRunning(server.pid), false);
  assert.deepEqual(await server.stop(), exit);
});

for (const state of ["serves", "is stopped"] as const) {
  test(`a parent that is killed takes its server with it within two seconds, when that ${state}`, async () => {
    // Two seconds are what the watcher needs, whatever else runs: one of three tries must show it.
    const wanted = { isGone: true, hasShutDown: state === "serves" };
    let seen = { isGone: false, hasShutDown: false };
    for (let tries = 0; tries < 3 && !isDeepStrictEqual(seen, wanted); tries += 1) {
      const { directory } = await freshSettings();
      const parent = spawnParent(directory);
      const [line] = await within("the parent's server runs", once(parent.stdout ?? parent, "data"));
      const pid = Number(String(line));
      assert.ok(await isRunning(pid));
      if (state === "is stopped") process.kill(pid, "SIGSTOP");
      parent.kill("SIGKILL");
      const isGone = await goneWithin(pid, 2_000);
      await until("the server is gone at all", async () => !(await isRunning(pid)));
      const log = await readFile(join(directory, "nats-server.log"), "utf8");
      seen = { isGone, hasShutDown: /Server Exiting/.test(log) };
    }
    assert.deepEqual(seen, wanted, "gone in time, and in order if it could");
  });
}

function spawnParent(directory: string): ChildProcess {
  const script = join(import.meta.dirname, "server-parent.ts");
  return spawn(process.execPath, [script, directory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

test("a left-over server on the directory is ended, and its log is taken over", async () => {
  const settings = await freshSettings();
  const first = await startNatsServer(settings);
  const connection = await openConnection({ servers: first.url, name: "test" });
  const streams = { cluster: "c", shards: 2, replicas: 1 };
  await ensureShardStream(connection.nc, streams, { shard: 1, nonce: "first" });
  const second = await startNatsServer({ ...settings, port: first.port });
  try {
    assert.equal(second.tookOver, first.pid);
    const exit = await first.exited;
    assert.equal(exit.asked, false);
    assert.match(exit.reason, /nats-server ended/);
    const again = await openConnection({ servers: second.url, name: "test" });
    const identity = await ensureShardStream(again.nc, streams, { shard: 1, nonce: "second" });
    assert.equal(identity.nonce, "first");
    await again.close();
  } finally {
    await connection.close();
    await second.stop();
  }
});

test("a left-over server that does not answer to TERM is killed", async () => {
  const server = await startNatsServer(await freshSettings());
  process.kill(server.pid, "SIGSTOP");
  const ended = await endLeftOverServer(join(server.confFile, "../nats-server.pid"), server.confFile, 200);
  assert.equal(ended, server.pid);
  assert.equal((await server.exited).signal, "SIGKILL");
});

test("a pid file that names another process ends nobody", async () => {
  const settings = await freshSettings();
  await writeFile(join(settings.directory, "nats-server.pid"), `${process.pid}\n`);
  const server = await startNatsServer(settings);
  assert.equal(server.tookOver, null);
  await server.stop();
});

test("a start that fails says why, in the server's own words", async () => {
  const settings = await freshSettings();
  const template = `${await readNatsConfTemplate()}\nno_such_option: 1\n`;
  await assert.rejects(startNatsServer({ ...settings, template }), (error: Error & { code?: string }) => {
    assert.equal(error.code, "nats_server_start_failed");
    assert.match(error.message, /no_such_option/);
    return true;
  });
  const holder = await startTestNats({ shards: 1 });
  try {
    const port = holder.server().port;
    await assert.rejects(startNatsServer({ ...settings, port }), /address already in use/);
  } finally {
    await holder.stop();
  }
});

test("a server that dies by itself is told with its signal", async () => {
  const server: NatsServer = await startNatsServer(await freshSettings());
  process.kill(server.pid, "SIGKILL");
  const exit = await server.exited;
  assert.deepEqual([exit.asked, exit.signal], [false, "SIGKILL"]);
});
