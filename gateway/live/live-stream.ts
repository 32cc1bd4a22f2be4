// One stream of live events: whose wallets it shows, what its reader has, and what is held back for it.
//
//   holding ──the state, or what was missed, is written──► live          gone events: live ──hold──► holding
//
// While it holds, changes from the tenant's feed wait here; they are written when the reader has what lies before them.
// Invariant: a reader is shown each change once and in the order of each wallet's versions, and none that the snapshot
// before had; the id of a message names everything up to it, so that coming back with it loses and doubles nothing.

import type { OwnerAt } from "../../client/mod.ts";
import { assert } from "../../protocol/assert.ts";
import type { Event } from "../../protocol/event.ts";
import { type OwnerName, ownerOf, type TenantName } from "../../protocol/names.ts";
import { changeText, heartbeatText, STREAM_START, snapshotText } from "./change-text.ts";
import { HELD_CHANGES_MAX } from "./live-settings.ts";
import { type FeedMark, ResumePoint } from "./resume-point.ts";
import type { StreamWriter } from "./stream-writer.ts";

/** Whose stream it is. */
export interface StreamFacts {
  readonly keyId: string;
  readonly tenant: TenantName;
  /** Sorted, without repeats. */
  readonly owners: readonly OwnerName[];
  /** Shards that hold wallets of the owners. */
  readonly shards: readonly number[];
  /** Marks its ids; see resume-point.ts. */
  readonly whose: string;
}

/** See the file header. */
export class LiveStream {
  readonly facts: StreamFacts;
  readonly writer: StreamWriter;
  readonly #owners: ReadonlySet<OwnerName>;
  #point: ResumePoint | null = null;
  /** What waits while the stream holds; null when it is live. */
  #held: { readonly event: Event; readonly mark: FeedMark }[] | null = [];
  #heldChanges = 0;

  constructor(facts: StreamFacts, writer: StreamWriter) {
    this.facts = facts;
    this.writer = writer;
    this.#owners = new Set(facts.owners);
  }

  /** Whether an owner's wallets are shown here. */
  shows(owner: OwnerName): boolean {
    return this.#owners.has(owner);
  }

  /** Holds changes back from now on; what was held before is forgotten. */
  hold(): void {
    this.#held = [];
    this.#heldChanges = 0;
  }

  /** Takes an event of the tenant's feed. @param mark where the feed stands with it */
  take(event: Event, mark: FeedMark): void {
    if (this.#held === null) {
      this.#show(event, mark);
      return;
    }
    this.#held.push({ event, mark });
    this.#heldChanges += event.wallets.length;
    if (this.#heldChanges > HELD_CHANGES_MAX) this.writer.drop();
  }

  /** Writes the state, and then what was held back. @param sequence where the feed stood before the state was read */
  showState(sequence: number, owners: ReadonlyMap<OwnerName, OwnerAt>, isReset: boolean): void {
    const instants = new Map([...owners].map(([owner, { asOf }]) => [owner, asOf] as const));
    const point = ResumePoint.ofState(sequence, instants);
    this.#point = point;
    this.#begin();
    this.writer.write(snapshotText(owners, this.#idOf(point), isReset));
    this.#goLive();
  }

  /** Goes on behind a point; what was missed since follows with `showMissed`. */
  resumeAt(point: ResumePoint): void {
    this.#point = point;
    this.#begin();
  }

  /** Writes an event that lies before those that are held back. */
  showMissed(event: Event, mark: FeedMark): void {
    assert(this.#held !== null, "what was missed comes before what is new");
    this.#show(event, mark);
  }

  /** All that was missed is written: writes what was held back. */
  endMissed(mark: FeedMark): void {
    this.#point?.takeShown();
    this.#point?.advance(mark);
    this.#goLive();
  }

  /** Writes a comment; for a live stream it moves the place to resume at. */
  heartbeat(mark: FeedMark): void {
    const point = this.#held === null ? this.#point : null;
    point?.advance(mark);
    this.writer.write(heartbeatText(point === null ? null : this.#idOf(point)));
  }

  #begin(): void {
    if (this.writer.hasBegun) return;
    this.writer.begin();
    this.writer.write(STREAM_START);
  }

  #goLive(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const { event, mark } of held) this.#show(event, mark);
  }

  #show(event: Event, mark: FeedMark): void {
    const point = this.#point;
    assert(point !== null, "a stream that shows changes stands somewhere");
    const changed = event.wallets.filter(({ wallet }) => {
      const owner = ownerOf(wallet);
      return this.#owners.has(owner) && !point.has(event.id, owner);
    });
    if (changed.length === 0) {
      point.advance(mark);
      return;
    }
    const shown = point.takeShown();
    const before = this.#idOf(point);
    point.advance(mark);
    const end = changed.length - 1;
    for (const [index, balances] of changed.entries()) {
      if (index < shown) continue;
      const id = index === end ? this.#idOf(point) : `${before}.+${index + 1}`;
      this.writer.write(changeText(event, balances, id));
    }
  }

  #idOf(point: ResumePoint): string {
    return point.text(this.facts);
  }
}
