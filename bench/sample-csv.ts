// Samples as a CSV file: a heading with units, then a line a sample, written as the samples come, so that a run that
// is cut leaves everything up to its last second.
//
//   time (s),length (s),published (1/s),…,latency max (ms),warm-up (0 or 1),cpu engine (cores),rss engine (bytes),…

import { appendFileSync, writeFileSync } from "node:fs";
import type { CsvField } from "./csv.ts";
import { csvLine, csvTable } from "./csv.ts";
import type { RunPlotSlot } from "./plot/run-plot.ts";
import type { Sample } from "./samples.ts";

type Column = readonly [name: string, field: (sample: Sample) => CsvField];

const TIME = "time (s)";
const LENGTH = "length (s)";
const ACCEPTED = "accepted (1/s)";
const SETTLED = "settled (1/s)";
const WARM_UP = "warm-up (0 or 1)";
const LATENCY = { p50: "latency p50 (ms)", p95: "latency p95 (ms)", p99: "latency p99 (ms)" };

const COLUMNS: readonly Column[] = [
  [TIME, (sample) => sample.fromSeconds],
  [LENGTH, (sample) => sample.seconds],
  ["published (1/s)", (sample) => sample.publishedPerSecond],
  [ACCEPTED, (sample) => sample.acceptedPerSecond],
  [SETTLED, (sample) => sample.settledPerSecond],
  ["refused", (sample) => sample.refused],
  ["in flight (messages)", (sample) => sample.inFlight],
  [LATENCY.p50, (sample) => sample.latencyMs?.p50 ?? null],
  [LATENCY.p95, (sample) => sample.latencyMs?.p95 ?? null],
  [LATENCY.p99, (sample) => sample.latencyMs?.p99 ?? null],
  ["latency max (ms)", (sample) => sample.latencyMs?.max ?? null],
  [WARM_UP, (sample) => (sample.isWarmUp ? 1 : 0)],
];

/** A file that grows by a line a sample. */
export class SampleFile {
  readonly #path: string;
  #columns: readonly Column[] | null = null;
  /** Why no more is written; null while all is well. */
  failure: unknown = null;

  /** Makes the file, empty. Throws when it cannot be written. */
  constructor(path: string) {
    this.#path = path;
    writeFileSync(path, "");
  }

  /**
   * Appends a sample, after the heading if it is the first: its processes have the columns. Never throws: a run is
   * worth more than its file.
   */
  append(sample: Sample): void {
    if (this.failure !== null) return;
    try {
      this.#write(sample);
    } catch (thrown) {
      this.failure = thrown;
    }
  }

  #write(sample: Sample): void {
    if (this.#columns === null) {
      this.#columns = [...COLUMNS, ...processColumns(Object.keys(sample.cpu))];
      appendFileSync(this.#path, csvLine(this.#columns.map(([name]) => name)));
    }
    appendFileSync(this.#path, csvLine(this.#columns.map(([, field]) => field(sample))));
  }
}

/** What a plot shows of such a file's text; a line that was cut, or that is of another kind, is left out. */
export function slotsInCsv(text: string): RunPlotSlot[] {
  const [heading = [], ...rows] = csvTable(text);
  return rows.flatMap((row): RunPlotSlot[] => {
    const figure = (name: string): number => {
      const field = row[heading.indexOf(name)] ?? "";
      return field === "" ? Number.NaN : Number(field);
    };
    const latencyMs = { p50: figure(LATENCY.p50), p95: figure(LATENCY.p95), p99: figure(LATENCY.p99) };
    const slot = {
      fromSeconds: figure(TIME),
      seconds: figure(LENGTH),
      settledPerSecond: figure(SETTLED),
      acceptedPerSecond: figure(ACCEPTED),
    };
    if (!Object.values(slot).every(Number.isFinite)) return [];
    const isWarmUp = figure(WARM_UP) === 1;
    return [
      { ...slot, isWarmUp, latencyMs: Object.values(latencyMs).every(Number.isFinite) ? latencyMs : null },
    ];
  });
}

function processColumns(names: readonly string[]): Column[] {
  return names.flatMap((name): Column[] => [
    [`cpu ${name} (cores)`, (sample) => sample.cpu[name] ?? null],
    [`rss ${name} (bytes)`, (sample) => sample.rss[name] ?? null],
  ]);
}
