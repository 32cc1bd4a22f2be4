// Looks the ids of a turn's commands up in the command index all at once, because the look-ups of one claim
// after the other wait for memory. Only a matter of speed: a claim looks up by itself whatever this leaves out.

import type { Command } from "../protocol/command.ts";
import type { TenantName } from "../protocol/names.ts";
import type { ShardFile } from "../storage/shard-file.ts";
import type { TurnRecord } from "./turn-record.ts";

/** Looks up what `records` claim. Inside the turn's transaction. */
export function prefetchCommands(file: ShardFile, records: readonly TurnRecord[]): void {
  const claimed = new Map<TenantName, Command[]>();
  for (const { record } of records) {
    if (record.kind !== "commands") continue;
    const commands = claimed.get(record.tenant) ?? [];
    claimed.set(record.tenant, commands);
    for (const decoded of record.commands) {
      if ("command" in decoded) commands.push(decoded.command);
    }
  }
  for (const [tenant, commands] of claimed) file.prefetchCommands(tenant, commands);
}
