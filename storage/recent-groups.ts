// The newest groups of one pair's outbox, kept in memory so that sending and acknowledging need not read back what
// was just written. Only a cache of the outbox: whatever it does not hold is read from the file. Bounded: beyond
// GROUPS_BYTES_MAX everything is let go at once, and a peer that is that far behind is served from the file.

/** One group of the outbox. */
export interface OutboxGroup {
  /** The last item's number. */
  readonly number: number;
  /** How many items it has. */
  readonly items: number;
  readonly body: Uint8Array;
  /** The pair's running hash at the last item. */
  readonly hash: Uint8Array;
}

/** Bytes of groups kept for one pair. */
const GROUPS_BYTES_MAX = 4 * 1024 * 1024;
/** What a group costs in memory beyond its body. */
const GROUP_BYTES = 300;

/** See the file header. Groups are consecutive and end with the newest one. */
export class RecentGroups {
  #groups: OutboxGroup[] = [];
  #bytes = 0;

  /** Keeps the group that follows the newest one. */
  add(group: OutboxGroup): void {
    if (this.#bytes > GROUPS_BYTES_MAX) {
      this.#groups = [];
      this.#bytes = 0;
    }
    this.#groups.push(group);
    this.#bytes += group.body.length + GROUP_BYTES;
  }

  /** The group that ends with an item, or undefined. */
  endingAt(number: number): OutboxGroup | undefined {
    const group = this.#groups[this.#placeOf(number)];
    return group?.number === number ? group : undefined;
  }

  /** The groups from the one that starts with an item; null when that one is not held (or starts elsewhere). */
  from(first: number): readonly OutboxGroup[] | null {
    const place = this.#placeOf(first);
    const group = this.#groups[place];
    return group && group.number - group.items + 1 === first ? this.#groups.slice(place) : null;
  }

  /** Forgets groups up to an item. */
  dropUpTo(number: number): void {
    for (const { body } of this.#groups.splice(0, this.#placeOf(number + 1))) {
      this.#bytes -= body.length + GROUP_BYTES;
    }
  }

  /** The place of the first group that ends with this item or a later one. */
  #placeOf(number: number): number {
    let low = 0;
    let high = this.#groups.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const ends = this.#groups[middle]?.number ?? 0;
      if (ends < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
