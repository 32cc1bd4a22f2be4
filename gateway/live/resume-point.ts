// Where a reader of live events stands, and its text: the `id` of an SSE message, which a browser gives back as
// `Last-Event-ID`. Everything is in the text, so any gateway can go on where another one stopped, also after a restart.
//
//   1.<whose>.<sequence>.<shard>-<position>-<index>.….~<owner>-<shard>-<position>.….+<changes>
//
// A part for each shard that holds wallets of the owners; a part with ~ for each owner (by place in their sorted list)
// whose snapshot showed more than the event that its shard stands at: owners are read one after the other. The part
// with + counts the changes of the next event that were shown already: an event may change several wallets.
// `whose` is a hash of cluster, tenant and owners: what was given out for others, or by another installation, is
// nothing. It is no secret and proves nothing: who makes one up can only ask for other events of his own.
// Invariant: text of another version, too long, or not exactly as it is written here is null, never a guess.

import { EventPosition } from "../../client/event-position.ts";
import { parseDecimal } from "../../protocol/decimal.ts";
import { hash16 } from "../../protocol/digest.ts";
import { compareEventIds, type EventId } from "../../protocol/event.ts";
import type { OwnerName } from "../../protocol/names.ts";
import type { AsOf } from "../../protocol/read-answer.ts";

const VERSION = "1";
/** Bytes of the hash. */
const WHOSE_BYTES = 9;
/** Characters of a text: 100 owners on as many shards fit. */
export const RESUME_CHARS_MAX = 8_192;
/** More than the changes of one event: 64 legs change 128 wallets. */
const CHANGES_MAX = 1_000;
/** Comes after every event of a record: a record has fewer events. */
const AFTER_ALL = 1_000_000;

/** Whose events a point stands in. */
export interface Whose {
  readonly cluster: string;
  readonly tenant: string;
  /** Sorted, without repeats. */
  readonly owners: readonly OwnerName[];
}

/** How far a feed of events is: through with the stream up to a message, and with shards up to an event. */
export interface FeedMark {
  readonly sequence: number;
  readonly last: readonly EventId[];
}

/** Everything up to this position of its shard was in the owner's snapshot. */
interface Floor {
  readonly shard: number;
  readonly position: number;
}

/** What a text is read and written with: the mark, and the sorted owners that it was made of. */
export interface PointContext {
  readonly whose: string;
  readonly owners: readonly OwnerName[];
}

/** The mark of cluster, tenant and owners in texts. */
export function whoseText({ cluster, tenant, owners }: Whose): string {
  const text = [cluster, tenant, ...owners].join("\n");
  return Buffer.from(hash16(Buffer.from(text)).subarray(0, WHOSE_BYTES)).toString("base64url");
}

/** See the file header. */
export class ResumePoint {
  #sequence: number;
  readonly #last = new Map<number, EventId>();
  readonly #floors = new Map<OwnerName, Floor>();
  #shown = 0;

  private constructor(sequence: number) {
    this.#sequence = sequence;
  }

  /** Where a reader stands who read the owners' state at these instants while the stream was read up to `sequence`. */
  static ofState(sequence: number, instants: ReadonlyMap<OwnerName, AsOf>): ResumePoint {
    const point = new ResumePoint(sequence);
    for (const { shard, position } of instants.values()) {
      const id = { shard, position, index: AFTER_ALL };
      const known = point.#last.get(shard);
      if (known === undefined || compareEventIds(id, known) < 0) point.#last.set(shard, id);
    }
    for (const [owner, { shard, position }] of instants)
      if (position > (point.#last.get(shard)?.position ?? 0)) point.#floors.set(owner, { shard, position });
    return point;
  }

  /** The point that a text names, null when it is none of these owners'. Never throws. */
  static parse(text: string, { whose, owners }: PointContext): ResumePoint | null {
    if (text.length > RESUME_CHARS_MAX) return null;
    const [version, mark, sequenceText, ...parts] = text.split(".");
    const sequence = parseDecimal(sequenceText);
    if (version !== VERSION || mark !== whose || sequence === undefined || parts.length === 0) return null;
    const point = new ResumePoint(sequence);
    return parts.every((part) => point.#read(part, owners)) ? point : null;
  }

  /**
   * The text; about 50 characters for one shard.
   * @param whose its mark and its owners, as for `parse`
   */
  text({ whose, owners }: PointContext): string {
    let text = `${VERSION}.${whose}.${this.#sequence}`;
    for (const { shard, position, index } of this.#last.values()) text += `.${shard}-${position}-${index}`;
    for (const [owner, { shard, position }] of this.#floors)
      text += `.~${owners.indexOf(owner)}-${shard}-${position}`;
    return text;
  }

  /** The position to follow events from, as the client library takes it. */
  get position(): string {
    return new EventPosition(this.#sequence, this.#last).text();
  }

  /** Whether the reader has what an event did to an owner's wallets. Never throws. */
  has(id: EventId, owner: OwnerName): boolean {
    const last = this.#last.get(id.shard);
    if (last !== undefined && compareEventIds(id, last) <= 0) return true;
    const floor = this.#floors.get(owner);
    return floor !== undefined && id.position <= floor.position;
  }

  /** The reader is through with all that a feed is through with. It never goes back. */
  advance({ sequence, last }: FeedMark): void {
    this.#sequence = Math.max(this.#sequence, sequence);
    for (const id of last) {
      const known = this.#last.get(id.shard);
      if (known === undefined || compareEventIds(id, known) > 0) this.#last.set(id.shard, id);
    }
    for (const [owner, { shard, position }] of this.#floors)
      if ((this.#last.get(shard)?.position ?? 0) > position) this.#floors.delete(owner);
  }

  /** How many changes of the next event the reader has, told once. */
  takeShown(): number {
    const shown = this.#shown;
    this.#shown = 0;
    return shown;
  }

  /** Takes one part of a text in; `false` when it is none. */
  #read(part: string, owners: readonly OwnerName[]): boolean {
    if (part.startsWith("+")) {
      this.#shown = parseDecimal(part.slice(1)) ?? CHANGES_MAX;
      return this.#shown < CHANGES_MAX;
    }
    const isFloor = part.startsWith("~");
    const numbers = part
      .slice(isFloor ? 1 : 0)
      .split("-", 4)
      .map(parseDecimal);
    const [first, second, third] = numbers;
    if (numbers.length !== 3 || first === undefined || second === undefined || third === undefined)
      return false;
    if (!isFloor) {
      this.#last.set(first, { shard: first, position: second, index: third });
      return true;
    }
    const owner = owners[first];
    if (owner !== undefined) this.#floors.set(owner, { shard: second, position: third });
    return owner !== undefined;
  }
}
