/**
 * What a contract test runs against: a nats-server and an engine of its own. Gone with the test; the engine can be
 * ended and started again on the same data in between.
 */
import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { launchEngine, makeDataDir, type TestEngine, type TestEngineOptions } from "../support/engine.ts";
import { startTestNats, type TestNats } from "../support/nats.ts";
import { OutsideCaller } from "./outside-caller.ts";

/** A running installation. */
export interface Installation {
  readonly nats: TestNats;
  readonly shards: number;
  readonly dataDir: string;
  readonly engine: () => TestEngine;
  /** A service of a tenant (default `demo`) on a connection of its own, which `stop` closes. */
  caller(tenant?: string): Promise<OutsideCaller>;
  /** Ends the engine, by default gracefully, and starts it again on the same data. */
  restart(how?: "end" | "kill"): Promise<void>;
  /** Ends everything and removes its files. */
  stop(): Promise<void>;
}

/** Starts an engine and waits until every shard is active. Errors: what it said instead; it is gone then. */
export async function started(options: TestEngineOptions): Promise<TestEngine> {
  const engine = await launchEngine(options);
  try {
    const first = await engine.heard(
      (said) =>
        said.event === "ready" ||
        said.event === "failed" ||
        (said.event === "shard" && said.state === "halted"),
    );
    assert.equal(first.event, "ready", JSON.stringify(first));
    return engine;
  } catch (error) {
    await engine.end();
    throw error;
  }
}

/** Starts a server and an engine. Default 4 shards. */
export async function install({ shards = 4 } = {}): Promise<Installation> {
  const nats = await startTestNats({ shards });
  const dataDir = await makeDataDir(shards);
  const callers: OutsideCaller[] = [];
  const clear = async (): Promise<void> => {
    await Promise.all(callers.map((caller) => caller.close()));
    await nats.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
  let engine = await started({ natsUrl: nats.url, dataDir }).catch(async (error: unknown) => {
    await clear();
    throw error;
  });
  return {
    nats,
    shards,
    dataDir,
    engine: () => engine,
    caller: async (tenant) => {
      const caller = await OutsideCaller.connect(nats.url, tenant);
      callers.push(caller);
      return caller;
    },
    restart: async (how = "end") => {
      await (how === "kill" ? engine.kill() : engine.end());
      engine = await started({ natsUrl: nats.url, dataDir });
    },
    stop: async () => {
      await engine.stop();
      await clear();
    },
  };
}
