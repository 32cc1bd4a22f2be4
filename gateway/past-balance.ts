// A wallet's balance at a time that has passed: that of its newest entry which is not younger.
//
// Entries are a chain from the newest to the oldest, so this walks back from now, over PAGES_MAX pages: about 29,500
// entries; what lies further back is in the pages of /entries, which can be gone through.
// Invariant: entries never change, so an answer for a time before its instant is the same for ever.

import type { Coffer } from "../client/mod.ts";
import type { Entry } from "../protocol/entry.ts";
import { ENTRIES_PAGE_MAX } from "../protocol/limits.ts";
import type { WalletName } from "../protocol/names.ts";
import type { AsOf } from "../protocol/read-answer.ts";
import { TIME_MS_MAX, timeText } from "../protocol/time-text.ts";
import { Problem } from "./problem.ts";
import { READ_DEADLINE_MS } from "./read-answer.ts";

/** Pages that one question may read. */
const PAGES_MAX = 60;
/** Most questions are about a time not long ago. */
const FIRST_PAGE = 20;

/** A balance of the past, and the instant up to which the wallet was looked at. */
export interface PastBalance {
  readonly json: Readonly<Record<string, unknown>>;
  readonly asOf: AsOf;
}

/**
 * Reads a wallet's balance at a time in ms since 1970; null when there was no such wallet then.
 * Errors: Problem `too_far_back`; CofferError.
 */
export async function pastBalance(
  client: Coffer,
  name: WalletName,
  atMs: number,
): Promise<PastBalance | null> {
  const deadlineMs = READ_DEADLINE_MS;
  const wallet = await client.wallet(name, { deadlineMs });
  if (wallet === null || atMs < 0 || atMs > TIME_MS_MAX) return null;
  let cursor: string | null = null;
  let asOf: AsOf | null = null;
  let looked = 0;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const limit = page === 0 ? FIRST_PAGE : ENTRIES_PAGE_MAX;
    const pages = client.entries(name, { deadlineMs, limit, ...(cursor === null ? {} : { cursor }) });
    const read = await pages.next();
    if (read.done === true) return null;
    asOf ??= read.value.asOf;
    looked += read.value.elements.length;
    const found = read.value.elements.find(({ timeMs }) => timeMs <= atMs);
    if (found !== undefined) return { json: pastJson(found, wallet, atMs), asOf };
    cursor = read.value.next;
    if (cursor === null) return null;
  }
  throw new Problem("too_far_back", {
    detail: `more than ${looked} changes since then`,
  });
}

function pastJson(
  { balance, version, timeMs }: Entry,
  { wallet, asset }: { readonly wallet: string; readonly asset: string },
  atMs: number,
): PastBalance["json"] {
  return {
    wallet,
    asset,
    at: timeText(atMs),
    posted: balance.posted.toString(),
    held: balance.held.toString(),
    incoming: balance.incoming.toString(),
    version: version.toString(),
    time: timeText(timeMs),
  };
}
