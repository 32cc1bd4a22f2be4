/**
 * Renders the configuration of a data directory's nats-server from the project's own commented `nats.conf`.
 *
 * Owns: which lines of the template are replaced (port, monitoring, store, sync, number of shards), and what a server
 * that has others beside it is told about them.
 * Invariant: each replaced line is found exactly as often as expected, so an edited template fails here, before a server
 * with a wrong mapping or a wrong sync setting could ever take a command.
 */
import { access, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ClusterError } from "./cluster-error.ts";

/** When the server syncs its log: before each acknowledgement, or at an interval such as `1s`. */
export type SyncInterval = "always" | `${number}ms` | `${number}s`;

/** The sync setting of each durability profile. */
export const SYNC_OF_PROFILE: Readonly<Record<"strict" | "relaxed", SyncInterval>> = {
  strict: "always",
  relaxed: "1s",
};

/** What is set in the template. Ports: 1..65535, or -1 for a free one. `storeDir` is an absolute path. */
export interface NatsConfSettings {
  readonly port: number;
  readonly monitorPort: number;
  readonly storeDir: string;
  readonly shards: number;
  readonly sync: SyncInterval;
  /** Its place among several servers; absent for one that is alone. */
  readonly member?: ClusterMember;
}

/** One of several servers of a NATS cluster on this machine. `routePorts` are those of all of them, its own included. */
export interface ClusterMember {
  readonly name: string;
  readonly routePort: number;
  readonly routePorts: readonly number[];
}

/** The members of a cluster that has one server on each of these route ports, named `coffer-1`, `coffer-2`, …. */
export function clusterMembers(routePorts: readonly number[]): ClusterMember[] {
  return routePorts.map((routePort, index) => ({ name: `coffer-${index + 1}`, routePort, routePorts }));
}

/**
 * Returns the template with the settings in place, and behind it the cluster of a member; all other bytes are unchanged.
 * Errors: ClusterError `nats_config_invalid` when the template lacks a line or a setting cannot be written.
 */
export function renderNatsConf(template: string, settings: NatsConfSettings): string {
  const { port, monitorPort, storeDir, shards, sync } = settings;
  if (!Number.isInteger(shards) || shards < 1) throw invalid(`${shards} is no number of shards`);
  if (/["\\\n\r]/.test(storeDir))
    throw invalid(`the store directory ${storeDir} has a character that cannot be written there`);
  let text = template;
  text = replaced(text, /^(port: )\S+/gm, port, 1);
  text = replaced(text, /^(http: "127\.0\.0\.1:)-?\d+/gm, monitorPort, 1);
  text = replaced(text, /^(\s*store_dir: ")[^"]*/gm, storeDir, 1);
  text = replaced(text, /^(\s*sync_interval: )\S+/gm, sync === "always" ? sync : `"${sync}"`, 1);
  text = replaced(text, /(\{\{partition\()\d+(?=,1,2\)\}\})/g, shards, 3);
  return settings.member === undefined ? text : text + clusterBlock(settings.member);
}

function clusterBlock({ name, routePort, routePorts }: ClusterMember): string {
  const routes = routePorts.map((port) => `"nats://127.0.0.1:${port}"`).join(", ");
  return `
# -- One of ${routePorts.length} servers. Each has a copy of every stream, and most of them must store a command before it counts. -------
server_name: "${name}"
cluster {
  name: "coffer"
  host: "127.0.0.1"
  port: ${routePort}
  routes: [${routes}]
}
`;
}

/** The text of the project's `nats.conf`. Errors: ClusterError `nats_config_invalid` when it is not beside the package. */
export async function readNatsConfTemplate(): Promise<string> {
  let directory = import.meta.dirname;
  while (dirname(directory) !== directory) {
    const file = join(directory, "nats.conf");
    const found = await access(file).then(
      () => true,
      () => false,
    );
    if (found) return await readFile(file, "utf8");
    directory = dirname(directory);
  }
  throw invalid("nats.conf, the template, is not beside this package");
}

function replaced(text: string, line: RegExp, value: string | number, times: number): string {
  let count = 0;
  const result = text.replace(line, (_match, before: string) => {
    count += 1;
    return `${before}${value}`;
  });
  if (count !== times) throw invalid(`the template has ${count} lines for ${line.source}, ${times} expected`);
  return result;
}

function invalid(reason: string): ClusterError {
  return new ClusterError("nats_config_invalid", `The server's configuration cannot be made: ${reason}.`);
}
