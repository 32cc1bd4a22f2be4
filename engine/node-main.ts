// The entry of an engine node's process: `node engine/node-main.ts '<NodeOptions as JSON>'`. Talks to its
// starter over IPC and ends when that channel goes away; without a channel it writes JSON lines to stdout.
// SIGTERM and SIGINT stop it gracefully. Exit code 0 after a stop, 1 after a failure.
// `node engine/node-main.ts compile` only loads what a node and its threads load, so that Node's compile cache has it.

import { packageVersion } from "../cluster/package-version.ts";
import { EngineNode } from "./engine-node.ts";
import type { NodeEvent, NodeOptions } from "./node-events.ts";
import { faultOf, NodeFault } from "./node-fault.ts";

function emit(event: NodeEvent): void {
  if (event.event === "failed") process.exitCode = 1;
  if (process.connected && process.send) process.send(event);
  else process.stdout.write(`${JSON.stringify(event)}\n`);
}

function parseOptions(text: string | undefined): NodeOptions {
  const value: unknown = JSON.parse(text ?? "null");
  if (typeof value === "object" && value !== null && "natsUrl" in value && "dataDir" in value) {
    return value as NodeOptions;
  }
  throw new NodeFault("data_invalid", "options are missing: natsUrl and dataDir are needed");
}

async function main(): Promise<void> {
  if (process.argv[2] === "compile") {
    await Promise.all([import("./worker-main.ts"), import("./copy-main.ts")]);
    return;
  }
  const node: EngineNode = new EngineNode(parseOptions(process.argv[2]), packageVersion(), (event) => {
    emit(event);
    if (event.event === "failed") stop();
  });
  const stop = (): void => {
    void node.stop().then(() => {
      if (process.connected) process.disconnect?.();
    });
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  process.on("disconnect", stop);
  await node.start();
}

main().catch((error: unknown) => {
  const { code, message } = faultOf(error);
  emit({ event: "failed", code, message });
  if (process.connected) process.disconnect?.();
});
