// The stored form of the money that an item carries: asset and amount, any size. Owns the layout; does not own
// what the money means (see the transits of a step). Amounts are text, because sums may lie beyond int64: a
// column of SQLite would refuse them or, worse, turn them into floats.

import type { ItemMoney } from "../protocol/item.ts";
import type { AssetName } from "../protocol/names.ts";
import { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";

/** Writes an item's money. */
export function writeMoney(writer: ByteWriter, money: readonly ItemMoney[]): void {
  writer.varint(money.length);
  for (const { asset, amount } of money) {
    writer.text(asset);
    writer.integer(amount);
  }
}

/** Reads an item's money; null = none. Errors: `StorageFault("corrupt")`. */
export function readMoney(body: Uint8Array | null): ItemMoney[] {
  if (body === null) return [];
  const reader = new ByteReader(body, "an item's money");
  const money = reader.list(() => ({ asset: reader.name<AssetName>(), amount: reader.integer() }));
  reader.end();
  return money;
}
