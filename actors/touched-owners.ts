// Which owners a record touches, in the order first named: their due timers fire before others. Reads the
// record alone, so it is the same for every grouping of records into turns.

import type { DecodedCommandOrRefusal } from "../protocol/decoded-command.ts";
import { isRefusedShape } from "../protocol/decoded-command.ts";
import { decodeItems } from "../protocol/item-codec.ts";
import { type OwnerName, ownerOf, type TenantName, type WalletName } from "../protocol/names.ts";
import type { ShardRecord } from "./shard-record.ts";

/** An owner that a record touches. */
export interface TouchedOwner {
  readonly tenant: TenantName;
  readonly owner: OwnerName;
}

/** The owners of a record: addressed ones and those of legs. Groups that do not decode touch nobody. Never throws. */
export function touchedOwners(record: ShardRecord): readonly TouchedOwner[] {
  if (record.kind === "tick") return record.tick.touches;
  const touched = new TouchedSet();
  if (record.kind === "commands")
    for (const command of record.commands) touchCommand(touched, record.tenant, command);
  if (record.kind === "peer") for (const group of record.frame.groups) touchItems(touched, group);
  return touched.list();
}

class TouchedSet {
  readonly #owners = new Map<string, TouchedOwner>();

  add(tenant: TenantName, owner: OwnerName): void {
    const key = `${tenant}/${owner}`;
    if (!this.#owners.has(key)) this.#owners.set(key, { tenant, owner });
  }

  addLegs(tenant: TenantName, legs: readonly { from: WalletName; to: WalletName }[]): void {
    for (const { from, to } of legs) {
      this.add(tenant, ownerOf(from));
      this.add(tenant, ownerOf(to));
    }
  }

  list(): TouchedOwner[] {
    return [...this.#owners.values()];
  }
}

function touchCommand(touched: TouchedSet, tenant: TenantName, decoded: DecodedCommandOrRefusal): void {
  if (isRefusedShape(decoded)) return;
  const { command } = decoded;
  touched.add(tenant, command.owner);
  if (command.op === "transfer") touched.addLegs(tenant, command.legs);
}

function touchItems(touched: TouchedSet, group: Uint8Array): void {
  const items = decodeItems(group);
  if (!items.ok) return;
  for (const item of items.value) if ("legs" in item) touched.addLegs(item.tenant, item.legs);
}
