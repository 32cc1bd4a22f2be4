// Holds and entries as reads show them, and how large their JSON can be at most, so that a page ends before a
// message would be too large. The sizes are upper bounds, not measured text: reads leave encoding to the engine.

import type { Hold } from "../actors/ledger.ts";
import { assert } from "../protocol/assert.ts";
import type { Entry, HoldLegView, HoldView } from "../protocol/entry.ts";

/** JSON bytes of an entry without its texts: names, numbers of up to 20 digits, two ids, a time. */
const ENTRY_BYTES = 512;
/** JSON bytes of a hold without its texts and legs. */
const HOLD_BYTES = 256;
/** JSON bytes of a hold's leg without its wallets. */
const LEG_BYTES = 160;

/** A hold as reads show it. Errors: asserts that it was placed. */
export function holdViewOf(hold: Hold): HoldView {
  const { status } = hold;
  assert(status !== "placing" && status !== "refused", "only placed holds are shown");
  const isSingle = hold.legs.length === 1;
  const legs = hold.legs.map((leg): HoldLegView => {
    const unit = isSingle ? 1n : leg.amount;
    const remaining = status === "open" ? hold.left * unit : 0n;
    return { ...leg, remaining, captured: hold.captured * unit };
  });
  const { id, expiresMs, code, ref, meta } = hold;
  return { id, status, legs, expiresMs, code, ref, meta };
}

/** An upper bound of the JSON bytes of a hold. */
export function holdBytes(view: HoldView): number {
  let bytes = HOLD_BYTES + textBytes(view.code) + textBytes(view.ref) + (view.meta?.length ?? 0) * 3;
  for (const { from, to } of view.legs) bytes += LEG_BYTES + from.length + to.length;
  return bytes;
}

/** An upper bound of the JSON bytes of an entry. */
export function entryBytes(entry: Entry): number {
  return ENTRY_BYTES + textBytes(entry.code) + textBytes(entry.ref) + (entry.counterparty?.length ?? 0);
}

/** JSON bytes of a text with its escapes. */
function textBytes(text: string | null): number {
  return text === null ? 4 : Buffer.byteLength(JSON.stringify(text));
}
