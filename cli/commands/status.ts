// `coffer status`: what the engine says about itself: the cluster, and each shard's state and counters.
// Prints whatever counters a shard sends, so that a newer engine's are shown by an older program.

import type { NatsConnection } from "@nats-io/transport-node";
import { isJsonObject } from "../../protocol/canonical-json.ts";
import type { Info } from "../../protocol/info.ts";
import { decodeInfo } from "../../protocol/info.ts";
import {
  decodePhases,
  PHASE_MEANING,
  PHASES,
  type PhaseCounters,
  phasesTogether,
  summarizePhases,
} from "../../protocol/phases.ts";
import { INFO_SUBJECT, shardStatusSubject } from "../../protocol/subject.ts";
import type { CliCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { CliFailure, messageOf, unreachableFailure } from "../failure.ts";
import type { Json } from "../output.ts";
import { columns } from "../output.ts";
import { phaseTable } from "../phase-table.ts";
import { sessionOf, withConnection } from "../session.ts";
import { shardsText } from "../shown.ts";

/** Columns of the table, in this order; the JSON has everything. */
const SHOWN = [
  "epoch",
  "position",
  "lagRecords",
  "wallets",
  "commands",
  "openHolds",
  "openSagas",
  "outboxItems",
];

interface ShardReport {
  readonly [field: string]: Json;
  readonly shard: number;
  readonly state: string;
}

interface ShardPhases {
  readonly shard: number;
  readonly counters: PhaseCounters;
}

/** The command. */
export const statusCommand: CliCommand = {
  path: "status",
  summary: "Show the cluster and the state of every shard",
  details: `Exit 0 when every shard is active, 1 when one is not, 4 when no engine answers.

--phases shows where the time of commands went since each shard became active, in microseconds a command. A command
waits for the whole of its turn; "work" is what the turns cost the thread. The total is measured by itself, from the
server's stamp of each record until its outcomes are handed to the connection:
${columns(
  PHASES.map((phase) => [phase, PHASE_MEANING[phase]]),
  "  ",
)}`,
  arguments: [],
  flags: [
    { name: "--phases", value: null, summary: "show where the time of commands goes inside the engine" },
  ],
  examples: [
    { line: "status", does: "one line a shard" },
    { line: "status --phases", does: "where the time goes, for each shard and for all together" },
    { line: "status --server nats://10.0.0.5:4222 --json", does: "everything that the shards tell, as JSON" },
  ],
  run: async (invocation) => {
    const { output, parsed } = invocation;
    const withPhases = parsed.has("--phases");
    const session = sessionOf(invocation);
    return await withConnection(session, async ({ nc }) => {
      const info = await askInfo(nc, session.timeoutMs);
      const numbers = Array.from({ length: info.shards }, (_, shard) => shard);
      const told = await Promise.all(numbers.map((shard) => askShard(nc, shard, session.timeoutMs)));
      const shards = told.map(({ phases: _, ...shown }): ShardReport => shown);
      const { version, cluster, durability } = info;
      const isActive = shards.every(({ state }) => state === "active");
      const measured = told.flatMap(measuredIn);
      const silence = shards.some(({ events }) => events === false) ? ", without events" : "";
      const head = `Coffer ${version}, cluster ${cluster}: ${shardsText(info.shards)}, ${durability}${silence}, at ${session.server}`;
      output.result(
        {
          server: session.server,
          version,
          cluster,
          durability,
          shards: withPhases ? told : shards,
          active: isActive,
          ...(withPhases ? { phases: phasesJson(measured) } : {}),
        },
        [head, table(shards), ...(withPhases ? phaseTables(measured) : [])].join("\n"),
      );
      return isActive ? EXIT.done : EXIT.refused;
    });
  },
};

/**
 * Asks who is there.
 * Errors: CliFailure `engine_unreachable` when nobody answers, `answer_invalid`.
 */
export async function askInfo(nc: NatsConnection, waitMs: number): Promise<Info> {
  const answer = await nc.request(INFO_SUBJECT, "", { timeout: waitMs }).catch((cause: unknown) => {
    const message = `The server answers, but no engine does (${messageOf(cause)}). Start one: coffer dev or coffer node.`;
    throw unreachableFailure(message, "engine_unreachable", cause);
  });
  const info = decodeInfo(answer.data);
  if (info.ok) return info.value;
  throw new CliFailure(
    "answer_invalid",
    `The engine's answer cannot be read (${info.error}); another version?`,
  );
}

async function askShard(nc: NatsConnection, shard: number, waitMs: number): Promise<ShardReport> {
  try {
    const answer = await nc.request(shardStatusSubject(shard), "", { timeout: waitMs });
    const said: unknown = answer.json();
    const fields: Readonly<Record<string, Json>> = isJsonObject(said) ? JSON.parse(answer.string()) : {};
    return { ...fields, shard, state: typeof fields.state === "string" ? fields.state : "unknown" };
  } catch (thrown) {
    return { shard, state: "silent", detail: messageOf(thrown) };
  }
}

function measuredIn({ shard, phases }: ShardReport): ShardPhases[] {
  const counters = decodePhases(phases);
  return counters === null ? [] : [{ shard, counters }];
}

/** Of all shards together; the counters of each are in its own status. */
function phasesJson(measured: readonly ShardPhases[]): Json {
  const together = phasesTogether(measured.map(({ counters }) => counters));
  return together === null ? null : JSON.parse(JSON.stringify(summarizePhases(together)));
}

function phaseTables(measured: readonly ShardPhases[]): string[] {
  const together = phasesTogether(measured.map(({ counters }) => counters));
  if (together === null) return ["\nthe engine measures no phases"];
  const each = measured.map(({ shard, counters }) =>
    phaseTable(`\nshard ${shard}`, summarizePhases(counters)),
  );
  return [...each, phaseTable("\nall shards", summarizePhases(together))];
}

function table(shards: readonly ShardReport[]): string {
  const shown = SHOWN.filter((name) => shards.some((shard) => shard[name] !== undefined));
  const rows = shards.map((shard) => [
    String(shard.shard),
    shard.state,
    ...shown.map((name) => String(shard[name] ?? "-")),
    [shard.reason, shard.detail].filter((text) => typeof text === "string").join(": "),
  ]);
  return columns([["shard", "state", ...shown, ""], ...rows], "  ");
}
