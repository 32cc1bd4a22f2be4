// Decides capture and release, and applies the expiry of holds. Holds are found in the addressed owner's
// scope only. What a hold has reserved always completes: its sources never refuse, its destinations may.

import type { CaptureCommand, ReleaseCommand } from "../protocol/command.ts";
import { type Balances, type Outcome, type Refusal, refusal } from "../protocol/outcome.ts";
import type { Claimed } from "./decide-transfer.ts";
import { addGivenBack, endHold, holdStep, legAmount, StepChanges } from "./hold-funds.ts";
import { CAPTURE_RULES, judgeMove } from "./judge-legs.ts";
import type { Hold, Ledger } from "./ledger.ts";
import {
  isHere,
  type MoveTally,
  numberedLegs,
  peersOf,
  reservationOf,
  soleLeg,
  tallyMove,
} from "./move-tally.ts";
import { type CaptureUnits, capturePlainHold, releasePlainHold } from "./plain-hold.ts";
import { startSaga } from "./saga-start.ts";
import { balancesOfAll, refusedOutcome, settledOutcome } from "./terminal-outcome.ts";
import { balancesOf } from "./wallet.ts";

/** Judges whether a hold is open. A due one counts as expired even when its timer has not run. Never throws. */
export function judgeHold(hold: Hold | undefined, timeMs: number, detail: string): Refusal | null {
  if (!hold || hold.status === "placing" || hold.status === "refused")
    return refusal("hold_not_found", detail);
  if (hold.status === "captured" || hold.status === "released") return refusal("hold_settled", detail);
  if (hold.status === "expired" || hold.expiresMs <= timeMs) return refusal("hold_expired", detail);
  return null;
}

/**
 * Judges what a capture asks of an open hold.
 * @returns the units that it takes (as in `Hold.left`), or why it may not
 */
export function judgeCapture(hold: Hold, command: CaptureCommand): Refusal | bigint {
  if (command.amount !== null && hold.legs.length > 1) return refusal("legs_invalid", "amount");
  const units = command.amount ?? hold.left;
  if (hold.left === 0n || units > hold.left) return refusal("capture_exceeds_hold", command.hold);
  return units;
}

/**
 * Decides a capture.
 * @returns the terminal outcome, or null when other shards have been asked
 * Errors: the ledger's only.
 */
export function decideCapture(ledger: Ledger, claimed: Claimed<CaptureCommand>): Outcome | null {
  return capture(ledger, claimed, capturePlainHold);
}

/** {@link decideCapture} for whatever hold: what the short way is held against. */
export function captureTheLongWay(ledger: Ledger, claimed: Claimed<CaptureCommand>): Outcome | null {
  return capture(ledger, claimed, () => undefined);
}

function capture(
  ledger: Ledger,
  claimed: Claimed<CaptureCommand>,
  plain: typeof capturePlainHold,
): Outcome | null {
  const { command } = claimed;
  const hold = findHold(ledger, claimed);
  const closed = judgeHold(hold, ledger.timeMs, command.hold);
  if (!hold || closed)
    return refusedOutcome(ledger, command, closed ?? refusal("hold_not_found", command.hold));
  const units = judgeCapture(hold, command);
  if (typeof units !== "bigint") return refusedOutcome(ledger, command, units);
  return plain(ledger, command, { hold, units }) ?? captureMove(ledger, claimed, { hold, units });
}

function captureMove(
  ledger: Ledger,
  claimed: Claimed<CaptureCommand>,
  { hold, units }: CaptureUnits,
): Outcome | null {
  const { command } = claimed;
  const legs = hold.legs.map((leg, index) => ({ ...leg, amount: legAmount(hold, index, units) }));
  const move = tallyMove(ledger, claimed.tenant, numberedLegs(legs, hold.assets));
  const refused = judgeMove(move, CAPTURE_RULES);
  if (refused) return refusedOutcome(ledger, command, refused.refusal);
  const peers = peersOf(move, ledger.shard);
  if (peers.length === 0) return captureHere(ledger, command, { hold, units, move });
  ledger.putHold({ ...hold, left: hold.left - units });
  const { number, tenant } = claimed;
  const { owner, id, op, final } = command;
  const own = move.wallets.map((tally) => reservationOf(tally, true));
  const subject = { number, tenant, owner, command: id, op, code: hold.code, ref: hold.ref };
  const target = { target: hold.number, transfer: hold.id, amount: units, final };
  startSaga(ledger, { ...subject, ...target, move: "capture", own, peers, tally: move, ifVersion: null });
  return null;
}

function captureHere(
  ledger: Ledger,
  command: CaptureCommand,
  { hold, units, move }: { hold: Hold; units: bigint; move: MoveTally },
): Outcome {
  const changes = new StepChanges();
  for (const tally of move.wallets) {
    if (!tally.wallet) continue;
    const posted = tally.credit - tally.debit;
    changes.add({ wallet: tally.wallet, posted, held: -tally.debit, incoming: 0n, ...soleLeg(tally) });
  }
  const captured: Hold = { ...hold, left: hold.left - units, captured: hold.captured + units };
  if (command.final) {
    addGivenBack(ledger, hold, captured.left, changes);
    endHold(ledger, captured, "captured");
  } else ledger.putHold(captured);
  const { id, op } = command;
  ledger.append(
    holdStep(hold, { kind: "capture", command: id, op, status: "captured", changes: changes.list() }),
  );
  return settledOutcome(ledger, command, "captured", balancesOfAll(move.wallets));
}

/** Decides a release: what is left goes back in one step. Errors: the ledger's only. */
export function decideRelease(ledger: Ledger, claimed: Claimed<ReleaseCommand>): Outcome {
  return release(ledger, claimed, releasePlainHold);
}

/** {@link decideRelease} for whatever hold: what the short way is held against. */
export function releaseTheLongWay(ledger: Ledger, claimed: Claimed<ReleaseCommand>): Outcome {
  return release(ledger, claimed, () => undefined);
}

function release(ledger: Ledger, claimed: Claimed<ReleaseCommand>, plain: typeof releasePlainHold): Outcome {
  const { command } = claimed;
  const hold = findHold(ledger, claimed);
  const closed = judgeHold(hold, ledger.timeMs, command.hold);
  if (!hold || closed)
    return refusedOutcome(ledger, command, closed ?? refusal("hold_not_found", command.hold));
  return plain(ledger, command, hold) ?? releaseMove(ledger, command, hold);
}

function releaseMove(ledger: Ledger, command: ReleaseCommand, hold: Hold): Outcome {
  const changes = new StepChanges();
  addGivenBack(ledger, hold, hold.left, changes);
  endHold(ledger, hold, "released");
  const list = changes.list();
  const { id, op } = command;
  if (list.length > 0) {
    ledger.append(holdStep(hold, { kind: "release", command: id, op, status: "released", changes: list }));
  }
  return settledOutcome(ledger, command, "released", holdBalances(ledger, hold));
}

/** Applies the expiry of a hold whose timer is due; nothing happens when it is not open. Errors: the ledger's only. */
export function expireHold(ledger: Ledger, number: number): void {
  const hold = ledger.hold(number);
  if (hold?.status !== "open") return;
  const changes = new StepChanges();
  addGivenBack(ledger, hold, hold.left, changes);
  endHold(ledger, hold, "expired");
  const list = changes.list();
  if (list.length === 0) return;
  ledger.append(
    holdStep(hold, { kind: "expire", command: hold.id, op: "expire", status: "expired", changes: list }),
  );
}

function findHold(
  ledger: Ledger,
  { tenant, command }: Claimed<CaptureCommand> | Claimed<ReleaseCommand>,
): Hold | undefined {
  const number = ledger.commandNumber(tenant, command.owner, command.hold);
  return number === undefined ? undefined : ledger.hold(number);
}

function holdBalances(ledger: Ledger, hold: Hold): Balances[] {
  const names = new Set(hold.legs.flatMap(({ from, to }) => [from, to]));
  const balances: Balances[] = [];
  for (const name of names) {
    const wallet = isHere(ledger, hold.tenant, name) ? ledger.wallet(hold.tenant, name) : undefined;
    if (wallet) balances.push(balancesOf(wallet));
  }
  return balances;
}
