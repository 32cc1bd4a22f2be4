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
import { type EngineMessage, NO_EVENTS_FLAG } from "../dev/engine-process.ts";
import { REDIS_FLAG, redisOrder } from "../dev/gateway-process.ts";
import { httpSteps } from "../dev/http-steps.ts";
import type { NatsService } from "../dev/nats-service.ts";
import type { Ending } from "../dev/supervisor.ts";
import { syncRemark } from "../dev/sync-remark.ts";
import { EXIT } from "../exit-code.ts";
import { CliFailure, usageFailure } from "../failure.ts";
import type { Json, Output } from "../output.ts";
import { columns } from "../output.ts";
import type { Parsed } from "../parsed.ts";
import { namedServer, sessionOf } from "../session.ts";
import { copiesText, shardsText } from "../shown.ts";
import { wholeIn } from "../value.ts";

/** A store of many gigabytes and a long log are read before the first answer, ms. */
const READY_MS_DEFAULT = 120_000;

/** The command. */
export const devCommand: CliCommand = {
  path: "dev",
  summary: "Run everything on this machine: nats-server, engine, HTTP gateway, and a short demonstration",
  details: `Creates the data directory or goes on with it. Starts nats-server (found on the PATH, by COFFER_NATS_SERVER, in the
cache, or fetched on Debian) unless --server or NATS_URL names one, then the engine, then the HTTP gateway; restarts each
when it dies. The gateway's first key may do everything; it is kept in DIR/gateway-key and printed with lines to try.
With --json the first line is {"ready":true,"nats":URL,"tenant":NAME,"shards":N,"dataDir":DIR}; later ones are
{"gateway":{"url":URL,"key":KEY,"docs":URL}}, {"demo":…} and {"event":"restart"|"recovered"|"halted",…}.
With --replicas 3 it starts three nats-servers as one cluster: it goes on when one of them dies, and takes single commands
faster under strict. Ctrl-C stops. --timeout is how long it may take to be ready (default: 2m).`,
  arguments: [],
  flags: [
    ...CLUSTER_FLAGS,
    {
      name: "--nats-port",
      value: "P",
      summary: "port of its nats-server (default: 4222, or a free one when taken)",
    },
    {
      name: "--http-port",
      value: "P",
      summary: "port of its HTTP gateway (default: 8080, or a free one when taken)",
    },
    REDIS_FLAG,
    { name: "--no-gateway", value: null, summary: "serve without HTTP" },
    { name: "--no-demo", value: null, summary: "serve without the demonstration" },
    NO_EVENTS_FLAG,
  ],
  examples: [
    { line: "dev", does: "four shards in ./.coffer, profile strict" },
    { line: "dev --data ./data --replicas 3", does: "three nats-servers, each with a copy of every log" },
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
      const teller = new DevTeller(invocation.output, plan.cluster);
      await runDev(plan, teller, (run, givenUp) => serve(invocation, plan, { run, givenUp, teller }));
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
  const httpPort = httpPortOf(parsed);
  const redis = redisOrder(parsed);
  const session = sessionOf(invocation, READY_MS_DEFAULT);
  const server = namedServer(invocation);
  const existing = existingCluster(dataDir, wishesOf(parsed));
  const isNew = existing === null;
  const cluster = existing ?? newCluster(parsed, surroundings);
  output.note(`${isNew ? "New data" : "Data"} in ${dataDir}: ${describe(cluster)}.`);
  const events = !parsed.has(NO_EVENTS_FLAG.name);
  return { dataDir, cluster, isNew, server, natsPort, events, httpPort, redis, session, surroundings };
}

/** Of the gateway; null = the usual one, or a free one. */
function httpPortOf(parsed: Parsed): number | null | "none" {
  const port = parsed.text("--http-port");
  if (!parsed.has("--no-gateway")) return port === null ? null : wholeIn(port, { min: 1, max: 65_535 });
  for (const flag of ["--http-port", REDIS_FLAG.name] as const)
    if (parsed.has(flag)) throw usageFailure(`${flag} is of the gateway that --no-gateway leaves out.`);
  return "none";
}

function describe({ shards, durability, replicas, tenant }: ClusterFile): string {
  return `${shardsText(shards)}, ${copiesText(replicas)}${durability}, tenant ${tenant}`;
}

/** Tells what happens to a run: JSON lines, held back until the ready line was the first, or remarks. */
class DevTeller implements DevListener {
  readonly #output: Output;
  readonly #cluster: ClusterFile;
  #early: Json[] | null = [];

  constructor(output: Output, cluster: ClusterFile) {
    this.#output = output;
    this.#cluster = cluster;
  }

  ready(json: Json, text: string): void {
    this.#output.result(json, text);
    for (const event of this.#early ?? []) this.#output.result(event, "");
    this.#early = null;
  }

  onProgress(text: string): void {
    this.#output.progress(text, "milestone");
  }

  onNats({ version, url, sync }: NatsService): void {
    const remark = syncRemark(sync, this.#cluster.durability);
    this.#output.note(`nats-server ${version ?? ""} at ${url}. ${remark}`);
  }

  onEngine({ event, shard, state, reason, message: detail }: EngineMessage): void {
    if (event === "notice") this.#output.note(`engine: ${detail ?? ""}`);
    if (event !== "shard" || state !== "halted") return;
    const why = `${reason ?? "no reason given"}${detail === null ? "" : ` (${detail})`}`;
    this.#tell({ event: "halted", shard, reason, detail }, `Shard ${shard} halted: ${why}`);
  }

  onGateway(notice: string): void {
    this.#output.note(`gateway: ${notice}`);
  }

  onRestart(name: string, { reason, attempt, pauseMs }: Parameters<DevListener["onRestart"]>[1]): void {
    const text = `${name} died: ${reason}. Starting it again in ${pauseMs} ms (try ${attempt}).`;
    this.#tell({ event: "restart", process: name, reason, attempt }, text);
  }

  onReadyAgain(name: string): void {
    this.#tell({ event: "recovered", process: name }, `The ${name} serves again.`);
  }

  #tell(event: Json, text: string): void {
    if (!this.#output.isJson) this.#output.note(text);
    else if (this.#early === null) this.#output.result(event, text);
    else this.#early.push(event);
  }
}

interface Served {
  readonly run: DevRun;
  readonly givenUp: Promise<Ending>;
  readonly teller: DevTeller;
}

async function serve(invocation: Invocation, plan: DevPlan, { run, givenUp, teller }: Served): Promise<void> {
  const { parsed, surroundings } = invocation;
  const { dataDir, cluster } = plan;
  const { url } = run.nats;
  teller.ready(
    { ready: true, nats: url, tenant: cluster.tenant, shards: cluster.shards, dataDir },
    `Ready at ${url}: ${describe(cluster)}.`,
  );
  const { interrupted } = surroundings;
  const stopped = new Promise<null>((done) => {
    if (interrupted.aborted) done(null);
    interrupted.addEventListener("abort", () => done(null), { once: true });
  });
  const hasDemo = !parsed.has("--no-demo");
  const show = async (): Promise<void> => {
    await Promise.race([stopped, showGateway(invocation, run)]);
    if (hasDemo && !interrupted.aborted) await demonstrate(invocation, run.session);
  };
  const shown = show();
  const ending = await Promise.race([stopped, givenUp, shown.then(() => stopped)]);
  if (ending !== null && !interrupted.aborted) throw endingFailure(ending);
  await shown.catch(() => undefined);
}

/** Starts the gateway, if there is to be one, and prints how to call it. */
async function showGateway({ output }: Invocation, run: DevRun): Promise<void> {
  const access = await run.startGateway();
  if (access === null) return;
  const { url, key } = access;
  const docs = `${url}/docs`;
  const rows = [
    ["docs", docs],
    ["key", key],
  ];
  const steps = httpSteps(access).map((line) => `  ${line}`);
  const text = ["", `HTTP at ${url}`, columns(rows, "  "), "", "Try it:", ...steps, ""].join("\n");
  output.result({ gateway: { url, key, docs } }, text);
}
