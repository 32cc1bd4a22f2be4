// Gives histograms that are counted elsewhere (fixed-histogram.ts) to the metrics library's registry.
// Owns nothing: a scrape reads the counts as they are then, and shows them in the unit of the name.

import { Histogram, type Registry } from "prom-client";
import type { FixedHistogram } from "./fixed-histogram.ts";

/** What a metric shows. */
export interface HistogramAbout {
  readonly name: string;
  readonly help: string;
  /** Upper bounds, in the unit that is shown. */
  readonly bounds: readonly number[];
  /** So many units of what was counted are one that is shown: 1,000 for ms as s. */
  readonly scale: number;
}

/** One histogram of a metric, and the labels that tell it from the others. */
export interface HistogramSeries {
  readonly labels: Readonly<Record<string, string>>;
  readonly values: FixedHistogram;
}

/** One metric, of one histogram or several. */
export class HistogramMetric extends Histogram {
  readonly #series: readonly HistogramSeries[];
  readonly #about: HistogramAbout;

  constructor(about: HistogramAbout, registry: Registry, series: readonly HistogramSeries[]) {
    const { name, help, bounds } = about;
    const labelNames = Object.keys(series[0]?.labels ?? {});
    super({ name, help, labelNames, buckets: [...bounds], registers: [registry] });
    this.#about = about;
    this.#series = series;
  }

  /** What the registry reads, for its text and for its JSON. The library's types do not mention it. */
  async getForPromString() {
    const { name, help } = this.#about;
    const values = this.#series.flatMap((series) => this.#valuesOf(series));
    return { name, help, type: "histogram", aggregator: "sum", values };
  }

  #valuesOf({ labels, values }: HistogramSeries) {
    const { name, bounds, scale } = this.#about;
    const cumulative = values.cumulative();
    const buckets = cumulative.map((value, index) => ({
      metricName: `${name}_bucket`,
      labels: { ...labels, le: bounds[index] ?? "+Inf" },
      value,
    }));
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels, value: values.sum / scale },
      { metricName: `${name}_count`, labels, value: cumulative.at(-1) ?? 0 },
    ];
  }
}
