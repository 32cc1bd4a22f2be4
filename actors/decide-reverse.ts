// Decides reverses: the opposite legs of a posted transfer, or of what a hold's captures moved, judged as a
// transfer's are. The addressed owner's shard coordinates although it is credited; what a reverse under way
// takes counts as reversed, so that two of them never move the same money back.

import { assert } from "../protocol/assert.ts";
import type { ReverseCommand } from "../protocol/command.ts";
import { type Outcome, type Refusal, refusal } from "../protocol/outcome.ts";
import type { Claimed } from "./decide-transfer.ts";
import { legAmount } from "./hold-funds.ts";
import { judgeMove, PLAIN_RULES } from "./judge-legs.ts";
import type { Ledger, WalletChange } from "./ledger.ts";
import { type MoveTally, numberedLegs, peersOf, reservationOf, soleLeg, tallyMove } from "./move-tally.ts";
import { reversePlainMove } from "./plain-hold.ts";
import { putReversed, type Reversible, reverseStep, reversibleOf } from "./reversible.ts";
import { startSaga } from "./saga-start.ts";
import { balancesOfAll, refusedOutcome, settledOutcome } from "./terminal-outcome.ts";

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
  return reverse(ledger, claimed, reversePlainMove);
}

/** {@link decideReverse} for whatever is reversed: what the short way is held against. */
export function reverseTheLongWay(ledger: Ledger, claimed: Claimed<ReverseCommand>): Outcome | null {
  return reverse(ledger, claimed, () => undefined);
}

function reverse(
  ledger: Ledger,
  claimed: Claimed<ReverseCommand>,
  plain: typeof reversePlainMove,
): Outcome | null {
  const { tenant, command } = claimed;
  const target = reversibleOf(ledger, ledger.commandNumber(tenant, command.owner, command.transfer));
  const units = judgeReverse(target, command);
  if (typeof units !== "bigint") return refusedOutcome(ledger, command, units);
  assert(target !== undefined, "only a known transfer is reversed");
  return plain(ledger, claimed, { target, units }) ?? reverseMove(ledger, claimed, { target, units });
}

function reverseMove(
  ledger: Ledger,
  claimed: Claimed<ReverseCommand>,
  { target, units }: { readonly target: Reversible; readonly units: bigint },
): Outcome | null {
  const { tenant, command } = claimed;
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
  ledger.append(reverseStep(target, { tenant, command, changes }));
  return settledOutcome(ledger, command, "reversed", balancesOfAll(move.wallets));
}
