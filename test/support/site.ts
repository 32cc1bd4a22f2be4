/**
 * One installation for a test: a nats-server, a data directory, an engine on both that can be killed and started
 * again, and a JSON client. Gone with the test, whatever state the test left it in.
 */
import { rm } from "node:fs/promises";
import type { TestContext } from "node:test";
import { until } from "./condition.ts";
import { launchEngine, makeDataDir, type TestEngine, type TestEngineOptions } from "./engine.ts";
import { JsonClient } from "./json-client.ts";
import { startTestNats, type TestNats } from "./nats.ts";

/** What a test may choose. Default: 4 shards, `relaxed`, one worker, no events. */
export interface SiteOptions {
  readonly shards?: number;
  readonly durability?: "strict" | "relaxed";
  /** An initialised data directory that the test removes itself. */
  readonly dataDir?: string;
}

/** What one start of the engine may differ in. */
export type StartOptions = Pick<
  TestEngineOptions,
  "events" | "workers" | "phases" | "wrapper" | "dataDir"
> & {
  /** By default the site's own server. */
  readonly natsUrl?: string;
};

/** See the file header. */
export class Site {
  readonly nats: TestNats;
  readonly dataDir: string;
  readonly shards: number;
  readonly client: JsonClient;
  readonly #engines: TestEngine[] = [];

  /** Starts the server; the engine is started by the test. Everything ends with `t`. */
  static async start(t: TestContext, options: SiteOptions = {}): Promise<Site> {
    const { shards = 4, durability = "relaxed" } = options;
    const dataDir = options.dataDir ?? (await makeDataDir(shards, durability));
    const nats = await startTestNats({ shards, durability });
    let site: Site | null = null;
    t.after(async () => {
      if (site) await site.#end();
      await nats.stop();
      if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
    });
    site = new Site(nats, dataDir, shards, new JsonClient(await nats.connect("service")));
    return site;
  }

  private constructor(nats: TestNats, dataDir: string, shards: number, client: JsonClient) {
    this.nats = nats;
    this.dataDir = dataDir;
    this.shards = shards;
    this.client = client;
  }

  /** Starts an engine and waits until every shard is active. */
  async startEngine(options: StartOptions = {}): Promise<TestEngine> {
    const engine = await this.launchEngine(options);
    const first = await engine.heard(({ event }) => event === "ready" || event === "failed");
    if (first.event === "failed") throw new Error(`the engine failed: ${first.code}: ${first.message}`);
    return engine;
  }

  /** Starts an engine without waiting. */
  async launchEngine(options: StartOptions = {}): Promise<TestEngine> {
    const engine = await launchEngine(this.#optionsOf(options));
    this.#engines.push(engine);
    return engine;
  }

  /** Restarts the server (see TestNats) and waits until the client is connected again. */
  async restartServer(how: "stop" | "kill", meanwhile?: () => Promise<void>): Promise<void> {
    await this.nats.restart(how, meanwhile);
    await until("the client is connected again", () => this.client.connection.isUp());
  }

  #optionsOf(options: StartOptions): TestEngineOptions {
    const { nats, dataDir, shards } = this;
    return { natsUrl: nats.url, dataDir, shards, events: false, workers: 1, ...options };
  }

  async #end(): Promise<void> {
    this.client.close();
    await Promise.all(this.#engines.map((engine) => engine.kill()));
  }
}
