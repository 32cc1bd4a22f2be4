// The slots of a run in bounded memory: one for each reading until there are SLOTS_MAX, then two and two become one and
// the new ones last twice as long, and so on. A run of a day keeps its whole course, a short one every second.
//
//   ▏▏▏▏▏▏▏▏ full ► ▎ ▎ ▎ ▎ ▎… full ► ▌   ▌   ▌…
//
// Invariant: sums over all slots are sums over all that was added, whatever the doublings; at most SLOTS_MAX slots.

import { assert } from "../protocol/assert.ts";
import type { LatencyHistogram } from "./latency-histogram.ts";

/** Slots that are kept; even. Each holds a histogram of about 4 KiB. */
export const SLOTS_MAX = 1_200;

/** What happened in a slot of time. */
export interface Slot {
  /** Some of it came before what is measured. */
  readonly isWarmUp: boolean;
  /** From the start of the run, ms. */
  readonly fromMs: number;
  /** Time that was measured in it; pauses between loads are left out. */
  readonly lengthMs: number;
  readonly published: number;
  readonly accepted: number;
  readonly settled: number;
  readonly refused: number;
  /** Messages without all outcomes at its end. */
  readonly inFlight: number;
  /** Of the outcomes in it. */
  readonly latency: LatencyHistogram;
  /** CPU seconds spent in it, by process. */
  readonly cpuSeconds: ReadonlyMap<string, number>;
  /** Resident bytes at its end, by process. */
  readonly rssBytes: ReadonlyMap<string, number>;
}

/** See the file header. */
export class Timeline {
  readonly #slotsMax: number;
  #slots: Slot[] = [];
  /** Readings in a slot, and in the last one so far. */
  #readingsASlot = 1;
  #readingsInLast = 1;

  /** @param slotsMax even, at least 2 */
  constructor(slotsMax: number = SLOTS_MAX) {
    assert(slotsMax >= 2 && slotsMax % 2 === 0, "slots can be joined in pairs");
    this.#slotsMax = slotsMax;
  }

  /** Oldest first. */
  get slots(): readonly Slot[] {
    return this.#slots;
  }

  /** Adds what came after the last slot. */
  add(slot: Slot): void {
    const last = this.#slots.at(-1);
    if (last !== undefined && this.#readingsInLast < this.#readingsASlot) {
      this.#slots[this.#slots.length - 1] = joined(last, slot);
      this.#readingsInLast += 1;
      return;
    }
    if (this.#slots.length === this.#slotsMax) this.#double();
    this.#slots.push(slot);
    this.#readingsInLast = 1;
  }

  #double(): void {
    this.#slots = this.#slots.flatMap((slot, index) => {
      const next = this.#slots[index + 1];
      return index % 2 === 0 && next !== undefined ? [joined(slot, next)] : [];
    });
    this.#readingsASlot *= 2;
  }
}

/** Two slots that follow one another, as one. */
export function joined(first: Slot, second: Slot): Slot {
  const latency = first.latency.copy();
  latency.merge(second.latency);
  const names = new Set([...first.cpuSeconds.keys(), ...second.cpuSeconds.keys()]);
  const cpuOf = (name: string): number =>
    (first.cpuSeconds.get(name) ?? 0) + (second.cpuSeconds.get(name) ?? 0);
  return {
    isWarmUp: first.isWarmUp || second.isWarmUp,
    fromMs: first.fromMs,
    lengthMs: first.lengthMs + second.lengthMs,
    published: first.published + second.published,
    accepted: first.accepted + second.accepted,
    settled: first.settled + second.settled,
    refused: first.refused + second.refused,
    inFlight: second.inFlight,
    latency,
    cpuSeconds: new Map([...names].map((name) => [name, cpuOf(name)])),
    rssBytes: new Map([...first.rssBytes, ...second.rssBytes]),
  };
}
