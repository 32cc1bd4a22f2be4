// Decides reverses: the opposite legs of a posted transfer, or of what a hold's captures moved, judged as a
// transfer's are. The addressed owner's shard coordinates although it is credited; what a reverse under way
// takes counts as reversed, so that two of them never move the same money back.

import { assert } from "../protocol/assert.ts";
import type { Leg, ReverseCommand } from "../protocol/command.ts";
import { decodeContent } from "../protocol/command-content.ts";
import type { CommandId } from "../protocol/command-id.ts";
import type { AssetName } from "../protocol/names.ts";
import { type Outcome, type Refusal, refusal } from "../protocol/outcome.ts";
import type { Claimed } from "./decide-transfer.ts";
import { legAmount } from "./hold-funds.ts";
import { judgeMove, PLAIN_RULES } from "./judge-legs.ts";
import type { CommandRow, Hold, Ledger, WalletChange } from "./ledger.ts";
import { type MoveTally, numberedLegs, peersOf, reservationOf, soleLeg, tallyMove } from "./move-tally.ts";
import { startSaga } from "./saga-start.ts";
import { balancesOfAll, refusedOutcome, settledOutcome } from "./terminal-outcome.ts";

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

/**
 * Judges what a reverse asks of its target.
 * @returns the units that it takes, or why it may not
 */
export function judgeReverse(target: Reversible | undefined, command: ReverseCommand): Refusal | bigint {
  if (!target || target.moved === 0n) return refusal("transfer_not_found", command.transfer);
  if (command.amount !== null && target.legs.length > 1) return refusal("legs_invalid", "amount");
  const remaining = target.moved - target.reversed;
  if (command.amount !== null && command.amount > remaining)
    return refusal("reverse_exceeds", command.transfer);
  if (remaining === 0n) return refusal("already_reversed", command.transfer);
  return command.amount ?? remaining;
}

/**
 * Decides a reverse.
 * @returns the terminal outcome, or null when other shards have been asked
 * Errors: the ledger's only.
 */
export function decideReverse(ledger: Ledger, claimed: Claimed<ReverseCommand>): Outcome | null {
  const { tenant, command } = claimed;
  const target = reversibleOf(ledger, ledger.findCommand(tenant, command.owner, command.transfer));
  const units = judgeReverse(target, command);
  if (typeof units !== "bigint") return refusedOutcome(ledger, command, units);
  assert(target !== undefined, "only a known transfer is reversed");
  const legs = target.legs.map(({ from, to }, leg) => ({
    from: to,
    to: from,
    amount: legAmount(target, leg, units),
  }));
  const move = tallyMove(ledger, tenant, numberedLegs(legs, target.assets));
  const refused = judgeMove(move, PLAIN_RULES);
  if (refused) return refusedOutcome(ledger, command, refused.refusal);
  putReversed(ledger, target, target.reversed + units);
  const peers = peersOf(move, ledger.shard);
  if (peers.length === 0) return reverseHere(ledger, claimed, target, move);
  const { owner, id, op } = command;
  const own = move.wallets.map((tally) => reservationOf(tally, true));
  const subject = {
    number: claimed.number,
    tenant,
    owner,
    command: id,
    op,
    code: target.code,
    ref: target.ref,
  };
  const taken = { target: target.number, transfer: target.id, amount: units, final: false };
  startSaga(ledger, { ...subject, ...taken, move: "reverse", own, peers, tally: move, ifVersion: null });
  return null;
}

function reverseHere(
  ledger: Ledger,
  { tenant, command }: Claimed<ReverseCommand>,
  target: Reversible,
  move: MoveTally,
): Outcome {
  const changes = move.wallets.map((tally): WalletChange => {
    assert(tally.wallet !== undefined, "a judged move has all its wallets");
    return {
      wallet: tally.wallet,
      posted: tally.credit - tally.debit,
      held: 0n,
      incoming: 0n,
      ...soleLeg(tally),
    };
  });
  ledger.append({
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
  });
  return settledOutcome(ledger, command, "reversed", balancesOfAll(move.wallets));
}

/** Only settled transfers and holds with captures; ids of other commands are not found. */
function reversibleOf(ledger: Ledger, row: CommandRow | undefined): Reversible | undefined {
  if (row?.outcome?.op !== "transfer") return undefined;
  const { number, id, outcome } = row;
  const hold = ledger.hold(number);
  if (hold) {
    const { legs, assets, code, ref, captured, reversed } = hold;
    return { number, id, legs, assets, code, ref, hold, moved: captured, reversed };
  }
  if (outcome.status !== "posted") return undefined;
  const content = decodeContent(row.content, row);
  assert(content.ok && content.value.op === "transfer", "a transfer's content is a transfer");
  const { legs, code, ref } = content.value;
  const moved = legs.length === 1 ? (legs[0]?.amount ?? 0n) : 1n;
  return { number, id, legs, assets: [], code, ref, hold: null, moved, reversed: ledger.reversed(number) };
}

function putReversed(ledger: Ledger, target: Reversible, units: bigint): void {
  if (target.hold) ledger.putHold({ ...target.hold, reversed: units });
  else ledger.putReversed(target.number, units);
}

/** Gives units of a reverse that another shard refused back to its target. Errors: the ledger's only. */
export function giveBackReversed(ledger: Ledger, target: number, units: bigint): void {
  const hold = ledger.hold(target);
  const reversed = (hold ? hold.reversed : ledger.reversed(target)) - units;
  assert(reversed >= 0n, "a reverse gives back what it took");
  if (hold) ledger.putHold({ ...hold, reversed });
  else ledger.putReversed(target, reversed);
}
