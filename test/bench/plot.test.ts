// Figures are documents that others publish: well-formed whatever the texts and values are, with round ticks, and
// with the same figures in words for those who cannot see them.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { ComparisonPlot, SpreadPoint } from "../../bench/plot/comparison-plot.ts";
import { comparisonPlot } from "../../bench/plot/comparison-plot.ts";
import { numberLabel } from "../../bench/plot/number-label.ts";
import type { RunPlotSlot } from "../../bench/plot/run-plot.ts";
import { runPlot } from "../../bench/plot/run-plot.ts";
import { amountScale, placeOf, TICKS_MAX, timeScale, variedScale } from "../../bench/plot/scale.ts";
import { SERIES_MAX, SHEET_WIDTH } from "../../bench/plot/sheet.ts";
import { escapeText } from "../../bench/plot/svg.ts";
import type { XmlElement } from "./xml-shape.ts";
import { textsOf, xmlElements } from "./xml-shape.ts";

const point = (x: number, median: number): SpreadPoint => {
  return { x, median, min: median * 0.9, max: median * 1.1 };
};
const plotOf = (changes: Partial<ComparisonPlot>): ComparisonPlot => ({
  title: "Rate by wallets",
  subtitle: "",
  x: { name: "wallets", kind: "log" },
  y: { name: "settled a second", kind: "linear" },
  series: [{ name: "strict", points: [point(100, 80_000), point(1_000, 70_000)] }],
  ...changes,
});
const slot = (fromSeconds: number, p50: number | null): RunPlotSlot => ({
  isWarmUp: false,
  fromSeconds,
  seconds: 1,
  settledPerSecond: p50 === null ? 0 : 50_000,
  acceptedPerSecond: 51_000,
  latencyMs: p50 === null ? null : { p50, p95: p50 * 2, p99: p50 * 3 },
});
const curvesIn = (elements: readonly XmlElement[]): XmlElement[] =>
  elements.filter(({ name, attributes }) => name === "path" && attributes.get("stroke-linejoin") === "round");

test("amounts start at zero and end at a tick, and ticks are round", () => {
  const scale = amountScale("linear", [12_345, 83_000], 5);
  assert.deepEqual(scale.ticks, [0, 20_000, 40_000, 60_000, 80_000, 100_000]);
  assert.deepEqual([scale.min, scale.max], [0, 100_000]);
  assert.deepEqual(amountScale("linear", [0.31], 4).ticks, [0, 0.1, 0.2, 0.3, 0.4]);
  assert.deepEqual(amountScale("linear", [], 5).ticks, [0, 0.2, 0.4, 0.6, 0.8, 1]);
  assert.deepEqual(amountScale("linear", [-3, 4], 5).ticks, [-4, -2, 0, 2, 4]);
});

test("a log axis has 1, 2 and 5 of each power of ten, or the powers alone when there are many", () => {
  assert.deepEqual(amountScale("log", [3, 180], 5).ticks, [2, 5, 10, 20, 50, 100, 200]);
  assert.deepEqual(amountScale("log", [0.5, 40_000], 5).ticks, [0.1, 1, 10, 100, 1_000, 10_000, 100_000]);
  assert.deepEqual(amountScale("log", [], 5).ticks, [1, 10]);
});

test("what was varied has a tick at each value while they are few", () => {
  assert.deepEqual(variedScale("log", [16, 1, 4, 4, 2, 8]).ticks, [1, 2, 4, 8, 16]);
  const many = Array.from({ length: 50 }, (_, index) => 1 + index * 20);
  assert.deepEqual(variedScale("linear", many).ticks, [200, 400, 600, 800]);
  assert.deepEqual(timeScale(0, 20).ticks, [0, 5, 10, 15, 20]);
});

test("ticks are in order, inside the scale and few, for any values", () => {
  const values = fc.array(fc.double({ min: 1e-6, max: 1e12, noNaN: true }), { maxLength: 40 });
  fc.assert(
    fc.property(values, fc.constantFrom("linear" as const, "log" as const), (all, kind) => {
      for (const scale of [amountScale(kind, all, 5), variedScale(kind, all)]) {
        assert.ok(scale.ticks.length <= TICKS_MAX, String(scale.ticks));
        assert.ok(scale.ticks.every((tick, index) => index === 0 || tick > (scale.ticks[index - 1] ?? 0)));
        for (const shown of [...scale.ticks, ...all]) {
          const place = placeOf(scale, shown);
          assert.ok(place >= -1e-6 && place <= 1 + 1e-6, `${shown} at ${place}`);
        }
      }
    }),
  );
});

test("numbers are short", () => {
  const cases = [
    [0, "0"],
    [0.25, "0.25"],
    [999, "999"],
    [12_500, "12.5k"],
    [1_000_000, "1M"],
    [-83_333, "-83.3k"],
    [2e9, "2G"],
  ] as const;
  for (const [value, text] of cases) assert.equal(numberLabel(value), text);
});

test("text is escaped, and what XML forbids is replaced", () => {
  assert.equal(escapeText(`a<b>&"c'`), "a&lt;b&gt;&amp;&quot;c&#39;");
  assert.equal(escapeText("\u{0}x\u{b}\u{fffe}\ud800"), "\u{fffd}x\u{fffd}\u{fffd}\u{fffd}");
});

test("a figure is well-formed whatever its texts and values are", () => {
  const text = fc.string({ unit: "binary", maxLength: 60 });
  const value = fc.oneof(fc.double(), fc.integer({ min: 0, max: 1_000_000 }));
  const points = fc.array(fc.record({ x: value, median: value, min: value, max: value }), { maxLength: 6 });
  const kind = fc.constantFrom("linear" as const, "log" as const);
  const axis = fc.record({ name: text, kind });
  const series = fc.array(fc.record({ name: text, points }), { maxLength: 9 });
  const plot = fc.record({ title: text, subtitle: text, x: axis, y: axis, series });
  fc.assert(
    fc.property(plot, (drawn) => {
      const document = comparisonPlot(drawn);
      xmlElements(document);
      assert.doesNotMatch(document, /="[^"]*(?:NaN|Infinity|undefined)[^"]*"/);
    }),
    { numRuns: 60 },
  );
});

test("a figure has a name and a description that hold its values", () => {
  const elements = xmlElements(comparisonPlot(plotOf({ title: "<Rate> & more" })));
  const [root] = elements;
  assert.equal(root?.attributes.get("role"), "img");
  assert.deepEqual(textsOf(elements, "title"), ["<Rate> & more"]);
  assert.match(
    textsOf(elements, "desc").join(""),
    /strict: 100: 80k \(72k to 88k\), 1k: 70k \(63k to 77k\)\./,
  );
  const ids = elements.flatMap(({ attributes }) => attributes.get("id") ?? []);
  assert.deepEqual(root?.attributes.get("aria-labelledby")?.split(" "), ids);
});

test("a figure has colours for light and dark surroundings, and a ground of its own", () => {
  const document = comparisonPlot(plotOf({}));
  assert.match(document, /@media \(prefers-color-scheme:dark\)/);
  const [ground] = xmlElements(document).filter(({ name }) => name === "rect");
  assert.equal(ground?.attributes.get("class"), "ground");
});

test("each series has a colour and a shape of its own, and one series needs no legend", () => {
  const series = Array.from({ length: SERIES_MAX }, (_, index) => {
    return { name: `series ${index}`, points: [point(1, index + 1)] };
  });
  const elements = xmlElements(comparisonPlot(plotOf({ series })));
  const colours = elements.flatMap(({ attributes }) => attributes.get("class") ?? []);
  assert.equal(new Set(colours.filter((name) => /^s\d$/.test(name))).size, SERIES_MAX);
  const shapes = elements.filter(({ attributes }) => attributes.get("class") === "edge");
  assert.equal(new Set(shapes.map(({ attributes }) => attributes.get("d"))).size, SERIES_MAX);
  assert.ok(textsOf(elements, "text").includes("series 6"));
  assert.ok(!textsOf(xmlElements(comparisonPlot(plotOf({}))), "text").includes("strict"));
});

test("long legends and titles take more lines and stay on the sheet", () => {
  const name = "a name of a third of the width";
  const series = Array.from({ length: 5 }, (_, index) => ({ name: `${name} ${index}`, points: [] }));
  const elements = xmlElements(comparisonPlot(plotOf({ title: "word ".repeat(60), series })));
  const texts = elements.filter(({ name: element }) => element === "text");
  const rows = texts.filter(({ text }) => text.startsWith(name)).map(({ attributes }) => attributes.get("y"));
  assert.equal(new Set(rows).size, 3);
  for (const { attributes } of texts) assert.ok(Number(attributes.get("x")) < SHEET_WIDTH);
});

test("whiskers reach from the least to the greatest run, and a single run has none", () => {
  const whiskers = (points: readonly SpreadPoint[]): number => {
    const elements = xmlElements(comparisonPlot(plotOf({ series: [{ name: "a", points }] })));
    return elements.filter(({ attributes }) => /h8/.test(attributes.get("d") ?? "")).length;
  };
  assert.equal(whiskers([point(1, 5), point(2, 6)]), 2);
  assert.equal(whiskers([{ x: 1, median: 5, min: 5, max: 5 }]), 0);
});

test("no data is said, and one point is a point", () => {
  for (const empty of [
    comparisonPlot(plotOf({ series: [] })),
    runPlot({ title: "t", subtitle: "", slots: [] }),
  ])
    assert.ok(textsOf(xmlElements(empty), "text").includes("no data"));
  const single = xmlElements(comparisonPlot(plotOf({ series: [{ name: "a", points: [point(4, 9)] }] })));
  assert.equal(single.filter(({ name }) => name === "circle").length, 1);
  const one = xmlElements(runPlot({ title: "t", subtitle: "", slots: [slot(0, 12)] }));
  assert.equal(one.filter(({ name }) => name === "circle").length, 5);
});

test("a second in which nothing settled cuts the latencies and not the rates", () => {
  const slots = [slot(0, 10), slot(1, 11), slot(2, null), slot(3, 10), slot(4, 12)];
  const curves = curvesIn(xmlElements(runPlot({ title: "t", subtitle: "", slots })));
  assert.equal(curves.length, 2 + 3 * 2);
});

test("the warm-up lies on a band, up to its end, and is not described", () => {
  const warm = { ...slot(0, 500), isWarmUp: true };
  const elements = xmlElements(
    runPlot({ title: "t", subtitle: "", slots: [warm, slot(1, 10), slot(2, 12)] }),
  );
  const bands = elements.filter(({ attributes }) => attributes.get("class") === "band");
  assert.equal(bands.length, 2);
  assert.equal(textsOf(elements, "text").filter((text) => text === "warm-up").length, 2);
  assert.match(textsOf(elements, "desc").join(""), /Latency p99: up to 36 ms/);
  const none = xmlElements(runPlot({ title: "t", subtitle: "", slots: [slot(0, 10)] }));
  assert.ok(none.every(({ attributes }) => attributes.get("class") !== "band"));
});

test("latencies that differ widely are shown on a log axis, which is said", () => {
  const slots = [slot(0, 1), slot(1, 900)];
  assert.ok(
    textsOf(xmlElements(runPlot({ title: "t", subtitle: "", slots })), "text").includes(
      "latency in ms (log)",
    ),
  );
});
