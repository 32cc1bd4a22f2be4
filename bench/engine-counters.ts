// What the installation says about its own work, asked before and after a run: messages on the event stream, and the
// time that the engine spent by phase. What is not there to ask is null.

import type { NatsConnection } from "@nats-io/transport-node";
import { EVENT_STREAM, shardStatusSubject } from "../protocol/subject.ts";

const WAIT_MS = 5_000;

/** Counters that only grow. */
export interface EngineCounters {
  readonly eventMessages: number | null;
  /** Ms by phase over all shards. */
  readonly phases: Readonly<Record<string, number>> | null;
}

/** Asks the server and every shard. Never rejects. */
export async function engineCounters(nc: NatsConnection, shards: number): Promise<EngineCounters> {
  const numbers = Array.from({ length: shards }, (_, shard) => shard);
  const statuses = await Promise.all(numbers.map((shard) => fieldsOf(nc, shardStatusSubject(shard))));
  const stream = await fieldsOf(nc, `$JS.API.STREAM.INFO.${EVENT_STREAM}`);
  const last = fieldIn(fieldIn(stream, "state"), "last_seq");
  return { eventMessages: typeof last === "number" ? last : null, phases: phasesIn(statuses) };
}

/** What grew from one asking to the next; null where either does not tell. */
export function grownCounters(before: EngineCounters, after: EngineCounters): EngineCounters {
  const { eventMessages: from, phases: then } = before;
  const { eventMessages: to, phases: now } = after;
  return {
    eventMessages: from === null || to === null ? null : to - from,
    phases:
      then === null || now === null
        ? null
        : Object.fromEntries(Object.entries(now).map(([name, ms]) => [name, ms - (then[name] ?? 0)])),
  };
}

/** The field `phases` of all shards' statuses, added up; null when no shard has it. */
function phasesIn(statuses: readonly unknown[]): EngineCounters["phases"] {
  const sums: Record<string, number> = {};
  for (const status of statuses) {
    const phases = fieldIn(status, "phases");
    if (typeof phases !== "object" || phases === null) continue;
    for (const [name, ms] of Object.entries(phases))
      if (typeof ms === "number") sums[name] = (sums[name] ?? 0) + ms;
  }
  return Object.keys(sums).length === 0 ? null : sums;
}

async function fieldsOf(nc: NatsConnection, subject: string): Promise<unknown> {
  try {
    return (await nc.request(subject, "", { timeout: WAIT_MS })).json();
  } catch {
    return null;
  }
}

function fieldIn(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && name in value ? Reflect.get(value, name) : undefined;
}
