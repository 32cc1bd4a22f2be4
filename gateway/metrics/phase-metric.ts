// Gives histograms that are counted elsewhere (latency-histogram.ts) to the metrics library's registry.
// Owns nothing: a scrape reads the counts as they are then.

import { Histogram, type Registry } from "prom-client";
import { LATENCY_BOUNDS_S, type LatencyHistogram } from "./latency-histogram.ts";

/** One histogram with a label that tells its series apart. */
export class PhaseMetric extends Histogram<"phase"> {
  readonly #series: ReadonlyMap<string, LatencyHistogram>;
  readonly #about: { readonly name: string; readonly help: string };

  constructor(
    about: { name: string; help: string },
    registry: Registry,
    series: ReadonlyMap<string, LatencyHistogram>,
  ) {
    super({ ...about, labelNames: ["phase"], buckets: LATENCY_BOUNDS_S, registers: [registry] });
    this.#about = about;
    this.#series = series;
  }

  /** What the registry reads, for its text and for its JSON. The library's types do not mention it. */
  async getForPromString() {
    const values = [...this.#series].flatMap(([phase, times]) => this.#valuesOf(phase, times));
    return { ...this.#about, type: "histogram", aggregator: "sum", values };
  }

  #valuesOf(phase: string, times: LatencyHistogram) {
    const { name } = this.#about;
    const cumulative = times.cumulative();
    const buckets = cumulative.map((value, index) => ({
      metricName: `${name}_bucket`,
      labels: { phase, le: LATENCY_BOUNDS_S[index] ?? "+Inf" },
      value,
    }));
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels: { phase }, value: times.sumSeconds },
      { metricName: `${name}_count`, labels: { phase }, value: cumulative.at(-1) ?? 0 },
    ];
  }
}
