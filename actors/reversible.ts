// What can be reversed: a posted transfer, or what a hold's captures moved; and how much of it was. Does not own
// judging and moving it back (decide-reverse, plain-hold).

import { assert } from "../protocol/assert.ts";
import type { Leg, ReverseCommand } from "../protocol/command.ts";
import { decodeContent } from "../protocol/command-content.ts";
import type { CommandId } from "../protocol/command-id.ts";
import type { AssetName, TenantName } from "../protocol/names.ts";
import type { Hold, Ledger, Step, WalletChange } from "./ledger.ts";

/** What can be reversed. Units: minor units for one leg; for several 1 = all of it. */
export interface Reversible {
  readonly number: number;
  readonly id: CommandId;
  /** As they were moved. */
  readonly legs: readonly Leg[];
  /** Of the legs, where they are known; empty = none. */
  readonly assets: readonly AssetName[];
  readonly code: string | null;
  readonly ref: string | null;
  /** The hold whose captures moved it, or null for a transfer. */
  readonly hold: Hold | null;
  readonly moved: bigint;
  /** Reversed, or in a reverse under way. */
  readonly reversed: bigint;
}

/** Only settled transfers and holds with captures; ids of other commands are not found. Errors: the ledger's only. */
export function reversibleOf(ledger: Ledger, number: number | undefined): Reversible | undefined {
  if (number === undefined) return undefined;
  const loaded = ledger.loadedHold(number);
  if (loaded) return reversibleHold(loaded);
  const { id, owner, content, outcome } = ledger.command(number);
  if (outcome?.op !== "transfer" || outcome.status === "refused") return undefined;
  if (outcome.status !== "posted") {
    const hold = ledger.hold(number);
    return hold && reversibleHold(hold);
  }
  const transfer = decodeContent(content, { id, owner });
  assert(transfer.ok && transfer.value.op === "transfer", "a transfer's content is a transfer");
  const { legs, code, ref } = transfer.value;
  const moved = legs.length === 1 ? (legs[0]?.amount ?? 0n) : 1n;
  return { number, id, legs, assets: [], code, ref, hold: null, moved, reversed: ledger.reversed(number) };
}

function reversibleHold(hold: Hold): Reversible {
  const { number, id, legs, assets, code, ref, captured, reversed } = hold;
  return { number, id, legs, assets, code, ref, hold, moved: captured, reversed };
}

/** Stores how much of it is reversed or in a reverse under way. Errors: the ledger's only. */
export function putReversed(ledger: Ledger, target: Reversible, units: bigint): void {
  if (target.hold) ledger.putHold({ ...target.hold, reversed: units });
  else ledger.putReversed(target.number, units);
}

/** The step that moves it back at once. */
export function reverseStep(
  target: Reversible,
  about: {
    readonly tenant: TenantName;
    readonly command: ReverseCommand;
    readonly changes: readonly WalletChange[];
  },
): Step {
  const { tenant, command, changes } = about;
  return {
    kind: "reverse",
    tenant,
    owner: command.owner,
    command: command.id,
    op: "reverse",
    status: "reversed",
    transfer: target.id,
    code: target.code,
    ref: target.ref,
    changes,
    transits: [],
  };
}

/** Gives units of a reverse that another shard refused back to its target. Errors: the ledger's only. */
export function giveBackReversed(ledger: Ledger, target: number, units: bigint): void {
  const hold = ledger.hold(target);
  const reversed = (hold ? hold.reversed : ledger.reversed(target)) - units;
  assert(reversed >= 0n, "a reverse gives back what it took");
  if (hold) ledger.putHold({ ...hold, reversed });
  else ledger.putReversed(target, reversed);
}
