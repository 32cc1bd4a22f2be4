// `coffer node`: the engine in the foreground, on a data directory and a NATS server that run already. Restarts are
// left to whatever runs this (systemd, a container); it ends when the engine ends.

import type { CliCommand, Invocation } from "../command.ts";
import { DATA_FLAG, dataDirectoryOf, existingCluster } from "../data-directory.ts";
import type { EngineMessage, NodeOptions } from "../dev/engine-process.ts";
import { NO_EVENTS_FLAG, startEngine } from "../dev/engine-process.ts";
import { exitSentence } from "../dev/main-process.ts";
import { checkExternalServer } from "../dev/nats-service.ts";
import { syncRemark } from "../dev/sync-remark.ts";
import type { ExitCode } from "../exit-code.ts";
import { EXIT } from "../exit-code.ts";
import { CliFailure, unreachableFailure } from "../failure.ts";
import { sessionOf } from "../session.ts";

/** The command. */
export const nodeCommand: CliCommand = {
  path: "node",
  summary: "Run the engine in the foreground against a NATS server",
  details: `The data directory must be initialised (coffer init), and the server must map commands to shards as its
nats.conf does; both are checked first. Ends on Ctrl-C or SIGTERM with 0, and with 1 when the engine fails.`,
  arguments: [],
  flags: [DATA_FLAG, NO_EVENTS_FLAG],
  examples: [
    { line: "node --data ./data", does: "serve ./data with the server at nats://127.0.0.1:4222" },
    { line: "node --data ./data --server nats://10.0.0.5:4222 --json", does: "print one JSON line an event" },
  ],
  run: async (invocation) => {
    const { parsed, output, surroundings } = invocation;
    const dataDir = dataDirectoryOf(parsed, surroundings);
    const cluster = existingCluster(dataDir, {});
    if (cluster === null) {
      const message = `${dataDir} is not initialised. Run: ${surroundings.program} init --data ${dataDir} --shards N`;
      throw new CliFailure("cluster_file_missing", message);
    }
    const session = sessionOf(invocation);
    const { server: url, credentials, timeoutMs: waitMs } = session;
    const nats = await checkExternalServer({ url, credentials, waitMs }, cluster);
    output.note(`nats-server ${nats.version ?? ""} at ${url}. ${syncRemark(nats.sync, cluster.durability)}`);
    const creds = session.credentialsFile === null ? {} : { creds: session.credentialsFile };
    const events = !parsed.has(NO_EVENTS_FLAG.name);
    return await serve(invocation, { natsUrl: url, dataDir, events, ...creds });
  },
};

async function serve({ output, surroundings }: Invocation, options: NodeOptions): Promise<ExitCode> {
  const engine = startEngine(options, (message) => output.result({ ...message }, messageText(message)));
  const { interrupted } = surroundings;
  const onInterrupt = (): void => void engine.stop();
  if (interrupted.aborted) onInterrupt();
  interrupted.addEventListener("abort", onInterrupt, { once: true });
  const exit = await engine.exited;
  interrupted.removeEventListener("abort", onInterrupt);
  if (interrupted.aborted) {
    output.note("Stopped.");
    return EXIT.done;
  }
  const code = exit.failure?.code ?? "engine_ended";
  const sentence = `The engine ended: ${exitSentence(exit)}.`;
  if (code === "nats_unreachable") throw unreachableFailure(sentence, code);
  throw new CliFailure(code, sentence);
}

function messageText(message: EngineMessage): string {
  if (message.event === "ready") return "Ready: every shard answers. Ctrl-C stops.";
  if (message.event === "streams") return "Streams exist.";
  if (message.event === "notice") return message.message ?? "";
  if (message.event === "failed") return `Failed: ${message.message ?? message.code ?? ""}`;
  const reason =
    message.reason === null
      ? ""
      : ` (${message.reason}${message.message === null ? "" : `: ${message.message}`})`;
  return `Shard ${message.shard ?? "?"}: ${message.state ?? "?"}${reason}`;
}
