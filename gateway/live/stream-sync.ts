// Brings a stream to the present: by what its reader missed, if the event stream still has it, else by the state.
//
//   a place ► the tenant's feed ► join, which holds changes back ► what was missed, or the state ► live
//
// Joining comes before reading, so nothing is lost between the two.
// Invariant: an error leaves nothing written, except to a stream that had begun before; at most SYNCS_MAX at once.

import { setImmediate as nextTurn } from "node:timers/promises";
import { type Coffer, CofferEventsGone, type EventFeed, type OwnerAt } from "../../client/mod.ts";
import type { OwnerName } from "../../protocol/names.ts";
import { Problem } from "../problem.ts";
import {
  CHANGES_A_TURN,
  RESUME_MESSAGES_MAX,
  RESUMES_WAITING_MAX,
  SNAPSHOT_WALLETS_MAX,
  SYNC_WAIT_MS,
  SYNCS_MAX,
} from "./live-settings.ts";
import type { LiveStream } from "./live-stream.ts";
import type { FeedMark, ResumePoint } from "./resume-point.ts";
import type { TenantFeeds } from "./tenant-feeds.ts";
import { Turnstile } from "./turnstile.ts";

/** How long one read of an owner's state is tried, ms. */
const READ_MS = 5_000;

/** Where a stream begins. */
export interface SyncOrder {
  /** Where its reader stopped; null = nowhere that is known. */
  readonly point: ResumePoint | null;
  /** Whether its reader may have missed changes when it gets the state. */
  readonly isReset: boolean;
}

/** See the file header. */
export class StreamSync {
  readonly #feeds: TenantFeeds;
  readonly #gate = new Turnstile(SYNCS_MAX);

  constructor(feeds: TenantFeeds) {
    this.#feeds = feeds;
  }

  /** See the file header. Errors: CofferError, Problem `busy`, `wallet_not_found`, `too_large`. */
  async run(stream: LiveStream, client: Coffer, { point, isReset }: SyncOrder): Promise<void> {
    // A state is one question an owner, what was missed is a part of the whole tenant's events.
    const isCrowded = this.#gate.waiting >= RESUMES_WAITING_MAX;
    if (!(await this.#gate.enter(SYNC_WAIT_MS)))
      throw new Problem("busy", { detail: "too many streams begin" });
    try {
      const feed = await this.#feeds.opened(stream.facts.tenant, client);
      if (stream.writer.isClosed) return;
      feed.join(stream);
      if (point !== null && !isCrowded && (await catchUp(stream, client, point))) return;
      const { sequence } = feed.mark([]);
      await showState(stream, client, { sequence, isReset });
    } finally {
      this.#gate.leave();
    }
  }
}

/** Writes what a reader missed; `false` when the event stream does not have it, or not soon. Errors: CofferError. */
async function catchUp(stream: LiveStream, client: Coffer, point: ResumePoint): Promise<boolean> {
  const gap = client.events({
    from: point.position,
    isWanted: (owner) => stream.shows(owner),
    catchUpMax: RESUME_MESSAGES_MAX,
  });
  let isLate = false;
  const bound = setTimeout(() => {
    isLate = true;
    gap.stop();
  }, SYNC_WAIT_MS);
  let changes = 0;
  try {
    for await (const event of gap) {
      if (stream.writer.isClosed) return true;
      if (!stream.writer.hasBegun) stream.resumeAt(point);
      stream.showMissed(event, markOf(gap, stream));
      changes += event.wallets.length;
      if (changes < CHANGES_A_TURN) continue;
      changes = 0;
      await nextTurn();
    }
  } catch (thrown) {
    if (thrown instanceof CofferEventsGone) return false;
    throw thrown;
  } finally {
    clearTimeout(bound);
  }
  if (isLate) return false;
  if (!stream.writer.hasBegun) stream.resumeAt(point);
  stream.endMissed(markOf(gap, stream));
  return true;
}

function markOf(feed: EventFeed, { facts }: LiveStream): FeedMark {
  return { sequence: feed.sequence, last: facts.shards.flatMap((shard) => feed.last(shard) ?? []) };
}

/** Reads all owners and writes them. Errors: as `run`. */
async function showState(
  stream: LiveStream,
  client: Coffer,
  { sequence, isReset }: { readonly sequence: number; readonly isReset: boolean },
): Promise<void> {
  const reads = stream.facts.owners.map(async (owner): Promise<[OwnerName, OwnerAt]> => {
    return [owner, await client.owner(owner, { deadlineMs: READ_MS })];
  });
  const owners = new Map(await Promise.all(reads));
  if (stream.writer.isClosed) return;
  if (!stream.writer.hasBegun) assertShowable(owners);
  stream.showState(sequence, owners, isReset);
}

/** Errors: Problem `wallet_not_found` for an owner without wallets, `too_large` for too many of them. */
function assertShowable(owners: ReadonlyMap<OwnerName, OwnerAt>): void {
  let count = 0;
  for (const [owner, { wallets }] of owners) {
    if (wallets.length === 0) throw new Problem("wallet_not_found", { detail: owner, final: false });
    count += wallets.length;
  }
  if (count > SNAPSHOT_WALLETS_MAX) throw new Problem("too_large", { detail: "owner" });
}
