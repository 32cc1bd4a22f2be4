/**
 * What a gateway's /metrics shows, by series: tests look at a gateway as its operators do.
 * Does not own the format (gateway/metrics/), which gateway-metrics.test.ts looks at.
 * Shows only the gateway's own series, not those of its process.
 */
import { callHttp } from "./gateway-site.ts";

/** The values of a scrape; names without their common beginning. */
export class Scrape {
  readonly #values: ReadonlyMap<string, number>;

  private constructor(values: ReadonlyMap<string, number>) {
    this.#values = values;
  }

  /** Asks a gateway. */
  static async of(url: string): Promise<Scrape> {
    const { text } = await callHttp(url, "GET", "/metrics", { key: null });
    const lines = text.split("\n").filter((line) => line.startsWith("coffer_gateway_"));
    return new Scrape(
      new Map(
        lines.map((line) => {
          const space = line.lastIndexOf(" ");
          return [line.slice("coffer_gateway_".length, space), Number(line.slice(space + 1))];
        }),
      ),
    );
  }

  /** One series, 0 when it is not there. */
  value(series: string): number {
    return this.#values.get(series) ?? 0;
  }
}
