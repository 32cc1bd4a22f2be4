// The page of figures is made from the results alone: medians and ends of the runs that count, what was left out is
// said, and a wrong proof cannot hide.
import assert from "node:assert/strict";
import { test } from "node:test";
import { figureText, LATENCY_COLUMNS, RATE_COLUMNS, spreadText } from "../../bench/figure-column.ts";
import { figureBlock, writeFigures } from "../../bench/figure-page.ts";
import { figureMarkdown, figuresOf, runsFigure } from "../../bench/figures.ts";
import type { Goal } from "../../bench/goals.ts";
import { GOALS, goalTable } from "../../bench/goals.ts";
import type { Sweep } from "../../bench/matrix-plan.ts";
import { configurationsOf, MATRIX } from "../../bench/matrix-plan.ts";
import { filterByReference } from "../../bench/reference-filter.ts";
import type { Fields, ResultLine } from "../../bench/result-line.ts";
import { figureAt } from "../../bench/result-line.ts";
import { spreadOf } from "../../bench/spread.ts";
import { textsOf, xmlElements } from "./xml-shape.ts";

const sweep: Sweep = {
  name: "wallets",
  title: "Rate by wallets",
  varied: { flag: "--wallets", name: "wallets", kind: "log", values: [100, 1_000] },
  arguments: [],
  columns: RATE_COLUMNS,
  series: [
    { name: "strict", arguments: [] },
    { name: "relaxed", arguments: [] },
  ],
};
const machine = {
  cpu: "Test CPU",
  cores: 2,
  memoryBytes: 2 ** 34,
  kernel: "6.1",
  node: "v26",
  natsServer: "2.15.1",
};
const reference = { fsyncMs: 0.3, pubAcksPerSecond: 20_000, sqliteRowsPerSecond: 200_000 };

function result(name: string, settledPerSecond: number, changes: Fields = {}): ResultLine {
  const cpu = { engine: 1, "nats-server": 0.25, generator: 0.2 };
  const latencyMs = { p50: 10, p95: 20, p99: 31.44 };
  const report = {
    durability: "strict",
    settledPerSecond,
    latencyMs,
    cpu,
    verified: true,
    reference,
    ...changes,
  };
  const facts = { ...machine, commit: "abc" };
  return { name, arguments: [], repeat: 1, date: "2026-03-04T05:06:07.000Z", machine: facts, report };
}

/** The cells of a Markdown table's lines. */
function cells(table: string): string[][] {
  return table.split("\n").map((line) => line.slice(2, -2).split(" | "));
}

test("a spread is the median and the ends", () => {
  assert.deepEqual(spreadOf([5, 1, 3]), { median: 3, min: 1, max: 5, count: 3 });
  assert.deepEqual(spreadOf([4, 1, 2, 9]), { median: 3, min: 1, max: 9, count: 4 });
  assert.deepEqual(spreadOf([7]), { median: 7, min: 7, max: 7, count: 1 });
  assert.equal(spreadOf([]), null);
});

test("figures have three digits and separators, one run has no ends, and none is a dash", () => {
  assert.deepEqual([82_345, 0.02346, 999.6, 1_234_567].map(figureText), [
    "82,300",
    "0.0235",
    "1,000",
    "1,230,000",
  ]);
  assert.equal(spreadText(spreadOf([80_000, 82_345, 90_000])), "82,300 (80,000..90,000)");
  assert.equal(spreadText(spreadOf([12])), "12");
  assert.equal(spreadText(null), "–");
});

test("a table has a line for each configuration that was measured", () => {
  const results = [
    ...[50_000, 40_000, 60_000].map((rate) => result("wallets/strict/100", rate)),
    result("wallets/strict/1000", 30_000),
  ];
  const [, figure] = figuresOf([sweep], filterByReference(results));
  assert.ok(figure);
  assert.deepEqual(cells(figure.table), [
    ["wallets", "profile", "settled/s", "p50 ms", "p99 ms", "engine µs a command", "runs", "proven"],
    Array.from({ length: 8 }, () => "---"),
    [
      "100",
      "strict",
      "50,000 (40,000..60,000)",
      "10 (10..10)",
      "31.4 (31.4..31.4)",
      "20 (16.7..25)",
      "3",
      "yes",
    ],
    ["1,000", "strict", "30,000", "10", "31.4", "33.3", "1", "yes"],
  ]);
});

test("a run that was not proven is shown, also when its reference leaves it out", () => {
  const results = [
    result("wallets/strict/100", 50_000),
    result("wallets/strict/100", 50_000),
    result("wallets/strict/100", 1, { verified: false, reference: { ...reference, fsyncMs: 9 } }),
  ];
  const [machineFigure, figure] = figuresOf([sweep], filterByReference(results));
  assert.deepEqual(cells(figure?.table ?? "")[2]?.slice(-2), ["2 of 3", "**no**"]);
  assert.match(machineFigure?.table ?? "", /2 counted, 1 left out .*; 2 of 3 proven/);
});

test("a run counts when each of its reference figures is within a fifth of its profile's median", () => {
  const of = (changes: Fields, durability = "strict"): ResultLine =>
    result("x", 1, { durability, reference: { ...reference, ...changes } });
  const same = [of({}), of({}), of({})];
  const isCounted = (tried: ResultLine): boolean =>
    filterByReference([...same, of({ pubAcksPerSecond: 90_000 }, "relaxed"), tried]).counted.includes(tried);
  assert.ok(isCounted(of({ fsyncMs: 0.36 })));
  assert.ok(isCounted(of({ pubAcksPerSecond: 16_001 })));
  assert.ok(isCounted(of({ pubAcksPerSecond: 90_000 }, "relaxed")));
  assert.ok(!isCounted(of({ fsyncMs: 0.37 })));
  assert.ok(!isCounted(of({ sqliteRowsPerSecond: 159_000 })));
  assert.ok(!isCounted(of({ fsyncMs: null })));
  assert.ok(!isCounted(result("x", 1, { reference: null })));
  const wider = of({ fsyncMs: 0.44 });
  assert.ok(filterByReference([...same, wider], 0.5).counted.includes(wider));
});

test("runs without any reference count among their own", () => {
  const results = [result("x", 1, { reference: null }), result("x", 2, { reference: null })];
  assert.equal(filterByReference(results).counted.length, 2);
});

test("a sweep has a plot of its rate and one of its cost, with the same figures", () => {
  const results = [50_000, 40_000].map((rate) => result("wallets/strict/100", rate));
  const [, figure] = figuresOf([sweep], filterByReference(results));
  assert.deepEqual(
    figure?.plots.map(({ name }) => name),
    ["wallets", "wallets-cpu"],
  );
  const [rate = "", cost = ""] =
    figure?.plots.map(({ svg }) => textsOf(xmlElements(svg), "desc").join()) ?? [];
  assert.match(rate, /strict: 100: 45k \(40k to 50k\)\./);
  assert.match(cost, /engine: 100: 22.5 \(20 to 25\).*nats-server.*generator/);
});

test("a sweep of which no run counts has a table without figures, and no plot", () => {
  const odd = [1, 9].map((fsyncMs) =>
    result("wallets/strict/100", 5, { reference: { ...reference, fsyncMs } }),
  );
  const [, figure] = figuresOf([sweep], filterByReference(odd));
  assert.deepEqual(figure?.plots, []);
  assert.deepEqual(cells(figure?.table ?? "")[2], ["100", "strict", "–", "–", "–", "–", "0 of 2", "yes"]);
});

test("a sweep over names has a table alone", () => {
  const named: Sweep = { ...sweep, varied: { ...sweep.varied, kind: null, values: ["frames"] } };
  const [, figure] = figuresOf([named], filterByReference([result("wallets/strict/frames", 5)]));
  assert.deepEqual(figure?.plots, []);
  assert.deepEqual(figuresOf([named], filterByReference([])), []);
});

test("of each scenario the run with the median rate is drawn over time, when its samples are there", () => {
  const named: Sweep = {
    ...sweep,
    name: "scenarios",
    varied: { ...sweep.varied, kind: null, values: ["frames", "hot"] },
  };
  const results = [5, 9, 7].map((rate) => result("scenarios/strict/frames", rate));
  const asked: (number | null)[] = [];
  const slot = {
    isWarmUp: false,
    fromSeconds: 0,
    seconds: 1,
    settledPerSecond: 7,
    acceptedPerSecond: 7,
    latencyMs: null,
  };
  const figure = runsFigure(
    [named, sweep],
    filterByReference([...results, result("scenarios/strict/hot", 3)]),
    ({ name, report }) => {
      asked.push(figureAt(report, "settledPerSecond"));
      return name.endsWith("frames") ? [slot] : null;
    },
  );
  assert.deepEqual(asked, [7, 3]);
  assert.deepEqual(
    figure?.plots.map(({ name, title }) => [name, title]),
    [["run-scenarios-strict-frames", "frames, strict: rate and latency over time"]],
  );
  assert.equal(
    runsFigure([named], filterByReference(results), () => null),
    null,
  );
});

test("phases are told for each of them, with the medians of the runs that tell", () => {
  const phasesOf = (mean: number): Fields => {
    const line = { meanMicros: mean, workMicros: 1, p50Micros: 2, p99Micros: null };
    const lines = [
      { phase: "decode", ...line },
      { phase: "commit", ...line, meanMicros: 4_000 },
    ];
    return { phases: { lines, sumOfTotal: 0.98 }, caller: { publishMicros: mean * 2 } };
  };
  const tell = [1, 3].map((mean) => result("scenarios/strict/frames", 5, phasesOf(mean * 1_000)));
  const results = [...tell, result("scenarios/strict/frames", 5, { phases: null })];
  const figure = figuresOf([sweep], filterByReference(results)).find(({ name }) => name === "phases");
  assert.deepEqual(cells(figure?.table ?? "").slice(2, 5), [
    ["publish and way back", "4 (2..6)", "–", "–", "–"],
    ["decode", "2 (1..3)", "1 (1..1)", "0.002 (0.002..0.002)", "–"],
    ["commit", "4 (4..4)", "1 (1..1)", "0.002 (0.002..0.002)", "–"],
  ]);
  assert.match(figure?.table ?? "", /add up to 98 % of the time/);
});

test("what was measured on is told once for each kind", () => {
  const [figure] = figuresOf([sweep], filterByReference([result("a", 1), result("b", 2)]));
  assert.match(figure?.table ?? "", /\| CPU \| Test CPU, 2 cores \|/);
  assert.match(figure?.table ?? "", /\| memory \| 16 GiB \|/);
  assert.match(figure?.table ?? "", /\| measured \| 2026-03-04 \|/);
  assert.match(
    figure?.table ?? "",
    /\| SQLite rows with an index entry\/s \(strict\) \| 200,000 \(200,000\.\.200,000\) \|/,
  );
});

test("figures are rewritten between their markers, and nothing else is", () => {
  const figures = new Map([
    ["a", "| new $& |"],
    ["b", "B"],
  ]);
  const page = `# Top\n${figureBlock("a", "old")}\ntext $1\n${figureBlock("c", "kept")}\n${figureBlock("b", "")}\nend`;
  const { text, missing } = writeFigures(page, figures);
  const expected = `# Top\n${figureBlock("a", "| new $& |")}\ntext $1\n${figureBlock("c", "kept")}\n${figureBlock("b", "B")}\nend`;
  assert.deepEqual([text, missing], [expected, ["c"]]);
  assert.equal(writeFigures(text, figures).text, text);
});

test("a figure in the page is its pictures and its table", () => {
  const plots = [{ name: "wallets", title: "Rate by wallets", svg: "" }];
  assert.equal(
    figureMarkdown({ name: "wallets", plots, table: "| t |" }, "performance"),
    "![Rate by wallets](performance/wallets.svg)\n\n| t |",
  );
});

test("a goal tells reached from missed, and a miss on a slower machine apart", () => {
  const goals = [{ of: "a/strict/1", column: RATE_COLUMNS[0], kind: "at least", bound: 80_000 } as Goal];
  const meant = { fsyncMs: 0.329, pubAcksPerSecond: 5_230, sqliteRowsPerSecond: 276_000 };
  const slow = { reference: { ...meant, sqliteRowsPerSecond: 220_000 } };
  const slowDisk = { reference: { ...meant, fsyncMs: 0.42 } };
  const slowServer = { reference: { ...meant, pubAcksPerSecond: 4_180 } };
  const nearly = { reference: { fsyncMs: 0.41, pubAcksPerSecond: 4_190, sqliteRowsPerSecond: 221_000 } };
  const results = [
    result("a/strict/1", 80_000),
    result("a/strict/1", 79_999, nearly),
    result("a/strict/1", 70_000, slow),
    result("a/strict/1", 70_000, slowDisk),
    result("a/strict/1", 70_000, slowServer),
    result("a/strict/1", 90_000, { verified: false, ...slow }),
    ...[1, 2, 3, 4].map(() => result("b/strict/1", 1)),
  ];
  assert.deepEqual(cells(goalTable(goals, results) ?? "")[2], [
    "a/strict/1",
    "settled/s at least 80,000",
    "75,000",
    "1 of 6",
    "2",
  ]);
  assert.equal(goalTable(goals, results.slice(6)), null);
});

test("a bound from above is reached from below, and each goal names a configuration of the matrix", () => {
  const goal = { of: "a/strict/1", column: LATENCY_COLUMNS[3], kind: "at most", bound: 31.44 } as Goal;
  const reached = (bound: number): string | undefined =>
    cells(goalTable([{ ...goal, bound }], [result("a/strict/1", 1)]) ?? "")[2]?.[3];
  assert.deepEqual([reached(31.44), reached(31.43)], ["1 of 1", "0 of 1"]);
  const names = new Set(MATRIX.flatMap(configurationsOf).map(({ name }) => name));
  assert.deepEqual(
    GOALS.filter(({ of }) => !names.has(of)),
    [],
  );
});
