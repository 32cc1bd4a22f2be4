// Looks up the wallets that a turn's commands name, and loads those that are not in memory in one query per tenant
// instead of one per wallet. Only a matter of speed: the ledger looks up whatever this leaves out.

import type { Command } from "../protocol/command.ts";
import type { TenantName } from "../protocol/names.ts";
import type { ShardFile } from "../storage/shard-file.ts";
import type { WalletTable } from "../storage/wallet-table.ts";
import type { TurnRecord } from "./turn-record.ts";

/** Looks up what `records` name. Inside the turn's transaction. */
export function prefetchWallets({ ledger: { wallets } }: ShardFile, records: readonly TurnRecord[]): void {
  for (const { record } of records) {
    if (record.kind !== "commands") continue;
    for (const decoded of record.commands) {
      if ("command" in decoded) expectWallets(wallets, record.tenant, decoded.command);
    }
  }
  wallets.loadExpected();
}

function expectWallets(wallets: WalletTable, tenant: TenantName, command: Command): void {
  if (command.op === "transfer") {
    const { id, legs } = command;
    const [leg] = legs;
    if (leg !== undefined && legs.length === 1) {
      wallets.expectPair(tenant, id, leg);
      return;
    }
    for (const { from, to } of legs) {
      wallets.expect(tenant, from);
      wallets.expect(tenant, to);
    }
  } else if ("wallet" in command) {
    wallets.expect(tenant, command.wallet);
  }
}
