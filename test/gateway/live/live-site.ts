/**
 * Two gateways on one engine, for tests of live events: `gateway` with chosen settings, `other` as in production but for
 * readers who take nothing: it drops them by bytes alone. Gone with `stop`.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { Gateway } from "../../../gateway/gateway.ts";
import type { LiveSettings } from "../../../gateway/live/live-settings.ts";
import { startEngine, type TestEngine } from "../../support/engine.ts";
import { startTestNats, type TestNats } from "../../support/nats.ts";
import { type Answer, type Call, callHttp, TestKeys, testClock } from "../gateway-site.ts";

/** See the file header. */
export interface LiveSite {
  readonly nats: TestNats;
  readonly keys: TestKeys;
  readonly gateway: Gateway;
  readonly other: Gateway;
  /** Kills the engine and starts it again on its data. */
  restartEngine(): Promise<void>;
  call(method: string, path: string, call?: Call): Promise<Answer>;
  /** Opens wallets: `mint:…` without a lower bound. */
  openWallets(...wallets: readonly string[]): Promise<void>;
  /** Sends commands in one batch; each must be settled and not refused. */
  send(commands: readonly object[]): Promise<void>;
  startGateway(live: Partial<LiveSettings>): Promise<Gateway>;
  stop(): Promise<void>;
}

/** One transfer out of nothing. */
export function mint(to: string, amount = "1"): object {
  return { op: "transfer", id: randomUUID(), from: "mint:usd", to, amount };
}

/** Starts one; keys `admin` and `read` for every owner of tenant demo. */
export async function startLiveSite(live: Partial<LiveSettings>): Promise<LiveSite> {
  const nats = await startTestNats({ shards: 4 });
  const first = await startEngine({ natsUrl: nats.url, shards: 4 });
  let engine: TestEngine = first;
  const keys = new TestKeys().add("admin", "admin").add("read", "read");
  const startGateway = (settings: Partial<LiveSettings>): Promise<Gateway> =>
    Gateway.start(
      { natsUrl: nats.url, host: "127.0.0.1", port: 0, replicas: 1, live: settings },
      { clock: testClock, keys },
    );
  const [gateway, other] = await Promise.all([startGateway(live), startGateway({ drainMs: 3_600_000 })]);
  const call = (method: string, path: string, more?: Call): Promise<Answer> =>
    callHttp(gateway.url, method, path, more);
  const send = async (commands: readonly object[]): Promise<void> => {
    const { json, text } = await call("POST", "/v1/batches", { body: { commands } });
    const outcomes = json["outcomes"] as readonly { readonly status: string }[];
    assert.ok(
      outcomes.every(({ status }) => /^(open|posted|done)$/.test(status)),
      text,
    );
  };
  return {
    ...{ nats, keys, gateway, other, call, send, startGateway },
    openWallets: (...wallets) =>
      send(
        wallets.map((wallet) => ({
          ...{ op: "open", id: randomUUID(), wallet, asset: "USD/2" },
          ...(wallet.startsWith("mint:") ? { min: "unlimited" } : {}),
        })),
      ),
    restartEngine: async () => {
      await engine.kill();
      engine = await startEngine({ natsUrl: nats.url, shards: 4, dataDir: first.dataDir });
    },
    stop: async () => {
      await Promise.all([gateway.stop(), other.stop()]);
      await engine.end();
      await first.stop();
      await nats.stop();
    },
  };
}
