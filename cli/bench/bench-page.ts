// The report of a run as people read it.
// Does not own the figures: the JSON is the report itself (bench/report.ts), and this page shows the most of it.
// Invariant: whatever makes a run unproven is named in the row "proof".

import type { BenchReport, DiskBytes, Verification } from "../../bench/report.ts";
import { columns } from "../output.ts";
import { copiesText, shardsText } from "../shown.ts";

/** The report as a table of two columns. */
export function benchPage(report: BenchReport): string {
  const { latencyMs, reference } = report;
  return columns([
    [
      "scenario",
      `${report.scenario}, ${shardsText(report.shards)}, ${copiesText(report.replicas ?? 1)}${report.durability}, seed ${report.seed}`,
    ],
    [
      "settled",
      `${report.settledPerSecond} a second (${report.commands} in ${report.seconds} s, ${report.refused} refused${report.warmUpSeconds > 0 ? `; after a warm-up of ${report.warmUpSeconds} s` : ""})`,
    ],
    [
      "accepted",
      `${report.acceptedPerSecond} a second; the last outcome ${report.drainSeconds} s after the last command`,
    ],
    ...offeredRow(report),
    [
      "latency",
      `p50 ${latencyMs.p50} ms, p95 ${latencyMs.p95} ms, p99 ${latencyMs.p99} ms, max ${latencyMs.max} ms`,
    ],
    ...phasesRow(report),
    ["cross-shard", `${Math.round(report.crossShare * 1000) / 10} % of the commands`],
    ...Object.entries(report.cpu).map(([name, cores]) => [
      name,
      `${cores} cores, ${megabytes(report.rss[name] ?? 0)}`,
    ]),
    ...diskRow(report.bytesPerCommand),
    ["proof", proofText(report.verification)],
    ...(reference === null
      ? []
      : [
          [
            "at best",
            `one sync ${reference.fsyncMs ?? "?"} ms, ${reference.pubAcksPerSecond ?? "?"} acks a second, ${reference.sqliteRowsPerSecond ?? "?"} rows a second`,
          ],
        ]),
  ]);
}

function offeredRow({
  offeredPerSecond,
  publishedPerSecond,
  scheduleKept,
  scheduleLagMs,
}: BenchReport): string[][] {
  if (offeredPerSecond === null) return [];
  const kept = scheduleKept ? "the schedule was kept" : "THE SCHEDULE WAS NOT KEPT";
  return [
    [
      "offered",
      `${offeredPerSecond} a second, published ${publishedPerSecond}; ${kept}, at most ${scheduleLagMs} ms late`,
    ],
  ];
}

/** Where a command's time goes, on average: the row says all of it. */
function phasesRow({ phases, caller }: BenchReport): string[][] {
  if (phases === null || caller === null || phases.commands === 0) return [];
  const lines = phases.lines.map(({ phase, meanMicros }) => `${phase} ${millis(meanMicros)}`);
  const publish = `publish and way back ${millis(caller.publishMicros)}`;
  return [["phases", `mean ${millis(caller.meanMicros)} ms: ${[publish, ...lines].join(", ")}`]];
}

function millis(micros: number): string {
  return (micros / 1000).toFixed(2);
}

function diskRow(bytes: DiskBytes | null): string[][] {
  if (bytes === null) return [];
  return [["disk", `${bytes.log} bytes a command in the log, ${bytes.sqlite} in the shard files`]];
}

function proofText({ ok, sweep, ...proof }: Verification): string {
  const swept =
    sweep === null
      ? "no files swept"
      : `${sweep.deep ? "every journal entry" : "all totals"} swept in ${sweep.seconds} s`;
  if (ok)
    return `${proof.commands} outcomes, each once; ${proof.wallets} wallets right; sum ${proof.sum}; ${swept}`;
  const reasons = [
    proof.outcomesOnce ? null : "not every command has exactly one outcome",
    proof.unexpectedOutcomes === 0
      ? null
      : `${proof.unexpectedOutcomes} unexpected outcomes, first: ${proof.firstUnexpected}`,
    proof.wrongWallets === 0 ? null : `${proof.wrongWallets} wallets wrong: ${proof.wrong.join(", ")}`,
    proof.sum === "0" ? null : `the sum is ${proof.sum}`,
    sweep === null || sweep.clean ? null : `the books are not clean: ${sweep.violations.join(", ")}`,
  ];
  return `WRONG: ${reasons.filter((reason) => reason !== null).join("; ")}`;
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1_048_576)} MB`;
}
