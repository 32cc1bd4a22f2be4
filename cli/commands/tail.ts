// `coffer tail`: the tenant's events as they come, one a line. Each line carries a mark to go on from, so that a
// reader that was stopped misses nothing and sees nothing twice.
//
// Does not own the order (per shard, at least once made exactly once by the client's feed).

import type { Event } from "../../protocol/event.ts";
import { eventIdText, eventText } from "../../protocol/event.ts";
import type { CliCommand, Invocation } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { usageFailure } from "../failure.ts";
import type { Json } from "../output.ts";
import { sessionOf, withCoffer } from "../session.ts";
import { wholeIn } from "../value.ts";

const MARK = /^[A-Za-z0-9_-]{1,65536}$/;

/** The command. */
export const tailCommand: CliCommand = {
  path: "tail",
  summary: "Follow the tenant's events",
  details: `One event for each command or step that changed a wallet; refusals make none. In order per shard. Ends on Ctrl-C
with 0. Events are kept for a bounded time: going on from a mark that is too old ends with events_gone (exit 1).`,
  arguments: [],
  flags: [
    {
      name: "--from",
      value: "MARK",
      summary: 'now (default), start (the oldest kept), or the "resume" of an earlier line',
    },
    { name: "--count", value: "N", summary: "end after this many events" },
  ],
  examples: [
    { line: "tail", does: "what happens from now on" },
    { line: "tail --from start --count 100 --json", does: "the oldest hundred, as JSON lines" },
    { line: "tail --json --from MARK", does: "go on after the line whose resume was MARK" },
  ],
  run: async (invocation) => {
    const { parsed, surroundings } = invocation;
    const from = startOf(parsed.text("--from") ?? "now");
    const count = parsed.text("--count");
    const countMax =
      count === null ? Number.POSITIVE_INFINITY : wholeIn(count, { min: 1, max: 1_000_000_000 });
    return await withCoffer(sessionOf(invocation), async (coffer) => {
      const feed = coffer.events({ from });
      const stop = (): void => feed.stop();
      surroundings.interrupted.addEventListener("abort", stop, { once: true });
      let shown = 0;
      for await (const event of feed) {
        show(invocation, event, feed.position);
        shown += 1;
        if (shown >= countMax || surroundings.stdout.isBroken()) break;
      }
      surroundings.interrupted.removeEventListener("abort", stop);
      return EXIT.done;
    });
  },
};

/** What the feed takes: the words as they are, a mark as the position that it stands for. */
function startOf(mark: string): string {
  if (mark === "now" || mark === "start") return mark;
  if (!MARK.test(mark)) throw usageFailure("--from is now, start, or the resume of an earlier line.");
  return Buffer.from(mark, "base64url").toString("utf8");
}

function show({ output }: Invocation, event: Event, position: string): void {
  const resume = Buffer.from(position, "utf8").toString("base64url");
  const json: { readonly [field: string]: Json } = JSON.parse(eventText(event));
  const wallets = event.wallets.map(
    ({ wallet, posted, held }) => `${wallet}=${posted}${held === 0n ? "" : ` held ${held}`}`,
  );
  const ref = event.ref === null ? "" : `  ref ${JSON.stringify(event.ref)}`;
  const text = [
    new Date(event.timeMs).toISOString(),
    eventIdText(event.id),
    event.op,
    event.status,
    event.command,
    wallets.join(" "),
  ].join("  ");
  output.result({ ...json, resume }, `${text}${ref}`);
}
