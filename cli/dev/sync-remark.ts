// One sentence about when the server syncs, measured against what the profile promises. An open question is said,
// never assumed away.

import type { SyncFinding } from "../../cluster/mapping-probe.ts";
import type { Durability } from "../../protocol/info.ts";

/** The sentence. Never throws. */
export function syncRemark(sync: SyncFinding, durability: Durability): string {
  if (sync === "unverified") return "Its sync mode is unverified: its monitoring port does not answer.";
  if (sync === "always") return "It syncs before each acknowledgement.";
  return durability === "relaxed"
    ? "It syncs at an interval, as relaxed expects."
    : "It syncs at an INTERVAL: commands that were only accepted may be lost by a power cut, whatever strict says. Set sync_interval: always.";
}
