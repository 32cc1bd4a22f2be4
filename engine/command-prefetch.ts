// Looks the ids of a turn's commands up in the command index all at once, because the look-ups of one claim
// after the other wait for memory. Behind the wallets, which know their owners' numbers. Only a matter of speed: a claim looks up by itself whatever this leaves out.

import type { Command } from "../protocol/command.ts";
import type { TenantName } from "../protocol/names.ts";
import { isOwnedBy } from "../protocol/names.ts";
import type { ShardFile } from "../storage/shard-file.ts";
import type { ShardLedger } from "../storage/shard-ledger.ts";
import type { TurnRecord } from "./turn-record.ts";

/** Looks up what `records` claim. Inside the turn's transaction. */
export function prefetchCommands({ ledger }: ShardFile, records: readonly TurnRecord[]): void {
  for (const { record } of records) {
    if (record.kind !== "commands") continue;
    for (const decoded of record.commands) {
      if ("command" in decoded) expectCommand(ledger, record.tenant, decoded.command);
    }
  }
  ledger.wallets.rewind();
  ledger.commands.lookUpExpected();
}

function expectCommand({ wallets, commands }: ShardLedger, tenant: TenantName, command: Command): void {
  const { owner, id } = command;
  const leg = command.op === "transfer" ? command.legs[0] : undefined;
  wallets.seek(id);
  const wallet = leg && isOwnedBy(leg.from, owner) ? wallets.expected(tenant, leg.from) : undefined;
  commands.expect(tenant, owner, id, wallet);
}
