// The ids of a turn, looked up together before its commands are applied: hashes, and who holds each id among
// the commands that runs cover. Only a matter of speed: a claim that is not in here is looked up by itself.
//
// Commands are applied in the order in which they were put in, so that a claim finds its place by going on from
// the last one. A verdict holds until the turn ends: runs change in its last writes only.

import type { CommandId } from "../protocol/command-id.ts";
import type { HashBatch } from "./index-run.ts";

/** Ids of one turn; what is beyond is looked up one by one. */
const IDS_MAX = 16 * 1024;
/** Places that a claim looks ahead: commands between that were refused before their claim. */
const AHEAD_MAX = 64;

/** See the file header. */
export class ClaimBatch implements HashBatch {
  readonly #owners: number[] = [];
  readonly #ids: CommandId[] = [];
  readonly #holders: number[] = [];
  highs = new Uint32Array(1024);
  lows = new Uint32Array(1024);
  #next = 0;

  /** Ids in it. */
  get count(): number {
    return this.#ids.length;
  }

  /** Puts an id in, free for now; `false` when there is no room. */
  push(
    owner: number,
    id: CommandId,
    { high, low }: { readonly high: number; readonly low: number },
  ): boolean {
    const place = this.#ids.length;
    if (place === IDS_MAX) return false;
    if (place === this.highs.length) this.#grow();
    this.#owners.push(owner);
    this.#ids.push(id);
    this.#holders.push(0);
    this.highs[place] = high;
    this.lows[place] = low;
    return true;
  }

  /** The place of an id, at or behind the last one asked for, or -1. */
  placeOf(owner: number, id: CommandId): number {
    const end = Math.min(this.#ids.length, this.#next + AHEAD_MAX);
    for (let place = this.#next; place < end; place += 1) {
      if (this.#ids[place] !== id || this.#owners[place] !== owner) continue;
      this.#next = place + 1;
      return place;
    }
    return -1;
  }

  /** The number of the command that holds the id at a place; 0 = none that a run covers. */
  holder(place: number): number {
    return this.#holders[place] ?? 0;
  }

  /** The id at a place. */
  keyAt(place: number): { readonly owner: number; readonly id: CommandId | undefined } {
    return { owner: this.#owners[place] ?? 0, id: this.#ids[place] };
  }

  /** Notes who holds the id at a place. */
  setHolder(place: number, number: number): void {
    this.#holders[place] = number;
  }

  /** Empties it: the turn ended. */
  clear(): void {
    this.#owners.length = 0;
    this.#ids.length = 0;
    this.#holders.length = 0;
    this.#next = 0;
  }

  #grow(): void {
    const highs = new Uint32Array(this.highs.length * 2);
    highs.set(this.highs);
    this.highs = highs;
    const lows = new Uint32Array(this.lows.length * 2);
    lows.set(this.lows);
    this.lows = lows;
  }
}
