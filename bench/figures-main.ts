// `npm run bench:figures`: reads what `npm run bench:matrix` measured, writes the plots, and rewrites the figures
// between their markers in docs/performance.md; prints them with their markers where there is no such page yet.
//
// Owns the files that are read and written.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { parseArgs } from "node:util";
import { figureBlock, writeFigures } from "./figure-page.ts";
import { figureMarkdown, figuresOf, runsFigure } from "./figures.ts";
import { readResults, samplesPath } from "./matrix.ts";
import { MATRIX } from "./matrix-plan.ts";
import { orUsage } from "./or-usage.ts";
import type { RunPlotSlot } from "./plot/run-plot.ts";
import { filterByReference, TOLERANCE } from "./reference-filter.ts";
import type { ResultLine } from "./result-line.ts";
import { slotsInCsv } from "./sample-csv.ts";

const USAGE = `Usage: npm run bench:figures -- [--in FILE] [--page FILE] [--plots DIR] [--tolerance S]
  --in FILE      results of npm run bench:matrix; several are allowed (default: bench-results/matrix.jsonl)
  --page FILE    the page whose figures are rewritten (default: docs/performance.md)
  --plots DIR    where plots are written (default: docs/performance)
  --tolerance S  share of the median by which the reference of a run that counts may be off, 0 to 10
                 (default: ${TOLERANCE})`;
const TOLERANCE_MAX = 10;

const { values } = orUsage(USAGE, () =>
  parseArgs({
    options: {
      in: { type: "string", multiple: true, default: ["bench-results/matrix.jsonl"] },
      page: { type: "string", default: "docs/performance.md" },
      plots: { type: "string", default: "docs/performance" },
      tolerance: { type: "string", default: String(TOLERANCE) },
      help: { type: "boolean", default: false },
    },
  }),
);
const tolerance = values.tolerance.trim() === "" ? Number.NaN : Number(values.tolerance);
if (values.help) console.log(USAGE);
else process.exitCode = tolerance >= 0 && tolerance <= TOLERANCE_MAX ? write() : refuse();

function refuse(): number {
  console.error(`"${values.tolerance}" is not a share from 0 to ${TOLERANCE_MAX}.\n\n${USAGE}`);
  return 2;
}

function write(): number {
  const origins = new Map(values.in.flatMap((path) => readResults(path).map((result) => [result, path])));
  const results = [...origins.keys()];
  const slotsOf = (result: ResultLine): readonly RunPlotSlot[] | null => {
    const path = samplesPath(origins.get(result) ?? "", result);
    return existsSync(path) ? slotsInCsv(readFileSync(path, "utf8")) : null;
  };
  const filtered = filterByReference(results, tolerance);
  const runs = runsFigure(MATRIX, filtered, slotsOf);
  const figures = [...figuresOf(MATRIX, filtered), ...(runs === null ? [] : [runs])];
  if (figures.length === 0) {
    console.error(`No results in ${values.in.join(", ")}.\n${USAGE}`);
    return 1;
  }
  mkdirSync(values.plots, { recursive: true });
  for (const { name, svg } of figures.flatMap(({ plots }) => plots))
    writeFileSync(join(values.plots, `${name}.svg`), svg);
  const directory = relative(dirname(values.page), values.plots);
  const blocks = new Map(figures.map((figure) => [figure.name, figureMarkdown(figure, directory)]));
  if (!existsSync(values.page)) {
    for (const [name, block] of blocks) console.log(`${figureBlock(name, block)}\n`);
    return 0;
  }
  const { text, missing } = writeFigures(readFileSync(values.page, "utf8"), blocks);
  writeFileSync(values.page, text);
  for (const name of missing) console.error(`${values.page}: no results for the figure "${name}"`);
  return missing.length === 0 ? 0 : 1;
}
