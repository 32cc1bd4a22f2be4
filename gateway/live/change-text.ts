// The messages of a stream of live events as text (server-sent events): a snapshot, a change of one wallet, a comment.
// Their data is one line of JSON each; amounts and versions are decimal text as everywhere.

import type { OwnerAt } from "../../client/mod.ts";
import type { Event } from "../../protocol/event.ts";
import { boundText } from "../../protocol/money.ts";
import type { OwnerName } from "../../protocol/names.ts";
import type { Balances } from "../../protocol/outcome.ts";
import { asOfToJson, walletToJson } from "../../protocol/read-answer.ts";
import { timeText } from "../../protocol/time-text.ts";

/** What a stream begins with: how long a browser waits before it comes back, ms. */
export const STREAM_START = "retry: 1000\n\n";

/** The wallets of all owners, each owner's at one instant. @param isReset whether changes before it may be missing */
export function snapshotText(owners: ReadonlyMap<OwnerName, OwnerAt>, id: string, isReset: boolean): string {
  const shown = [...owners].map(([owner, { wallets, asOf }]) => ({
    owner,
    asOf: asOfToJson(asOf),
    wallets: wallets.map((wallet) => walletToJson(wallet, { withMeta: false })),
  }));
  const data = JSON.stringify({ ...(isReset ? { reset: true } : {}), owners: shown });
  return `event: snapshot\nid: ${id}\ndata: ${data}\n\n`;
}

/** One wallet after an event. */
export function changeText(event: Event, balances: Balances, id: string): string {
  const { wallet, posted, held, incoming, available, version } = balances;
  const { op, command, status, ref, timeMs } = event;
  const data = JSON.stringify({
    wallet,
    posted: posted.toString(),
    held: held.toString(),
    incoming: incoming.toString(),
    available: boundText(available),
    version: version.toString(),
    op,
    command,
    status,
    ...(ref === null ? {} : { ref }),
    time: timeText(timeMs),
  });
  return `event: change\nid: ${id}\ndata: ${data}\n\n`;
}

/** Says that the stream lives, and moves the place to resume at without a message. */
export function heartbeatText(id: string | null): string {
  return id === null ? ": heartbeat\n\n" : `: heartbeat\nid: ${id}\n\n`;
}
