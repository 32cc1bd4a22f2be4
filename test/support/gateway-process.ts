/**
 * A real gateway for tests: a process of its own, which can be killed, frozen and ended, and is gone with the test (it
 * ends when the channel to the test's process does). Does not own the server and the engine behind it.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { within } from "./condition.ts";

const MAIN_FILE = fileURLToPath(new URL("../../gateway/node-main.ts", import.meta.url));

/** What a test may choose; `port` 0 = a free one. */
export interface GatewayProcessOptions {
  readonly natsUrl: string;
  readonly port?: number;
  readonly stopWaitMs?: number;
  readonly redisUrl?: string;
}

/** A running gateway. */
export interface TestGateway {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Resolves with the exit code, null after a signal. */
  readonly exited: Promise<number | null>;
  signal(name: NodeJS.Signals): void;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves with the exit code. */
  end(): Promise<number | null>;
}

/** Starts one and waits until it listens. */
export async function startGatewayProcess(options: GatewayProcessOptions): Promise<TestGateway> {
  const order = { host: "127.0.0.1", port: 0, replicas: 1, ...options };
  const child = spawn(process.execPath, [MAIN_FILE, JSON.stringify(order)], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const exited = once(child, "exit").then(([code]): number | null =>
    typeof code === "number" ? code : null,
  );
  const { promise: ready, resolve, reject } = Promise.withResolvers<number>();
  child.on("message", (said: object) => {
    if (Reflect.get(said, "event") === "ready") resolve(Number(Reflect.get(said, "port")));
    if (Reflect.get(said, "event") === "failed") reject(new Error(JSON.stringify(said)));
  });
  void exited.then((code) => reject(new Error(`the gateway ended before it was ready: ${code}`)));
  const kill = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
    await exited;
  };
  const port = await within("the gateway listens", ready).catch(async (thrown: unknown) => {
    await kill();
    throw thrown;
  });
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    pid: child.pid ?? -1,
    exited,
    signal: (name) => void child.kill(name),
    kill,
    end: async () => {
      child.kill("SIGTERM");
      return await within("the gateway ends", exited);
    },
  };
}
