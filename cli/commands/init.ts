// `coffer init`: makes a data directory for a cluster of a chosen number of shards, and the configuration of its
// nats-server. Prints the plan, changes nothing that is there, can be run again.

import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ClusterFile } from "../../cluster/cluster-file.ts";
import type { NatsConfSettings } from "../../cluster/nats-conf.ts";
import {
  clusterMembers,
  readNatsConfTemplate,
  renderNatsConf,
  SYNC_OF_PROFILE,
} from "../../cluster/nats-conf.ts";
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
import { copiesText, shardsText } from "../shown.ts";

const MONITOR_PORT = 8222;
const ROUTE_PORT = 6222;

/** The command. */
export const initCommand: CliCommand = {
  path: "init",
  summary: "Make a data directory and the configuration of its nats-server",
  details: `Writes DIR/coffer.json (cluster id, shards, durability, copies) and DIR/nats/nats.conf; with --replicas N one for
each of N servers, in DIR/nats/1 and so on, as they would run on this machine. The number of shards is chosen once: it
decides which log an owner's commands go to. Existing files are left as they are.`,
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
    const confs = serversOf(dataDir, cluster);
    const missing = confs.filter(({ file }) => !existsSync(file));
    const plan = [
      ...(existing === null ? [`create ${join(dataDir, "coffer.json")}`] : []),
      ...missing.map(({ file }) => `create ${file}`),
    ];
    const isDryRun = parsed.has("--dry-run");
    if (!isDryRun) output.note(planText(cluster, plan, isDryRun));
    if (!isDryRun && existing === null) initialise(dataDir, cluster);
    if (!isDryRun) await writeConfs(missing);
    printResult(invocation, { dataDir, cluster, plan, isDryRun, confFiles: confs.map(({ file }) => file) });
    return EXIT.done;
  },
};

interface ServerConf {
  readonly file: string;
  readonly settings: NatsConfSettings;
}

/** One server, or one for each copy of the logs, on ports in a row. */
function serversOf(dataDir: string, { shards, durability, replicas }: ClusterFile): ServerConf[] {
  const sync = SYNC_OF_PROFILE[durability];
  const directory = join(dataDir, "nats");
  const at = (place: string, index: number): ServerConf => ({
    file: join(place, "nats.conf"),
    settings: {
      ...{ port: NATS_PORT + index, monitorPort: MONITOR_PORT + index, shards, sync },
      storeDir: join(place, "store"),
    },
  });
  if (replicas === 1) return [at(directory, 0)];
  const members = clusterMembers(Array.from({ length: replicas }, (_, index) => ROUTE_PORT + index));
  return members.map((member, index) => {
    const { file, settings } = at(join(directory, String(index + 1)), index);
    return { file, settings: { ...settings, member } };
  });
}

async function writeConfs(confs: readonly ServerConf[]): Promise<void> {
  const template = await readNatsConfTemplate();
  for (const { file, settings } of confs) {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, renderNatsConf(template, settings));
  }
}

function planText(cluster: ClusterFile, plan: readonly string[], isDryRun: boolean): string {
  const what = `${shardsText(cluster.shards)}, ${copiesText(cluster.replicas)}${cluster.durability}, tenant ${cluster.tenant}`;
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
    readonly confFiles: readonly string[];
  },
): void {
  const { dataDir, cluster, plan, isDryRun, confFiles } = done;
  const { shards, durability, replicas, tenant } = cluster;
  const about = { dataDir, cluster: cluster.cluster, shards, durability, replicas, tenant };
  const json = { ...about, plan, done: !isDryRun };
  const { program } = surroundings;
  const servers = confFiles.map((file) => `nats-server -c ${file}`).join(", ");
  const next = `Next: ${servers}, then ${program} node --data ${dataDir}; or ${program} dev --data ${dataDir} for both.`;
  output.result(json, isDryRun ? planText(cluster, plan, isDryRun) : next);
}
