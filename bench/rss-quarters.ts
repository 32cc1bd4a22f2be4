// Memory over a long run, by quarters of its time. A first quarter fills caches; from the second on a process that
// keeps what it should have let go shows as a last quarter above the second.

import type { Sample } from "./samples.ts";

/** Mean resident bytes in each quarter of the run, and the last over the second (1 = no growth). */
export interface RssQuarters {
  readonly bytes: readonly number[];
  readonly lastToSecond: number;
}

const QUARTERS = 4;

/** Of each process in the samples; empty without samples. A process is left out that is not in every quarter. */
export function rssQuarters(samples: readonly Sample[]): Readonly<Record<string, RssQuarters>> {
  const names = new Set(samples.flatMap(({ rss }) => Object.keys(rss)));
  return Object.fromEntries(
    [...names].flatMap((name) => {
      const quarters = quartersOf(samples, name);
      return quarters === null ? [] : [[name, quarters]];
    }),
  );
}

function quartersOf(samples: readonly Sample[], name: string): RssQuarters | null {
  const startSeconds = samples[0]?.fromSeconds ?? 0;
  const last = samples.at(-1);
  const length = last === undefined ? 0 : last.fromSeconds + last.seconds - startSeconds;
  const sums = Array.from({ length: QUARTERS }, () => ({ bytes: 0, seconds: 0 }));
  for (const { fromSeconds, seconds, rss } of samples) {
    const middle = fromSeconds + seconds / 2 - startSeconds;
    const sum = sums[Math.min(QUARTERS - 1, Math.floor((middle / length) * QUARTERS))];
    const bytes = rss[name];
    if (sum === undefined || bytes === undefined) continue;
    sum.bytes += bytes * seconds;
    sum.seconds += seconds;
  }
  const bytes = sums.map((sum) => Math.round(sum.bytes / sum.seconds));
  const [, second = 0] = bytes;
  if (!bytes.every((each) => each > 0)) return null;
  return { bytes, lastToSecond: Math.round(((bytes.at(-1) ?? 0) / second) * 1000) / 1000 };
}
