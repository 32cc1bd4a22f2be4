// Memory of the processes under a load, read about once a second while it runs, on the same clock as its samples.
//
// Does not own: which processes they are. What cannot be read is left out of a reading.

import { usageOfAll, type WatchedProcess } from "../process-usage.ts";

const LOOK_MS = 1_000;

/** One reading: resident bytes by process. */
export interface MemoryReading {
  /** Ms since 1970. */
  readonly atMs: number;
  readonly rssBytes: ReadonlyMap<string, number>;
}

/** See the file header. */
export class MemoryWatch {
  readonly #watched: readonly WatchedProcess[];
  readonly #wallMs: () => number;
  readonly #readings: MemoryReading[] = [];
  readonly #timer: NodeJS.Timeout;
  #reading: Promise<void> = Promise.resolve();

  /** Begins. @param watched as they are now; those that start later are not seen */
  constructor(watched: readonly WatchedProcess[], wallMs: () => number) {
    this.#watched = watched;
    this.#wallMs = wallMs;
    this.#timer = setInterval(() => {
      this.#reading = this.#reading.then(() => this.#look());
    }, LOOK_MS);
  }

  /** Begins no reading any more. */
  pause(): void {
    clearInterval(this.#timer);
  }

  /** Reads once more and ends. @returns all readings, oldest first */
  async stop(): Promise<readonly MemoryReading[]> {
    this.pause();
    await this.#reading;
    await this.#look();
    return this.#readings;
  }

  async #look(): Promise<void> {
    const usage = await usageOfAll(this.#watched);
    const rss = [...usage].map(([name, { rssBytes }]) => [name, rssBytes] as const);
    this.#readings.push({ atMs: this.#wallMs(), rssBytes: new Map(rss) });
  }
}

/** The most that a process had, bytes; null when it was not read. */
export function peakOf(readings: readonly MemoryReading[], name: string): number | null {
  const found = readings.flatMap(({ rssBytes }) => rssBytes.get(name) ?? []);
  return found.length === 0 ? null : Math.max(...found);
}
