// `coffer status`: what the engine says about itself: the cluster, and each shard's state and counters.
// Prints whatever counters a shard sends, so that a newer engine's are shown by an older program.

import type { NatsConnection } from "@nats-io/transport-node";
import { isJsonObject } from "../../protocol/canonical-json.ts";
import type { Info } from "../../protocol/info.ts";
import { decodeInfo } from "../../protocol/info.ts";
import { INFO_SUBJECT, shardStatusSubject } from "../../protocol/subject.ts";
import type { CliCommand } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { CliFailure, messageOf, unreachableFailure } from "../failure.ts";
import type { Json } from "../output.ts";
import { columns } from "../output.ts";
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

/** The command. */
export const statusCommand: CliCommand = {
  path: "status",
  summary: "Show the cluster and the state of every shard",
  details: "Exit 0 when every shard is active, 1 when one is not, 4 when no engine answers.",
  arguments: [],
  flags: [],
  examples: [
    { line: "status", does: "one line a shard" },
    { line: "status --server nats://10.0.0.5:4222 --json", does: "everything that the shards tell, as JSON" },
  ],
  run: async (invocation) => {
    const { output } = invocation;
    const session = sessionOf(invocation);
    return await withConnection(session, async ({ nc }) => {
      const info = await askInfo(nc, session.timeoutMs);
      const numbers = Array.from({ length: info.shards }, (_, shard) => shard);
      const shards = await Promise.all(numbers.map((shard) => askShard(nc, shard, session.timeoutMs)));
      const { version, cluster, durability } = info;
      const isActive = shards.every(({ state }) => state === "active");
      const head = `Coffer ${version}, cluster ${cluster}: ${shardsText(info.shards)}, ${durability}, at ${session.server}`;
      output.result(
        { server: session.server, version, cluster, durability, shards, active: isActive },
        `${head}\n${table(shards)}`,
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
