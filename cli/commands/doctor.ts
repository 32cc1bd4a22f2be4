// `coffer doctor`: looks at this machine the way `dev` will use it, and says what to mend. Changes nothing but one
// probe file, which it removes.

import { closeSync, existsSync, fdatasyncSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readClusterFile } from "../../cluster/cluster-file.ts";
import { findNatsServer } from "../../cluster/nats-binary.ts";
import { ReadOnlyShard } from "../../storage/read-only.ts";
import type { CliCommand, Invocation } from "../command.ts";
import { DATA_FLAG, dataDirectoryOf, readRunningDev } from "../data-directory.ts";
import { isFree, NATS_PORT } from "../dev/nats-service.ts";
import { EXIT } from "../exit-code.ts";
import { messageOf } from "../failure.ts";
import { columns } from "../output.ts";
import { shardsText } from "../shown.ts";

/** Older ones lack fixes that the engine relies on. */
const NODE_MIN = [22, 12] as const;
/** SQLite before 3.51.3 can lose a WAL reset. */
const SQLITE_ENOUGH = "3.51.3 or newer";
const SYNCS_MEASURED = 32;
const SYNC_BYTES = 4096;
/** A sync slower than this makes the strict profile slow; still correct. */
const SYNC_SLOW_MS = 10;

/** One finding. */
interface Finding {
  readonly check: string;
  readonly status: "ok" | "warn" | "fail";
  readonly found: string;
  /** What to do, empty when nothing. */
  readonly advice: string;
}

/** The command. */
export const doctorCommand: CliCommand = {
  path: "doctor",
  summary: "Check that this machine has what Coffer needs",
  details:
    "Looks at Node, SQLite, nats-server, the port, the data directory and the time that one disk sync takes.",
  arguments: [],
  flags: [DATA_FLAG],
  examples: [
    { line: "doctor", does: "check the machine and ./.coffer" },
    { line: "doctor --data /var/lib/coffer --json", does: "check another disk, as JSON" },
  ],
  run: async (invocation) => {
    const { output } = invocation;
    const findings = [
      nodeFinding(process.versions.node),
      sqliteFinding(),
      await natsFinding(invocation),
      await portFinding(invocation),
      dataFinding(invocation),
      diskFinding(invocation),
    ];
    const isHealthy = findings.every(({ status }) => status !== "fail");
    const rows = findings.map(({ check, status, found, advice }) => [
      status,
      check,
      advice === "" ? found : `${found}. ${advice}`,
    ]);
    output.result({ healthy: isHealthy, checks: findings.map((finding) => ({ ...finding })) }, columns(rows));
    return isHealthy ? EXIT.done : EXIT.refused;
  },
};

function nodeFinding(version: string): Finding {
  const isEnough = isAtLeast(version, NODE_MIN);
  const advice = isEnough ? "" : `Use Node ${NODE_MIN.join(".")} or newer; npm start brings its own.`;
  return { check: "node", status: isEnough ? "ok" : "fail", found: version, advice };
}

/** The read-only door refuses an old SQLite before it looks at the file, so an empty file is enough to ask it. */
function sqliteFinding(): Finding {
  const path = join(tmpdir(), `coffer-doctor-${process.pid}.db`);
  try {
    writeFileSync(path, "");
    ReadOnlyShard.open(path).close();
    return { check: "sqlite", status: "ok", found: SQLITE_ENOUGH, advice: "" };
  } catch (thrown) {
    const code = thrown instanceof Error && "code" in thrown ? thrown.code : "";
    if (code === "not_a_shard_file")
      return { check: "sqlite", status: "ok", found: SQLITE_ENOUGH, advice: "" };
    return { check: "sqlite", status: "fail", found: messageOf(thrown), advice: "Run npm ci again." };
  } finally {
    rmSync(path, { force: true });
  }
}

async function natsFinding({ surroundings }: Invocation): Promise<Finding> {
  try {
    const binary = await findNatsServer({ env: surroundings.env, fetchAllowed: false });
    return {
      check: "nats-server",
      status: "ok",
      found: `${binary.version} at ${binary.path} (${binary.origin})`,
      advice: "",
    };
  } catch (thrown) {
    const advice = "coffer dev fetches it on Debian; elsewhere see above.";
    return { check: "nats-server", status: "warn", found: messageOf(thrown), advice };
  }
}

async function portFinding(invocation: Invocation): Promise<Finding> {
  const found = String(NATS_PORT);
  if (await isFree(NATS_PORT)) return { check: "port", status: "ok", found: `${found} is free`, advice: "" };
  const dev = readRunningDev(dataDirectoryOf(invocation.parsed, invocation.surroundings));
  if (dev?.nats.endsWith(`:${found}`))
    return { check: "port", status: "ok", found: `${found} is this directory's dev`, advice: "" };
  const advice = "coffer dev takes a free one instead; or name one with --nats-port.";
  return { check: "port", status: "warn", found: `${found} is in use`, advice };
}

function dataFinding({ parsed, surroundings }: Invocation): Finding {
  const dataDir = dataDirectoryOf(parsed, surroundings);
  const file = readClusterFile(dataDir);
  if (file.ok) {
    const { shards, durability } = file.value;
    return {
      check: "data",
      status: "ok",
      found: `${dataDir}: ${shardsText(shards)}, ${durability}`,
      advice: "",
    };
  }
  if (file.error.code === "cluster_file_missing") {
    return {
      check: "data",
      status: "ok",
      found: `${dataDir}: not initialised`,
      advice: "coffer dev or coffer init makes it.",
    };
  }
  return { check: "data", status: "fail", found: file.error.message, advice: "" };
}

/** The median time of one synced 4 KB write, beside the data when it exists. */
function diskFinding({ parsed, surroundings }: Invocation): Finding {
  const dataDir = dataDirectoryOf(parsed, surroundings);
  const place = existsSync(dataDir) ? dataDir : surroundings.directory;
  const path = join(place, `.coffer-doctor-${process.pid}`);
  try {
    const times = syncTimesMs(path, () => surroundings.clock.steadyMs());
    const medianMs = times[Math.floor(times.length / 2)] ?? 0;
    const found = `${medianMs.toFixed(2)} ms for one sync of 4 KB in ${place} (median of ${times.length})`;
    const isSlow = medianMs > SYNC_SLOW_MS;
    const advice = isSlow
      ? "The strict profile waits for one sync an acknowledgement; expect it to be slow here."
      : "";
    return { check: "disk", status: isSlow ? "warn" : "ok", found, advice };
  } catch (thrown) {
    return {
      check: "disk",
      status: "fail",
      found: messageOf(thrown),
      advice: "The data directory must be writable.",
    };
  } finally {
    rmSync(path, { force: true });
  }
}

function syncTimesMs(path: string, nowMs: () => number): number[] {
  const file = openSync(path, "w");
  try {
    const page = Buffer.alloc(SYNC_BYTES, 1);
    const times = Array.from({ length: SYNCS_MEASURED }, () => {
      const startMs = nowMs();
      writeSync(file, page);
      fdatasyncSync(file);
      return nowMs() - startMs;
    });
    return times.sort((left, right) => left - right);
  } finally {
    closeSync(file);
  }
}

function isAtLeast(version: string, least: readonly number[]): boolean {
  const parts = version.split(".").map((part) => Number.parseInt(part, 10));
  for (const [index, wanted] of least.entries()) {
    const part = parts[index] ?? 0;
    if (part !== wanted) return part > wanted;
  }
  return true;
}
