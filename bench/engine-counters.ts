// What the installation says about its own work, asked before and after a run: messages on the event stream, and where
// the time of commands went inside the engine. What is not there to ask is null.

import type { NatsConnection } from "@nats-io/transport-node";
import {
  decodePhases,
  type PhaseCounters,
  type PhaseSummary,
  phasesBetween,
  phasesTogether,
  summarizePhases,
} from "../protocol/phases.ts";
import { EVENT_STREAM, shardStatusSubject } from "../protocol/subject.ts";

const WAIT_MS = 5_000;

/** Counters that only grow, as long as nothing is started anew. */
export interface EngineCounters {
  readonly eventMessages: number | null;
  /** Of each shard that tells. */
  readonly phases: ReadonlyMap<number, PhaseCounters>;
}

/** What an installation did between two readings. */
export interface EngineWork {
  readonly eventMessages: number | null;
  readonly phases: PhaseSummary | null;
}

/** Asks the server and every shard. Never rejects. */
export async function engineCounters(nc: NatsConnection, shards: number): Promise<EngineCounters> {
  const phases = new Map<number, PhaseCounters>();
  const ask = async (shard: number): Promise<void> => {
    const counters = decodePhases(fieldIn(await fieldsOf(nc, shardStatusSubject(shard)), "phases"));
    if (counters !== null) phases.set(shard, counters);
  };
  await Promise.all(Array.from({ length: shards }, (_, shard) => ask(shard)));
  const stream = await fieldsOf(nc, `$JS.API.STREAM.INFO.${EVENT_STREAM}`);
  const last = fieldIn(fieldIn(stream, "state"), "last_seq");
  return { eventMessages: typeof last === "number" ? last : null, phases };
}

/** What grew from one reading to the next; null where either does not tell. */
export function engineWork(before: EngineCounters, after: EngineCounters): EngineWork {
  const { eventMessages: from } = before;
  const { eventMessages: to } = after;
  const each = [...after.phases].flatMap(([shard, later]) => {
    const earlier = before.phases.get(shard);
    return earlier === undefined || later.commands < earlier.commands ? [] : [phasesBetween(earlier, later)];
  });
  const together = phasesTogether(each);
  return {
    eventMessages: from === null || to === null ? null : to - from,
    phases: together === null ? null : summarizePhases(together),
  };
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
