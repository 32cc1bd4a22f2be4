// What the matrix measures: the scenarios, and sweeps that vary one thing and leave the rest. Each is one figure of
// docs/performance.md, under its name.

import type { FigureColumn } from "./figure-column.ts";
import {
  GROWTH_COLUMNS,
  IDLE_COLUMNS,
  LATENCY_COLUMNS,
  RATE_COLUMNS,
  SOAK_COLUMNS,
} from "./figure-column.ts";
import type { ScaleKind } from "./plot/scale.ts";

/** What is varied. */
export interface Varied {
  /** The flag of `coffer bench`. */
  readonly flag: string;
  /** With its unit, for heads of tables and axes. */
  readonly name: string;
  /** Null = the values are names: a table and no plot. */
  readonly kind: ScaleKind | null;
  readonly values: readonly (number | string)[];
}

/** Configurations that one figure shows. */
export interface Sweep {
  readonly name: string;
  readonly title: string;
  readonly varied: Varied;
  /** Flags of all its runs. */
  readonly arguments: readonly string[];
  /** Of the table; the first is what the plot shows. */
  readonly columns: readonly FigureColumn[];
  readonly series: readonly { readonly name: string; readonly arguments: readonly string[] }[];
}

/** One configuration of a sweep. */
export interface Configuration {
  /** Sweep, series and value; unique. */
  readonly name: string;
  readonly sweep: string;
  readonly series: string;
  readonly value: number | string;
  readonly arguments: readonly string[];
}

const PROFILES = [
  { name: "strict", arguments: ["--durability", "strict"] },
  { name: "relaxed", arguments: ["--durability", "relaxed"] },
];
const STRICT = PROFILES.slice(0, 1);
const FRAMES = ["--scenario", "frames"];
const LOADS = ["frames", "singles", "cross", "hot", "fan-out", "many-legs", "holds", "mixed"];

/** See the file header. */
export const MATRIX: readonly Sweep[] = [
  {
    name: "scenarios",
    title: "Scenarios",
    varied: { flag: "--scenario", name: "scenario", kind: null, values: LOADS },
    arguments: [],
    columns: RATE_COLUMNS,
    series: PROFILES,
  },
  {
    name: "half-rate",
    title: "Latency at half of what frames reach",
    varied: { flag: "--rate", name: "offered/s", kind: null, values: [41_000] },
    arguments: FRAMES,
    columns: LATENCY_COLUMNS,
    series: STRICT,
  },
  {
    name: "wallets",
    title: "Settled transfers a second by number of wallets",
    varied: {
      flag: "--wallets",
      name: "wallets",
      kind: "log",
      values: [100, 1_000, 10_000, 100_000, 1_000_000],
    },
    arguments: FRAMES,
    columns: RATE_COLUMNS,
    series: PROFILES,
  },
  {
    name: "shards",
    title: "Settled transfers a second by number of shards",
    varied: { flag: "--shards", name: "shards", kind: "log", values: [1, 2, 4, 8, 16] },
    arguments: FRAMES,
    columns: RATE_COLUMNS,
    series: PROFILES,
  },
  {
    name: "frame-size",
    title: "Settled transfers a second by size of frame",
    varied: { flag: "--frame", name: "commands in a frame", kind: "log", values: [1, 10, 100, 500, 1_000] },
    arguments: FRAMES,
    columns: RATE_COLUMNS,
    series: PROFILES,
  },
  {
    name: "in-flight",
    title: "Settled transfers a second by frames in flight",
    varied: { flag: "--in-flight", name: "frames in flight", kind: "log", values: [1, 4, 16, 64, 256] },
    arguments: FRAMES,
    columns: RATE_COLUMNS,
    series: STRICT,
  },
  {
    name: "cross-share",
    title: "Settled transfers a second by share over two shards",
    varied: {
      flag: "--cross",
      name: "share of transfers over two shards",
      kind: "linear",
      values: [0, 0.1, 0.25, 0.5, 0.75, 1],
    },
    arguments: FRAMES,
    columns: RATE_COLUMNS,
    series: STRICT,
  },
  {
    name: "copies",
    title: "One nats-server, or three with a copy of each log",
    varied: { flag: "--replicas", name: "nats-servers", kind: null, values: [1, 3] },
    arguments: ["--durability", "strict"],
    columns: RATE_COLUMNS,
    series: [
      { name: "singles", arguments: ["--scenario", "singles"] },
      { name: "singles, 16 shards", arguments: ["--scenario", "singles", "--shards", "16"] },
      { name: "frames", arguments: FRAMES },
      { name: "cross", arguments: ["--scenario", "cross"] },
    ],
  },
  {
    name: "growth",
    title: "Random ids until the journal is long",
    varied: { flag: "--rows", name: "rows asked for", kind: null, values: [1_500_000, 20_000_000] },
    arguments: ["--scenario", "growth"],
    columns: GROWTH_COLUMNS,
    series: STRICT,
  },
  {
    name: "soak",
    title: "Mixed traffic for a long time",
    varied: { flag: "--duration", name: "seconds", kind: null, values: [60, 1_200] },
    arguments: ["--scenario", "soak"],
    columns: SOAK_COLUMNS,
    series: STRICT,
  },
  {
    name: "idle",
    title: "Nothing to do",
    varied: { flag: "--wallets", name: "wallets", kind: null, values: [1_000] },
    arguments: ["--scenario", "idle"],
    columns: IDLE_COLUMNS,
    series: STRICT,
  },
];

/** The configurations of a sweep, in the order of its table. */
export function configurationsOf(sweep: Sweep): Configuration[] {
  return sweep.series.flatMap((series) =>
    sweep.varied.values.map((value) => ({
      name: `${sweep.name}/${series.name}/${value}`,
      sweep: sweep.name,
      series: series.name,
      value,
      arguments: [...sweep.arguments, ...series.arguments, sweep.varied.flag, String(value)],
    })),
  );
}
