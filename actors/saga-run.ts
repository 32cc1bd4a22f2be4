// Carries out what the saga machines ask for, at the coordinator: steps in the journal, items to other
// shards, the state of the hold or transfer that the move belongs to, and the command's outcome.
//
// Money that moves with items stands in the step of the same record: the answer to an `apply` brings the
// other shard's loss, a `commit` carries the receiver's gain.

import { assert } from "../protocol/assert.ts";
import type { StepKind } from "../protocol/entry.ts";
import type { Outcome, Refusal, Status } from "../protocol/outcome.ts";
import { AssetSums } from "./asset-sums.ts";
import { addGivenBack, endHold, StepChanges } from "./hold-funds.ts";
import type { Hold, Ledger, Saga, Step, Transit, WalletChange } from "./ledger.ts";
import { endPlainMove, isPlainSaga } from "./plain-move.ts";
import { giveBackReversed } from "./reversible.ts";
import { stepCheck } from "./saga-check.ts";
import { SagaGains } from "./saga-gain.ts";
import { stepMany } from "./saga-many.ts";
import type { SagaEffect, SagaEvent, SagaStep } from "./saga-step.ts";
import { stepTwo } from "./saga-two.ts";
import { balancesOfAll, refusedOutcome, settledOutcome } from "./terminal-outcome.ts";
import type { Wallet } from "./wallet.ts";

/** A command that was open and has its outcome now. */
export interface SettledCommand {
  readonly number: number;
  readonly outcome: Outcome;
}

const SUCCESS = { transfer: "posted", capture: "captured", reverse: "reversed", hold: "held" } as const;

/**
 * Takes one event through a saga and writes what follows.
 * @returns the command's outcome when this settled it, else null
 * Errors: throws on an event that cannot reach the saga, and what the ledger throws.
 */
export function runSaga(ledger: Ledger, saga: Saga, event: SagaEvent): SettledCommand | null {
  if (event.kind !== "result" || !isPlainSaga(saga)) return runTheLongWay(ledger, saga, event);
  return { number: saga.number, outcome: endPlainMove(ledger, saga, event.from, event.item) };
}

/** {@link runSaga} for whatever a saga may be: what the short way is held against. */
export function runTheLongWay(ledger: Ledger, saga: Saga, event: SagaEvent): SettledCommand | null {
  const step = stepSaga(saga, event);
  if (step.saga === saga) return null;
  const current = step.saga ?? saga;
  const gains = new SagaGains(current, ledger.shards);
  let settled: SettledCommand | null = null;
  for (const effect of step.effects) {
    if (effect.kind === "settle") settled = settle(ledger, current, effect.refusal);
    else carryOut(ledger, current, effect, gains);
  }
  if (step.saga) ledger.putSaga(step.saga);
  else ledger.endSaga(saga.number);
  assert((settled !== null) === (step.saga === null), "a saga ends when its command settles");
  return settled;
}

function stepSaga(saga: Saga, event: SagaEvent): SagaStep {
  if (saga.phase === "applying") return stepTwo(saga, event);
  if (saga.phase === "checking") return stepCheck(saga, event);
  return stepMany(saga, event);
}

function carryOut(
  ledger: Ledger,
  saga: Saga,
  effect: Exclude<SagaEffect, { kind: "settle" }>,
  gains: SagaGains,
): void {
  if (effect.kind === "clear_vote_timer") ledger.clearTimer("vote", saga.number);
  else if (effect.kind === "post") postOwn(ledger, saga, effect.settled, gains);
  else if (effect.kind === "return") returnOwn(ledger, saga);
  else {
    const { item: kind, shard } = effect;
    ledger.appendItem(shard, { kind, saga: saga.number }, kind === "commit" ? gains.of(shard) : []);
  }
}

/** The own legs become posted. A final capture that settles here releases the rest of its hold in the same step. */
function postOwn(ledger: Ledger, saga: Saga, settled: boolean, gains: SagaGains): void {
  const changes = new StepChanges();
  const net = new AssetSums();
  for (const { wallet: name, debit, credit, leg, counterparty } of saga.own) {
    const wallet = ownWallet(ledger, saga, name);
    changes.add({ wallet, posted: credit - debit, held: -debit, incoming: -credit, leg, counterparty });
    net.add(wallet.asset, credit - debit);
  }
  const hold = saga.move === "capture" ? targetHold(ledger, saga) : null;
  if (settled && saga.final && hold?.status === "open") addGivenBack(ledger, hold, hold.left, changes);
  assert(saga.move !== "hold", "a hold posts nothing");
  const transits = saga.phase === "applying" ? transitsIn(saga, net) : transitsOut(saga, gains);
  const status = settled ? SUCCESS[saga.move] : "pending";
  ledger.append(ownStep(saga, { kind: saga.move, status, changes: changes.list(), transits }));
}

function transitsIn(saga: Saga, net: AssetSums): Transit[] {
  const [peer] = saga.peers;
  assert(
    peer !== undefined && saga.peers.length === 1,
    "the answer to an apply comes from the one other shard",
  );
  return net.money().map(({ asset, amount }) => ({ peer: peer.shard, direction: "in", asset, amount }));
}

function transitsOut(saga: Saga, gains: SagaGains): Transit[] {
  return saga.peers.flatMap(({ shard }) =>
    gains.of(shard).map((money): Transit => ({ peer: shard, direction: "out", ...money })),
  );
}

/** The own reservations are given back; what a capture took goes back into its hold while that is open. */
function returnOwn(ledger: Ledger, saga: Saga): void {
  const intoHold = saga.move === "capture" && targetHold(ledger, saga).status === "open";
  const changes: WalletChange[] = [];
  for (const { wallet: name, debit, credit, leg, counterparty } of saga.own) {
    const held = intoHold ? 0n : -debit;
    if (held === 0n && credit === 0n) continue;
    changes.push({
      wallet: ownWallet(ledger, saga, name),
      posted: 0n,
      held,
      incoming: -credit,
      leg,
      counterparty,
    });
  }
  if (changes.length > 0)
    ledger.append(ownStep(saga, { kind: "return", status: "refused", changes, transits: [] }));
}

/** Brings the hold or transfer up to date and records the outcome; everything else of the record is done. */
function settle(ledger: Ledger, saga: Saga, refused: Refusal | null): SettledCommand {
  if (saga.move === "hold") settlePlacing(ledger, saga, refused);
  else if (saga.move === "capture") settleCapture(ledger, saga, refused);
  else if (saga.move === "reverse" && refused) giveBackReversed(ledger, targetOf(saga), saga.amount);
  if (!refused && (saga.phase === "committing" || saga.move === "hold")) tellSettled(ledger, saga);
  const command = { id: saga.command, op: saga.op };
  const outcome = refused
    ? refusedOutcome(ledger, command, refused)
    : settledOutcome(ledger, command, SUCCESS[saga.move], ownBalances(ledger, saga));
  ledger.settleCommand(saga.number, outcome);
  return { number: saga.number, outcome };
}

/** The own wallets changed in earlier records; readers of events learn here that the command has settled. */
function tellSettled(ledger: Ledger, saga: Saga): void {
  const kind = saga.move;
  ledger.append(ownStep(saga, { kind, status: SUCCESS[kind], changes: [], transits: [] }));
}

/** The time to live runs from the record that settles the hold. */
function settlePlacing(ledger: Ledger, saga: Saga, refused: Refusal | null): void {
  const hold = ledger.hold(saga.number);
  assert(hold?.status === "placing", "a hold is placed once");
  if (refused) {
    ledger.putHold({ ...hold, status: "refused", left: 0n });
    return;
  }
  const expiresMs = ledger.timeMs + hold.ttlMs;
  ledger.putHold({ ...hold, status: "open", expiresMs });
  ledger.setTimer({ dueMs: expiresMs, kind: "expire", target: hold.number });
}

function settleCapture(ledger: Ledger, saga: Saga, refused: Refusal | null): void {
  const hold = targetHold(ledger, saga);
  if (refused) {
    if (hold.status === "open") ledger.putHold({ ...hold, left: hold.left + saga.amount });
    return;
  }
  const captured: Hold = { ...hold, captured: hold.captured + saga.amount };
  if (hold.status !== "open" || !saga.final) {
    ledger.putHold(captured);
    return;
  }
  assert(saga.phase === "applying" || hold.left === 0n, "a hold of several legs is captured whole");
  endHold(ledger, captured, "captured");
}

function ownStep(
  saga: Saga,
  step: { kind: StepKind; status: Status | "pending"; changes: WalletChange[]; transits: Transit[] },
): Step {
  const { tenant, owner, command, op, transfer, code, ref } = saga;
  return { ...step, tenant, owner, command, op, transfer, code, ref };
}

function ownWallet(ledger: Ledger, saga: Saga, name: Wallet["name"]): Wallet {
  const wallet = ledger.wallet(saga.tenant, name);
  assert(wallet !== undefined, "a wallet with a reservation exists");
  return wallet;
}

function ownBalances(ledger: Ledger, saga: Saga): ReturnType<typeof balancesOfAll> {
  return balancesOfAll(saga.own.map(({ wallet }) => ({ wallet: ownWallet(ledger, saga, wallet) })));
}

function targetOf(saga: Saga): number {
  assert(saga.target !== null, "a capture or reverse has a target");
  return saga.target;
}

function targetHold(ledger: Ledger, saga: Saga): Hold {
  const hold = ledger.hold(targetOf(saga));
  assert(hold !== undefined, "a capture's hold exists");
  return hold;
}
