// Phases add up: the time from a record's stamp to its answer is measured once as a whole and once in parts, and both
// are the same; by hand with a clock that the test moves, and in a real engine under load.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { type Clock, clockOf } from "../../engine/clock.ts";
import { PhaseMeter } from "../../engine/phase-meter.ts";
import type { QueuedRecord } from "../../engine/turn-queue.ts";
import type { TurnRecord } from "../../engine/turn-record.ts";
import { parseTenant } from "../../protocol/names.ts";
import {
  decodePhases,
  type PhaseCounters,
  phasesTogether,
  summarizePhases,
  TURN_STAGES,
} from "../../protocol/phases.ts";
import { shardStatusSubject } from "../../protocol/subject.ts";
import { Site } from "../support/site.ts";

const START_MS = 1_790_000_000_000;

class HandClock implements Clock {
  #ms = 0;
  pass(ms: number): void {
    this.#ms += ms;
  }
  nowMs = (): number => Math.floor(START_MS + this.#ms);
  monotonicMs = (): number => 5000 + this.#ms;
  wallMs = (): number => START_MS + this.#ms;
}

/** A record that was stored `ageMs` before now, and read now. */
function queuedNow(clock: Clock, ageMs: number): QueuedRecord {
  const storedMs = clock.wallMs() - ageMs;
  const timestampMs = Math.floor(storedMs);
  const log = {
    sequence: 1,
    timestampMs,
    timestampNanos: Math.round((storedMs - timestampMs) * 1e6),
    subject: "",
    headers: null,
    data: new Uint8Array(),
  };
  return { log, receivedMs: clock.monotonicMs() };
}

function turnRecord(commands: number): TurnRecord {
  const tenant = parseTenant("demo");
  assert.ok(tenant);
  const refused = { index: 0, id: null, code: "malformed", op: null } as never;
  const body = {
    kind: "commands",
    tenant,
    commands: Array.from({ length: commands }, () => refused),
  } as const;
  const route = { subject: null, encoding: "json", call: null } as const;
  return { record: { position: 1, stampMs: 0, ...body }, route, digest: new Uint8Array(32) };
}

test("each command waits for the whole turn, the thread works once, and both ways of measuring agree", () => {
  const clock = new HandClock();
  const meter = new PhaseMeter(clock);
  const early = queuedNow(clock, 2.5);
  clock.pass(4);
  const late = queuedNow(clock, 0.5);
  clock.pass(1);
  meter.begin();
  for (const stage of TURN_STAGES.slice(0, -1)) {
    clock.pass(3);
    meter.end(stage);
  }
  clock.pass(3);
  meter.finish([early, late], [turnRecord(10), turnRecord(30)]);
  const { commands, records, turns, total, phases } = meter.counters;
  assert.deepEqual([commands, records, turns], [40, 2, 1]);
  near(phases.log.seconds, (10 * 2.5 + 30 * 0.5) / 1000);
  near(phases.queue.seconds, (10 * 5 + 30 * 1) / 1000);
  for (const stage of TURN_STAGES) near(phases[stage].seconds, (40 * 3) / 1000);
  for (const stage of TURN_STAGES) near(phases[stage].workSeconds, 3 / 1000);
  near(total.seconds, (10 * (2.5 + 5 + 21) + 30 * (0.5 + 1 + 21)) / 1000);
  near(summarizePhases(meter.counters).sumOfTotal ?? 0, 1);
});

test("a turn that failed is not counted, and its records have waited until the next one", () => {
  const clock = new HandClock();
  const meter = new PhaseMeter(clock);
  const record = queuedNow(clock, 0);
  meter.begin();
  clock.pass(7);
  meter.end("decode");
  meter.begin();
  clock.pass(1);
  meter.finish([record], [turnRecord(1)]);
  const { phases, total, turns } = meter.counters;
  assert.equal(turns, 1);
  near(phases.queue.seconds, 0.007);
  near(phases.decode.seconds, 0);
  near(total.seconds, 0.008);
});

test("records without commands have no time of their own, but their turn is work", () => {
  const clock = new HandClock();
  const meter = new PhaseMeter(clock);
  const record = queuedNow(clock, 1);
  meter.begin();
  clock.pass(2);
  meter.end("decide");
  meter.finish([record], [turnRecord(0)]);
  assert.deepEqual([meter.counters.commands, meter.counters.total.seconds], [0, 0]);
  near(meter.counters.phases.decide.workSeconds, 0.002);
  assert.equal(summarizePhases(meter.counters).sumOfTotal, null);
});

test("fine wall time stays within the millisecond of the wall clock, and follows it when it is set", () => {
  let wall = START_MS;
  let steady = 0;
  const clock = clockOf({
    nowMs: () => Math.floor(wall),
    monotonicMs: () => steady,
    originMs: START_MS + 0.25,
  });
  const pass = (ms: number): void => {
    wall += ms;
    steady += ms;
  };
  for (let step = 0; step < 100; step += 1) {
    pass(0.37);
    const ahead = clock.wallMs() - Math.floor(wall);
    assert.ok(ahead >= 0 && ahead <= 1, String(ahead));
  }
  const before = clock.wallMs();
  pass(0.01);
  assert.ok(Math.abs(clock.wallMs() - before - 0.01) < 0.001);
  wall += 60_000;
  assert.ok(Math.abs(clock.wallMs() - wall) <= 1);
  wall -= 120_000;
  assert.ok(Math.abs(clock.wallMs() - wall) <= 1);
});

test("in a running engine the phases of all commands add up to the total, and can be switched off", async (t) => {
  const site = await Site.start(t, { shards: 2 });
  const engine = await site.startEngine({ workers: 1 });
  assert.equal((await phasesOf(site))?.commands, 0);
  const sent = await sendOpenings(site, 300);
  const counters = await phasesOf(site);
  assert.ok(counters);
  assert.equal(counters.commands, sent);
  assert.ok(counters.turns >= 2 && counters.turns <= counters.records + 10);
  const { sumOfTotal, totalMicros, lines } = summarizePhases(counters);
  assert.ok(sumOfTotal !== null && sumOfTotal > 0.95 && sumOfTotal < 1.05, `sum / total is ${sumOfTotal}`);
  assert.ok(totalMicros > 0 && lines.every(({ phase, meanMicros }) => phase === "log" || meanMicros >= 0));
  assert.ok(lines.every(({ phase, meanMicros }) => phase !== "decide" || meanMicros > 0));
  await engine.end();
  await site.startEngine({ phases: false });
  assert.equal(await phasesOf(site), null);
});

/** Publishes opens of one wallet each and waits until the last one is settled. */
async function sendOpenings(site: Site, count: number): Promise<number> {
  const commands = Array.from({ length: count }, (_, index) => {
    const owner = `owner-${index}`;
    return { owner, body: { op: "open", id: randomUUID(), wallet: `${owner}:main`, asset: "USD/2" } };
  });
  await Promise.all(commands.map((command) => site.client.accepted(command)));
  for (const command of commands.slice(-20)) await site.client.settled(command);
  return count;
}

async function phasesOf(site: Site): Promise<PhaseCounters | null> {
  const numbers = Array.from({ length: site.shards }, (_, shard) => shard);
  const told = await Promise.all(numbers.map((shard) => site.client.ask(shardStatusSubject(shard), {})));
  return phasesTogether(told.map(({ phases }) => decodePhases(phases)).filter((each) => each !== null));
}

function near(actual: number, wanted: number): void {
  assert.ok(Math.abs(actual - wanted) < 1e-6, `${actual} is not ${wanted}`);
}
