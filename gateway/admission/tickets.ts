// The commands that were admitted and are not over yet. A ticket is a number: its place in the tables, and above it how
// often that place has been used, so that a ticket that is given back twice is told from the one that came after it
// (the use count starts again after 65,536).
// Invariant: a ticket is valid from `open` to `close`, and closes once.

import assert from "node:assert/strict";
import type { ShareMember } from "./fair-shares.ts";
import { WINDOW_MAX } from "./settings.ts";

/** Names one admitted request. Opaque to callers. */
export type Ticket = number;

/** Stands for no ticket. */
export const NO_TICKET: Ticket = -1;

const USES = 65_536;
/** Places that a ticket's list may keep after a large batch. */
const HELD_KEPT = 64;

/** One admitted request. Records are used again; nobody keeps one beyond its ticket. */
export class TicketRecord {
  uses = 0;
  startMs = 0;
  /** Places taken in the window. */
  commands = 0;
  /** How often it is still to be released. */
  parts = 1;
  tenant: ShareMember | null = null;
  key: ShareMember | null = null;
  /** What its commands count in: places of wallets, and shards as `~shard`. Beyond `heldCount` lie earlier tickets' ones. */
  held: number[] = [];
  heldCount = 0;
}

/** See the file header. */
export class Tickets {
  readonly #records: TicketRecord[] = [];
  readonly #free: Int32Array;
  #freed = 0;

  /** @param ticketsMax open at once; at most WINDOW_MAX */
  constructor(ticketsMax: number) {
    assert.ok(ticketsMax <= WINDOW_MAX);
    this.#free = new Int32Array(ticketsMax);
  }

  /** Tickets that are open. */
  get open(): number {
    return this.#records.length - this.#freed;
  }

  /** Opens a ticket; its record is to be filled in. The caller's window has room, so there is a place. */
  take(): Ticket {
    let place = this.#records.length;
    if (this.#freed > 0) {
      this.#freed -= 1;
      place = this.#free[this.#freed] ?? place;
    } else {
      assert.ok(place < this.#free.length, "tickets are bounded by the window");
      this.#records.push(new TicketRecord());
    }
    return this.#at(place).uses * WINDOW_MAX + place;
  }

  /** The record of an open ticket. Fails on any other: a ticket is given back once. */
  record(ticket: Ticket): TicketRecord {
    const record = this.#at(ticket % WINDOW_MAX);
    assert.equal(record.uses, Math.floor(ticket / WINDOW_MAX), "the ticket is open");
    return record;
  }

  /** Closes a ticket whose record has given everything back. */
  close(ticket: Ticket): void {
    const record = this.record(ticket);
    record.uses = (record.uses + 1) % USES;
    record.tenant = null;
    record.key = null;
    record.parts = 1;
    record.heldCount = 0;
    if (record.held.length > HELD_KEPT) record.held = [];
    this.#free[this.#freed] = ticket % WINDOW_MAX;
    this.#freed += 1;
  }

  #at(place: number): TicketRecord {
    const record = this.#records[place];
    assert.ok(record !== undefined, "the ticket was given out here");
    return record;
  }
}
