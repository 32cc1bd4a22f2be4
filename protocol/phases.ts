// Where the time of a command goes inside the engine: the phases between the moment at which the log stored its
// record and the moment at which its outcome was handed to the connection. Counted by the engine since a shard
// became active, told in its status, read as the difference of two readings.
//
//   stored ─log─► received ─queue─► turn: decode · load · index · decide · write · commit · reply ─► handed over
//
// A command waits for the whole of its turn, so a turn's stage counts once for each of its commands (`seconds`);
// what the stage cost the thread is counted once (`workSeconds`). The total is measured for each record from its
// own stamps, not added up from the phases: that the phases' sum is the total is a check, not a definition.
// What a caller sees beside it (sent until stored, handed over until received) only the caller can measure.

import { combinedCounts, isPhaseCounts, type PhaseCounts, percentileMicros } from "./phase-histogram.ts";

/** The stages of a turn, in order. */
export const TURN_STAGES = ["decode", "load", "index", "decide", "write", "commit", "reply"] as const;
/** All phases, in order. */
export const PHASES = ["log", "queue", ...TURN_STAGES] as const;

/** One stage of a turn. */
export type TurnStage = (typeof TURN_STAGES)[number];
/** One phase. */
export type Phase = (typeof PHASES)[number];

/** What a phase is, for help and reports. */
export const PHASE_MEANING: Readonly<Record<Phase, string>> = {
  log: "stored by the server until read by the engine",
  queue: "read until its turn begins",
  decode: "bytes to commands, digests, BEGIN",
  load: "wallets loaded together",
  index: "command ids looked up together",
  decide: "decided in log order",
  write: "rows written",
  commit: "COMMIT with its fsync",
  reply: "outcomes encoded and handed to the connection",
};

/** Counters of one phase. */
export interface PhaseTime {
  /** Sum over commands of the time that each spent in the phase. */
  readonly seconds: number;
  /** Time that the thread spent in the phase; 0 for `log` and `queue`, in which it does something else. */
  readonly workSeconds: number;
  /** In how much time how many commands passed it. */
  readonly spread: PhaseCounts;
}

/** Cumulative counters of a shard, or of several together. */
export interface PhaseCounters {
  readonly commands: number;
  readonly records: number;
  readonly turns: number;
  readonly total: PhaseTime;
  readonly phases: Readonly<Record<Phase, PhaseTime>>;
}

/** One line of a summary; times in µs a command, null when they are not known. */
export interface PhaseLine {
  readonly phase: Phase;
  readonly meanMicros: number;
  /** Of the sum of all phases, 0..1. */
  readonly share: number;
  readonly p50Micros: number | null;
  readonly p99Micros: number | null;
  /** What the phase cost the thread, a command. */
  readonly workMicros: number;
}

/** What two readings say. */
export interface PhaseSummary {
  readonly commands: number;
  readonly records: number;
  readonly turns: number;
  readonly lines: readonly PhaseLine[];
  /** Sum of the phases' means. */
  readonly sumMicros: number;
  /** Mean of the totals, measured by themselves. */
  readonly totalMicros: number;
  readonly totalP50Micros: number | null;
  readonly totalP99Micros: number | null;
  /** `sumMicros / totalMicros`; null without commands. */
  readonly sumOfTotal: number | null;
}

/** The counters in a shard's status (its field `phases`), or null when there are none. Never throws. */
export function decodePhases(value: unknown): PhaseCounters | null {
  if (!hasNumbers(value, ["commands", "records", "turns"]) || !("total" in value && "phases" in value))
    return null;
  const { total, phases } = value;
  if (!isPhaseTime(total) || typeof phases !== "object" || phases === null) return null;
  return PHASES.every((phase) => isPhaseTime(Reflect.get(phases, phase))) ? (value as PhaseCounters) : null;
}

/** What happened between two readings of one shard. */
export function phasesBetween(earlier: PhaseCounters, later: PhaseCounters): PhaseCounters {
  return combined(later, earlier, -1);
}

/** Several shards as if they were one; null when there is none. */
export function phasesTogether(shards: readonly PhaseCounters[]): PhaseCounters | null {
  const [first, ...rest] = shards;
  return first === undefined ? null : rest.reduce((sum, shard) => combined(sum, shard, 1), first);
}

/** Means, shares and percentiles. */
export function summarizePhases(counters: PhaseCounters): PhaseSummary {
  const { commands, records, turns, total, phases } = counters;
  const mean = (seconds: number): number => (commands > 0 ? (seconds * 1e6) / commands : 0);
  const sumSeconds = PHASES.reduce((sum, phase) => sum + phases[phase].seconds, 0);
  const lines = PHASES.map((phase): PhaseLine => {
    const { seconds, workSeconds, spread } = phases[phase];
    return {
      phase,
      meanMicros: mean(seconds),
      share: sumSeconds > 0 ? seconds / sumSeconds : 0,
      p50Micros: percentileMicros(spread, 0.5),
      p99Micros: percentileMicros(spread, 0.99),
      workMicros: mean(workSeconds),
    };
  });
  return {
    commands,
    records,
    turns,
    lines,
    sumMicros: mean(sumSeconds),
    totalMicros: mean(total.seconds),
    totalP50Micros: percentileMicros(total.spread, 0.5),
    totalP99Micros: percentileMicros(total.spread, 0.99),
    sumOfTotal: total.seconds > 0 ? sumSeconds / total.seconds : null,
  };
}

function combined(left: PhaseCounters, right: PhaseCounters, sign: 1 | -1): PhaseCounters {
  const time = (one: PhaseTime, other: PhaseTime): PhaseTime => ({
    seconds: one.seconds + sign * other.seconds,
    workSeconds: one.workSeconds + sign * other.workSeconds,
    spread: combinedCounts(one.spread, other.spread, sign),
  });
  return {
    commands: left.commands + sign * right.commands,
    records: left.records + sign * right.records,
    turns: left.turns + sign * right.turns,
    total: time(left.total, right.total),
    phases: phaseRecord((phase) => time(left.phases[phase], right.phases[phase])),
  };
}

/** A value for each phase. */
export function phaseRecord<Value>(make: (phase: Phase) => Value): Record<Phase, Value> {
  return Object.fromEntries(PHASES.map((phase) => [phase, make(phase)])) as Record<Phase, Value>;
}

function isPhaseTime(value: unknown): value is PhaseTime {
  return hasNumbers(value, ["seconds", "workSeconds"]) && "spread" in value && isPhaseCounts(value.spread);
}

function hasNumbers(value: unknown, names: readonly string[]): value is object {
  return (
    typeof value === "object" &&
    value !== null &&
    names.every((name) => Number.isFinite(Reflect.get(value, name)))
  );
}
