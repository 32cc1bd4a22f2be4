// Loads the wallets that a turn's commands name and that are not in memory, in one query per tenant instead
// of one per wallet. Only a matter of speed: the ledger loads whatever this leaves out.

import { isHere } from "../actors/move-tally.ts";
import type { Command } from "../protocol/command.ts";
import type { TenantName, WalletName } from "../protocol/names.ts";
import type { ShardFile } from "../storage/shard-file.ts";
import type { TurnRecord } from "./turn-record.ts";

/** Loads what `records` name into the wallet cache. Inside the turn's transaction. */
export function prefetchWallets(file: ShardFile, records: readonly TurnRecord[]): void {
  const named = new Map<TenantName, WalletName[]>();
  for (const { record } of records) {
    if (record.kind !== "commands") continue;
    const names = named.get(record.tenant) ?? [];
    named.set(record.tenant, names);
    for (const decoded of record.commands) {
      if ("command" in decoded) collect(file, record.tenant, decoded.command, names);
    }
  }
  for (const [tenant, names] of named) file.prefetch(tenant, names);
}

/** Wallets of other shards would be looked for in vain. */
function collect(file: ShardFile, tenant: TenantName, command: Command, names: WalletName[]): void {
  if (command.op === "transfer") {
    for (const { from, to } of command.legs) {
      if (isHere(file.ledger, tenant, from)) names.push(from);
      if (isHere(file.ledger, tenant, to)) names.push(to);
    }
  } else if ("wallet" in command) {
    names.push(command.wallet);
  }
}
