// Which command number an id belongs to: the only filter for duplicates, and it is for ever. The one door to
// it: nothing else knows how the index is laid out. Scope of an id: the addressed owner (which implies the
// tenant).
//
//   claim ─► hash of owner and id ─► table of the newest claims ─► table that is being written ─► runs
//
// The hash is a filter, never the truth: every number with an equal hash is compared with the command's own
// row. The tables are memory only: the claims behind the last run are in the command rows, and opening a file
// reads them again, at most two tables of them. No claim costs a statement.
//
// Invariant: the answer depends on the commands that were claimed alone, not on where turns, slices, restarts
// or rollbacks fell. Guards against money moved twice.

import { assert } from "../protocol/assert.ts";
import type { CommandId } from "../protocol/command-id.ts";
import type { OwnerName, TenantName } from "../protocol/names.ts";
import { ClaimBatch, type ClaimOwner } from "./claim-batch.ts";
import { ClaimTable } from "./claim-table.ts";
import { type ClaimHash, CommandHash } from "./command-hash.ts";
import type { Connection } from "./database.ts";
import { IndexLayout, type IndexShape } from "./index-layout.ts";
import { IndexRuns } from "./index-runs.ts";
import { IndexStore } from "./index-store.ts";

/** A claimed id. */
export interface ClaimKey {
  /** The addressed owner's number. */
  readonly owner: number;
  readonly id: CommandId;
}

/** What the commands themselves say: the truth behind the index. */
export interface StoredClaims {
  /** Whether a command, recorded or of the open turn, has the owner and id. Errors: asserts that it exists. */
  isClaim(number: number, owner: number, id: CommandId): boolean;
  /** The recorded commands behind a number, in number order. */
  claimsAfter(number: number): Iterable<ClaimKey & { readonly number: number }>;
}

/** What tests choose; the shape counts for new files only. */
export interface ClaimOptions {
  readonly shape?: IndexShape;
  readonly hashOf?: (seed: Uint8Array) => ClaimHash;
}

/** Claims of one turn that a table takes without growing. */
const TURN_CLAIMS = 4096;

/** See the file header. */
export class CommandClaims {
  readonly #claims: StoredClaims;
  readonly #hash: ClaimHash;
  readonly #layout: IndexLayout;
  readonly #runs: IndexRuns;
  readonly #batch = new ClaimBatch();
  readonly #numbers: number[] = [];
  /** Takes new claims. */
  #active: ClaimTable;
  /** Is being written as a run while `isFrozen`; empty else. */
  #other: ClaimTable;
  #isFrozen = false;
  /** The open transaction holds slices: a rollback reads everything again. */
  #isTouched = false;

  constructor(database: Connection, claims: StoredClaims, options: ClaimOptions = {}) {
    const store = new IndexStore(database);
    const { seed, ...shape } = store.layout(options.shape);
    this.#claims = claims;
    this.#hash = options.hashOf?.(seed) ?? new CommandHash(seed);
    this.#layout = new IndexLayout(shape);
    this.#runs = new IndexRuns(store, this.#layout);
    this.#active = new ClaimTable(1, shape.capacity + TURN_CLAIMS);
    this.#other = new ClaimTable(1, shape.capacity + TURN_CLAIMS);
    this.#fill();
  }

  /**
   * The next claim is of this id.
   * @returns its owner's number if the id was expected
   */
  seek(tenant: TenantName, owner: OwnerName, id: CommandId): number | undefined {
    return this.#batch.seek(tenant, owner, id);
  }

  /**
   * Claims an id for a number: the one behind the last. Of an id that was expected, after `seek`.
   * @param owner the owner's number
   * @returns null when the id was free and now has the number, else the number that holds it
   */
  claim(owner: number, id: CommandId, number: number): number | null {
    const { place } = this.#batch;
    assert(place < 0 || this.#batch.isAt(place, owner, id), "the id that is claimed was sought");
    if (place < 0) this.#hash.of(owner, id);
    const high = place < 0 ? this.#hash.high : (this.#batch.highs[place] ?? 0);
    const low = place < 0 ? this.#hash.low : (this.#batch.lows[place] ?? 0);
    let holder = this.#findNewest(owner, id, high, low);
    if (holder === 0) {
      holder = place < 0 ? this.#findInRuns(owner, id, high, low) : this.#batch.holder(place);
    }
    if (holder > 0) return holder;
    this.#active.add(high, low, number);
    return null;
  }

  /** @returns the number that holds the id, or null. */
  find(owner: number, id: CommandId): number | null {
    this.#hash.of(owner, id);
    const { high, low } = this.#hash;
    const newest = this.#findNewest(owner, id, high, low);
    return (newest > 0 ? newest : this.#findInRuns(owner, id, high, low)) || null;
  }

  /** Notes an id of the turn for `lookUpExpected`. */
  expect(owner: ClaimOwner, id: CommandId): void {
    this.#hash.of(owner.number, id);
    this.#batch.push(owner, id, this.#hash);
  }

  /** Looks the ids of a turn up in the runs, all at once. Inside the turn, before its commands are applied. */
  lookUpExpected(): void {
    const batch = this.#batch;
    this.#runs.collectAll(batch, 0, (place, number) => {
      const { owner, id } = batch.keyAt(place);
      assert(id !== undefined, "a place of the batch has an id");
      if (this.#claims.isClaim(number, owner, id)) batch.setHolder(place, number);
    });
  }

  /** Writes the slices that are due. Inside the turn's transaction, when the rows of its commands are written. */
  flush(): void {
    if (!this.#isFrozen && this.#active.count >= this.#layout.capacity) this.#freeze();
    const frozen = this.#isFrozen ? this.#other : null;
    this.#isTouched = this.#runs.work(this.#active.last, frozen) || this.#isTouched;
    if (this.#isFrozen && !this.#runs.flushing) {
      this.#other.restart(this.#active.last + 1);
      this.#isFrozen = false;
    }
  }

  /** Notes that the turn is on disk. */
  committed(): void {
    this.#isTouched = false;
    this.#batch.clear();
  }

  /**
   * Makes memory what the file says again: after a rollback.
   * @param lastCommand the number of the last command that is recorded
   */
  reload(lastCommand: number): void {
    this.#batch.clear();
    if (!this.#isTouched) {
      this.#active.forgetAfter(lastCommand);
      return;
    }
    this.#isTouched = false;
    this.#runs.load();
    this.#fill();
  }

  /** Reads the claims behind the last complete run into the tables. */
  #fill(): void {
    const { covered, flushing } = this.#runs;
    const frozenLast = flushing?.last ?? covered;
    this.#isFrozen = flushing !== undefined;
    this.#other.restart(covered + 1);
    this.#active.restart(frozenLast + 1);
    for (const { number, owner, id } of this.#claims.claimsAfter(covered)) {
      this.#hash.of(owner, id);
      const table = number <= frozenLast ? this.#other : this.#active;
      table.add(this.#hash.high, this.#hash.low, number);
    }
  }

  #freeze(): void {
    this.#isTouched = true;
    this.#runs.beginFlush(this.#active);
    const full = this.#active;
    this.#other.restart(full.last + 1);
    this.#active = this.#other;
    this.#other = full;
    this.#isFrozen = true;
  }

  #findNewest(owner: number, id: CommandId, high: number, low: number): number {
    const newest = this.#findIn(this.#active, owner, id, high, low);
    return newest === 0 && this.#isFrozen ? this.#findIn(this.#other, owner, id, high, low) : newest;
  }

  #findIn(table: ClaimTable, owner: number, id: CommandId, high: number, low: number): number {
    for (let number = table.find(high, low); number > 0; number = table.next(high, low)) {
      if (this.#claims.isClaim(number, owner, id)) return number;
    }
    return 0;
  }

  #findInRuns(owner: number, id: CommandId, high: number, low: number): number {
    this.#numbers.length = 0;
    this.#runs.collect(high, low, this.#numbers);
    return this.#numbers.find((number) => this.#claims.isClaim(number, owner, id)) ?? 0;
  }
}
