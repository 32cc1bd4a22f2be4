// `coffer dev --replicas 3`: three real nats-servers, of which one that leads the log of the transfers under way is
// killed, and then one that does not.
//
// Guards against: a log that loses what a dead server had, a shard that halts because another server leads its log,
// transfers that wait for ever, members that outlive their parent.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { type Coffer, connect } from "../../client/mod.ts";
import { openConnection } from "../../cluster/connection.ts";
import { objectIn, requestApi, textIn } from "../../cluster/jetstream-api.ts";
import { untilWhole } from "../../cluster/nats-members.ts";
import { EVENT_STREAM } from "../../protocol/subject.ts";
import { within } from "../support/condition.ts";
import {
  callJson,
  discard,
  fieldOf,
  isRunning,
  startDev,
  temporaryDirectory,
  until,
} from "./program-call.ts";

const SERVERS = ["1", "2", "3"] as const;
const LOG = "COFFER_S0";
const LANES = 8;
const WHOLE_MS = 60_000;

async function pidOf(dataDir: string, server: string): Promise<number> {
  const file = join(dataDir, "nats", server, "nats-server.pid");
  return Number.parseInt(await readFile(file, "utf8"), 10);
}

/** Asserts that each stream has three copies. @returns the number of the server that leads the log */
async function leaderOf(servers: string): Promise<string> {
  const connection = await openConnection({ servers, name: "test" });
  let leader = "";
  for (const stream of [EVENT_STREAM, LOG]) {
    const { config, cluster } = await requestApi(connection.nc, `STREAM.INFO.${stream}`, {});
    const others = objectIn(cluster)["replicas"];
    assert.deepEqual([objectIn(config)["num_replicas"], Array.isArray(others) && others.length], [3, 2]);
    leader = textIn(objectIn(cluster), "leader").replace("coffer-", "");
  }
  await connection.close();
  return leader;
}

/** Transfers of 1, one after the other on each of several lanes. */
class Transfers {
  posted = 0;
  readonly #stop = new AbortController();
  readonly #ended: Promise<unknown>;

  constructor(coffer: Coffer) {
    this.#ended = Promise.all(Array.from({ length: LANES }, () => this.#lane(coffer)));
    this.#ended.catch(() => undefined);
  }

  async #lane(coffer: Coffer): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const outcome = await coffer.send({ op: "transfer", from: "world:usd", to: "alice:usd", amount: 1n });
      assert.equal(outcome.status, "posted");
      this.posted += 1;
    }
  }

  async goOn(): Promise<void> {
    const enough = this.posted + 2 * LANES;
    await until("more transfers", () => (this.posted >= enough ? true : undefined));
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await within("every transfer", this.#ended);
  }
}

test("three servers, two killed one after the other: every transfer settles once and none waits for ever", async () => {
  const dataDir = await temporaryDirectory();
  try {
    await using dev = await startDev(["--shards", "1", "--replicas", "3", "--no-demo"], { dataDir });
    assert.equal(dev.url.split(",").length, 3);
    const coffer = await connect({ servers: dev.url, tenant: "demo", deadlineMs: 120_000 });
    try {
      await coffer.send({ op: "open", wallet: "world:usd", asset: "USD/2", min: "unlimited" });
      await coffer.send({ op: "open", wallet: "alice:usd", asset: "USD/2" });
      const leader = await leaderOf(dev.url);
      const follower = SERVERS.find((server) => server !== leader) ?? "";
      const transfers = new Transfers(coffer);
      for (const server of [leader, follower]) {
        await transfers.goOn();
        const pid = await pidOf(dataDir, server);
        process.kill(pid, "SIGKILL");
        await transfers.goOn();
        await until("the server is started again", async () =>
          (await pidOf(dataDir, server)) === pid ? undefined : true,
        );
        await untilWhole(dev.url, SERVERS.length, WHOLE_MS);
      }
      await transfers.end();
      // The first server died while the gateway's key was being made.
      await until("the gateway serves", () => (dev.stdout().includes('{"gateway":') ? true : undefined));
      const { json } = await callJson(["wallet", "show", "alice:usd", "--server", dev.url]);
      assert.equal(fieldOf(json, "wallet")["posted"], String(transfers.posted));
    } finally {
      await coffer.close();
    }
    assert.doesNotMatch(dev.stdout(), /"halted"/);
    const pids = await Promise.all(SERVERS.map((server) => pidOf(dataDir, server)));
    await dev.stop();
    for (const pid of pids) assert.equal(isRunning(pid), false);
    const swept = await callJson(["verify", "--deep", "--data", dataDir]);
    assert.deepEqual([swept.exit, swept.json["clean"]], [0, true]);
  } finally {
    await discard(dataDir);
  }
});
