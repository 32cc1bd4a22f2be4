// `coffer dev`: everything on one machine with one command. Finds or fetches nats-server, starts it and the engine,
// waits until every shard answers, shows what it can do, serves until Ctrl-C.
//
// Owns: what is printed and when. The first line on standard output is the one that says it is ready.

import type { ClusterFile } from "../../cluster/cluster-file.ts";
import type { CliCommand, Invocation } from "../command.ts";
import { CLUSTER_FLAGS, dataDirectoryOf, existingCluster, newCluster, wishesOf } from "../data-directory.ts";
import { demonstrate } from "../dev/demonstration.ts";
import type { DevListener, DevPlan, DevRun } from "../dev/dev-session.ts";
import { endingFailure, runDev } from "../dev/dev-session.ts";
import { syncRemark } from "../dev/sync-remark.ts";
import { EXIT } from "../exit-code.ts";
import { CliFailure } from "../failure.ts";
import { namedServer, sessionOf } from "../session.ts";
import { wholeIn } from "../value.ts";

/** A store of many gigabytes and a long log are read before the first answer, ms. */
const READY_MS_DEFAULT = 120_000;

/** The command. */
export const devCommand: CliCommand = {
  path: "dev",
  summary: "Run everything on this machine: nats-server, engine, and a short demonstration",
  details: `Creates the data directory or goes on with it. Starts nats-server (found on the PATH, by COFFER_NATS_SERVER, in the
cache, or fetched on Debian) unless --server or NATS_URL names one, then the engine; restarts either when it dies.
With --json the first line is {"ready":true,"nats":URL,"tenant":NAME,"shards":N,"dataDir":DIR}; later ones are {"demo":…} and
{"event":"restart"|"recovered"|"halted",…}. Ctrl-C stops. --timeout is how long it may take to be ready (default: 2m).`,
  arguments: [],
  flags: [
    ...CLUSTER_FLAGS,
    {
      name: "--nats-port",
      value: "P",
      summary: "port of its nats-server (default: 4222, or a free one when taken)",
    },
    { name: "--no-demo", value: null, summary: "serve without the demonstration" },
  ],
  examples: [
    { line: "dev", does: "four shards in ./.coffer, profile strict" },
    { line: "dev --data ./data --shards 1 --durability relaxed --no-demo", does: "one fast shard in ./data" },
    {
      line: "dev --json --no-demo --nats-port 14222",
      does: "for scripts: wait for the first line, then use its nats",
    },
  ],
  run: async (invocation) => {
    const { interrupted } = invocation.surroundings;
    const plan = planOf(invocation);
    try {
      await runDev(plan, listenerOf(invocation, plan), (run, givenUp) =>
        serve(invocation, plan, { run, givenUp }),
      );
    } catch (thrown) {
      const isStop = interrupted.aborted && !(thrown instanceof CliFailure && thrown.code !== "interrupted");
      if (!isStop) throw thrown;
    }
    invocation.output.note("Stopped.");
    return EXIT.done;
  },
};

function planOf(invocation: Invocation): DevPlan {
  const { parsed, surroundings, output } = invocation;
  const dataDir = dataDirectoryOf(parsed, surroundings);
  const port = parsed.text("--nats-port");
  const natsPort = port === null ? null : wholeIn(port, { min: 1, max: 65_535 });
  const session = sessionOf(invocation, READY_MS_DEFAULT);
  const server = namedServer(invocation);
  const existing = existingCluster(dataDir, wishesOf(parsed));
  const isNew = existing === null;
  const cluster = existing ?? newCluster(parsed, surroundings);
  output.note(`${isNew ? "New data" : "Data"} in ${dataDir}: ${describe(cluster)}.`);
  return { dataDir, cluster, isNew, server, natsPort, session, surroundings };
}

function describe({ shards, durability, tenant }: ClusterFile): string {
  return `${shards} ${shards === 1 ? "shard" : "shards"}, ${durability}, tenant ${tenant}`;
}

function listenerOf({ output }: Invocation, plan: DevPlan): DevListener {
  return {
    onProgress: (text) => output.progress(text, "milestone"),
    onNats: (nats) => {
      const { version, url, sync } = nats;
      output.note(`nats-server ${version ?? ""} at ${url}. ${syncRemark(sync, plan.cluster.durability)}`);
    },
    onEngine: (message) => {
      if (message.event === "notice") output.note(`engine: ${message.message ?? ""}`);
      if (message.event !== "shard" || message.state !== "halted") return;
      const { shard, reason, message: detail } = message;
      const text = `Shard ${shard} halted: ${reason ?? "no reason given"}${detail === null ? "" : ` (${detail})`}`;
      if (output.isJson) output.result({ event: "halted", shard, reason, detail }, text);
      else output.note(text);
    },
    onRestart: (name, { reason, attempt, pauseMs }) => {
      const text = `${name} died: ${reason}. Starting it again in ${pauseMs} ms (try ${attempt}).`;
      if (output.isJson) output.result({ event: "restart", process: name, reason, attempt }, text);
      else output.note(text);
    },
    onReadyAgain: () => {
      if (output.isJson) output.result({ event: "recovered", process: "engine" }, "");
      else output.note("The engine serves again.");
    },
  };
}

interface Served {
  readonly run: DevRun;
  readonly givenUp: Promise<Parameters<typeof endingFailure>[0]>;
}

async function serve(invocation: Invocation, plan: DevPlan, { run, givenUp }: Served): Promise<void> {
  const { output, parsed, surroundings } = invocation;
  const { dataDir, cluster } = plan;
  const { url } = run.nats;
  output.result(
    { ready: true, nats: url, tenant: cluster.tenant, shards: cluster.shards, dataDir },
    `Ready at ${url}: ${describe(cluster)}.`,
  );
  const { interrupted } = surroundings;
  const stopped = new Promise<null>((done) => {
    if (interrupted.aborted) done(null);
    interrupted.addEventListener("abort", () => done(null), { once: true });
  });
  const shown = parsed.has("--no-demo") ? Promise.resolve() : demonstrate(invocation, run.session);
  const ending = await Promise.race([stopped, givenUp, shown.then(() => stopped)]);
  if (ending !== null && !interrupted.aborted) throw endingFailure(ending);
  await shown.catch(() => undefined);
}
