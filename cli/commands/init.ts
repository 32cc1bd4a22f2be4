// `coffer init`: makes a data directory for a cluster of a chosen number of shards, and the configuration of its
// nats-server. Prints the plan, changes nothing that is there, can be run again.

import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ClusterFile } from "../../cluster/cluster-file.ts";
import { readNatsConfTemplate, renderNatsConf, SYNC_OF_PROFILE } from "../../cluster/nats-conf.ts";
import type { CliCommand, Invocation } from "../command.ts";
import {
  CLUSTER_FLAGS,
  dataDirectoryOf,
  existingCluster,
  initialise,
  newCluster,
  wishesOf,
} from "../data-directory.ts";
import { NATS_PORT } from "../dev/nats-service.ts";
import { EXIT } from "../exit-code.ts";
import { shardsText } from "../shown.ts";

const MONITOR_PORT = 8222;

/** The command. */
export const initCommand: CliCommand = {
  path: "init",
  summary: "Make a data directory and the configuration of its nats-server",
  details: `Writes DIR/coffer.json (cluster id, shards, durability) and DIR/nats/nats.conf. The number of shards is chosen
once: it decides which log an owner's commands go to. Existing files are left as they are.`,
  arguments: [],
  flags: [
    ...CLUSTER_FLAGS,
    { name: "--dry-run", value: null, summary: "print the plan and change nothing" },
    { name: "--yes", value: null, summary: "accepted for scripts; init asks nothing" },
  ],
  examples: [
    { line: "init --data ./data --shards 4", does: "four shards, profile strict" },
    {
      line: "init --data ./data --shards 1 --durability relaxed --dry-run",
      does: "show what would be written",
    },
  ],
  run: async (invocation) => {
    const { parsed, output, surroundings } = invocation;
    const dataDir = dataDirectoryOf(parsed, surroundings);
    const existing = existingCluster(dataDir, wishesOf(parsed));
    const cluster = existing ?? newCluster(parsed, surroundings);
    const confFile = join(dataDir, "nats", "nats.conf");
    const plan = [
      ...(existing === null ? [`create ${join(dataDir, "coffer.json")}`] : []),
      ...(existsSync(confFile) ? [] : [`create ${confFile}`]),
    ];
    const isDryRun = parsed.has("--dry-run");
    if (!isDryRun) output.note(planText(cluster, plan, isDryRun));
    if (!isDryRun) await apply({ dataDir, confFile, cluster, isNew: existing === null });
    printResult(invocation, { dataDir, cluster, plan, isDryRun });
    return EXIT.done;
  },
};

async function apply(target: {
  readonly dataDir: string;
  readonly confFile: string;
  readonly cluster: ClusterFile;
  readonly isNew: boolean;
}): Promise<void> {
  const { dataDir, confFile, cluster } = target;
  if (target.isNew) initialise(dataDir, cluster);
  if (existsSync(confFile)) return;
  const conf = renderNatsConf(await readNatsConfTemplate(), {
    port: NATS_PORT,
    monitorPort: MONITOR_PORT,
    storeDir: join(dataDir, "nats", "store"),
    shards: cluster.shards,
    sync: SYNC_OF_PROFILE[cluster.durability],
  });
  await mkdir(join(dataDir, "nats"), { recursive: true });
  await writeFile(confFile, conf);
}

function planText(cluster: ClusterFile, plan: readonly string[], isDryRun: boolean): string {
  const what = `${shardsText(cluster.shards)}, ${cluster.durability}, tenant ${cluster.tenant}`;
  if (plan.length === 0) return `Nothing to do: the directory is initialised (${what}).`;
  return [`Plan (${what})${isDryRun ? ", not carried out" : ""}:`, ...plan.map((step) => `  ${step}`)].join(
    "\n",
  );
}

function printResult(
  { output, surroundings }: Invocation,
  done: {
    readonly dataDir: string;
    readonly cluster: ClusterFile;
    readonly plan: readonly string[];
    readonly isDryRun: boolean;
  },
): void {
  const { dataDir, cluster, plan, isDryRun } = done;
  const { shards, durability, tenant } = cluster;
  const json = { dataDir, cluster: cluster.cluster, shards, durability, tenant, plan, done: !isDryRun };
  const { program } = surroundings;
  const next = `Next: nats-server -c ${join(dataDir, "nats", "nats.conf")}, then ${program} node --data ${dataDir}; or ${program} dev --data ${dataDir} for both.`;
  output.result(json, isDryRun ? planText(cluster, plan, isDryRun) : next);
}
