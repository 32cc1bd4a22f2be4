// The ids of a turn, looked up together before its commands are applied: hashes, and who holds each id among
// the commands that runs cover. Only a matter of speed: a claim that is not in here is looked up by itself.
//
// Commands are applied in the order in which they were put in, so that a claim finds its place by going on from
// the last one. A verdict holds until the turn ends: runs change in its last writes only.

import type { CommandId } from "../protocol/command-id.ts";
import type { OwnerName, TenantName } from "../protocol/names.ts";
import type { HashBatch } from "./index-run.ts";

/** Whose id it is; the name is the string that the command holds, which is told by its address in memory. */
export interface ClaimOwner {
  readonly tenant: TenantName;
  readonly number: number;
  readonly name: OwnerName;
}

/** Ids of one turn; what is beyond is looked up one by one. */
const IDS_MAX = 16 * 1024;
/** Places that a claim looks ahead: commands between that were refused before their claim. */
const AHEAD_MAX = 64;

/** See the file header. */
export class ClaimBatch implements HashBatch {
  readonly #tenants: (TenantName | undefined)[] = [];
  readonly #owners: number[] = [];
  readonly #names: (OwnerName | undefined)[] = [];
  readonly #ids: (CommandId | undefined)[] = [];
  readonly #holders: number[] = [];
  /** Ids in it: the arrays stay as long as they were, because growing them again costs more than emptying them. */
  #count = 0;
  highs = new Uint32Array(1024);
  lows = new Uint32Array(1024);
  #next = 0;
  #place = -1;

  /** Ids in it. */
  get count(): number {
    return this.#count;
  }

  /** The place of the id that was sought last, or -1. */
  get place(): number {
    return this.#place;
  }

  /** Puts an id in, free for now, if there is room. */
  push(
    { tenant, number, name }: ClaimOwner,
    id: CommandId,
    { high, low }: { readonly high: number; readonly low: number },
  ): void {
    const place = this.#count;
    if (place === IDS_MAX) return;
    if (place === this.highs.length) this.#grow();
    this.#tenants[place] = tenant;
    this.#owners[place] = number;
    this.#names[place] = name;
    this.#ids[place] = id;
    this.#holders[place] = 0;
    this.#count += 1;
    this.highs[place] = high;
    this.lows[place] = low;
  }

  /** Goes on to an id, if it is behind the last one that was found. @returns its owner's number, or undefined */
  seek(tenant: TenantName, name: OwnerName, id: CommandId): number | undefined {
    const end = Math.min(this.#count, this.#next + AHEAD_MAX);
    this.#place = -1;
    for (let place = this.#next; place < end; place += 1) {
      if (this.#ids[place] !== id || this.#names[place] !== name || this.#tenants[place] !== tenant) continue;
      this.#place = place;
      this.#next = place + 1;
      return this.#owners[place];
    }
    return undefined;
  }

  /** Whether an id is the one at a place. */
  isAt(place: number, owner: number, id: CommandId): boolean {
    return this.#ids[place] === id && this.#owners[place] === owner;
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
    this.#tenants.fill(undefined, 0, this.#count);
    this.#names.fill(undefined, 0, this.#count);
    this.#ids.fill(undefined, 0, this.#count);
    this.#count = 0;
    this.#next = 0;
    this.#place = -1;
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
