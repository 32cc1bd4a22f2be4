// Carries out another coordinator's items on this shard: judges, moves, reserves, completes and answers. The
// machine of it is `saga-participant`. Steps made here have the status `pending`: the coordinator settles.

import { assert } from "../protocol/assert.ts";
import type { StepKind } from "../protocol/entry.ts";
import type { DecisionItem, ItemMoney, MoveItem, ResultItem } from "../protocol/item.ts";
import type { AssetName, WalletName } from "../protocol/names.ts";
import { refusal } from "../protocol/outcome.ts";
import { AssetSums } from "./asset-sums.ts";
import { judgeMove, type RefusedLeg } from "./judge-legs.ts";
import type { Ledger, Prepared, Reservation, Step, Transit, WalletChange } from "./ledger.ts";
import { type MoveTally, reservationOf, tallyMove } from "./move-tally.ts";
import { applyPlainMove } from "./plain-move.ts";
import { stepParticipant } from "./saga-participant.ts";

/** A move item and where it comes from. */
export interface AskedMove {
  readonly from: number;
  readonly item: MoveItem;
  /** It threw before: it is answered `internal_error` and nothing else happens. */
  readonly quarantined: boolean;
}

/** Applies an apply, check or prepare. The answer is numbered when it returns. Errors: bugs and the ledger's. */
export function applyMoveItem(ledger: Ledger, asked: AskedMove): void {
  if (asked.quarantined || !applyPlainMove(ledger, asked.from, asked.item)) applyTheLongWay(ledger, asked);
}

/** {@link applyMoveItem} for whatever an item may be: what the short way is held against. */
export function applyTheLongWay(ledger: Ledger, { from, item, quarantined }: AskedMove): void {
  const move = quarantined ? null : tallyMove(ledger, item.tenant, item.legs);
  const refused = move ? judgeMove(move, { debits: true, ifVersion: item.ifVersion }) : quarantinedLeg(item);
  const state = item.kind === "prepare" && ledger.prepared(from, item.saga) ? "prepared" : "none";
  const step = stepParticipant(state, { item: item.kind, fits: refused === null });
  let money: ItemMoney[] = [];
  for (const effect of step.effects) {
    if (effect === "move") money = moveNow(ledger, { from, item }, reservationsOf(move));
    else if (effect === "reserve") reserve(ledger, { from, item }, reservationsOf(move));
    else ledger.appendItem(from, resultOf(item, refused, move), money);
  }
}

function quarantinedLeg(item: MoveItem): RefusedLeg {
  return { refusal: refusal("internal_error"), leg: item.legs[0]?.leg ?? 0 };
}

function reservationsOf(move: MoveTally | null): Reservation[] {
  assert(move !== null, "what is quarantined does not move");
  return move.wallets.map((tally) => reservationOf(tally, true));
}

/** The answer carries away what this shard's wallets gained: it stands against the credit on the other side. */
function moveNow(
  ledger: Ledger,
  asked: { from: number; item: MoveItem },
  own: readonly Reservation[],
): ItemMoney[] {
  const { from, item } = asked;
  const { changes, gain } = posted(ledger, item, own, false);
  const money = gain.money(-1n);
  const transits = money.map((part): Transit => ({ peer: from, direction: "out", ...part }));
  ledger.append(stepFor(item, { kind: item.move, changes, transits }));
  return money;
}

function reserve(ledger: Ledger, asked: { from: number; item: MoveItem }, own: readonly Reservation[]): void {
  const { from, item } = asked;
  const changes = own.map(({ wallet, debit, credit, leg, counterparty }): WalletChange => {
    return {
      wallet: walletOf(ledger, item, wallet),
      posted: 0n,
      held: debit,
      incoming: credit,
      leg,
      counterparty,
    };
  });
  ledger.append(stepFor(item, { kind: "reserve", changes, transits: [] }));
  const { saga, move, tenant, owner, command, transfer, code, ref } = item;
  ledger.putPrepared({
    coordinator: from,
    saga,
    move,
    tenant,
    owner,
    command,
    transfer,
    code,
    ref,
    reserved: own,
  });
}

/** Applies a commit or an abort. An abort of what is not prepared here does nothing. Errors: bugs and the ledger's. */
export function applyDecision(ledger: Ledger, from: number, item: DecisionItem): void {
  const prepared = ledger.prepared(from, item.saga);
  const step = stepParticipant(prepared ? "prepared" : "none", { item: item.kind });
  if (!prepared) return;
  for (const effect of step.effects) {
    if (effect === "post") postPrepared(ledger, prepared);
    else if (effect === "return") returnPrepared(ledger, prepared);
    else ledger.appendItem(from, answer(item.saga, "commit", null, []));
  }
  ledger.endPrepared(from, item.saga);
}

function postPrepared(ledger: Ledger, prepared: Prepared): void {
  const { changes, gain } = posted(ledger, prepared, prepared.reserved, true);
  const peer = prepared.coordinator;
  const transits = gain.money().map((part): Transit => ({ peer, direction: "in", ...part }));
  ledger.append(stepFor(prepared, { kind: prepared.move, changes, transits }));
}

function returnPrepared(ledger: Ledger, prepared: Prepared): void {
  const changes = prepared.reserved.map(({ wallet, debit, credit, leg, counterparty }): WalletChange => {
    const actor = walletOf(ledger, prepared, wallet);
    return { wallet: actor, posted: 0n, held: -debit, incoming: -credit, leg, counterparty };
  });
  ledger.append(stepFor(prepared, { kind: "return", changes, transits: [] }));
}

/** The changes that post debits and credits, out of reservations or at once, and what the wallets gain. */
function posted(
  ledger: Ledger,
  move: MoveItem | Prepared,
  own: readonly Reservation[],
  reserved: boolean,
): { changes: WalletChange[]; gain: AssetSums } {
  const gain = new AssetSums();
  const changes = own.map(({ wallet: name, debit, credit, leg, counterparty }): WalletChange => {
    const wallet = walletOf(ledger, move, name);
    gain.add(wallet.asset, credit - debit);
    const [held, incoming] = reserved ? [-debit, -credit] : [0n, 0n];
    return { wallet, posted: credit - debit, held, incoming, leg, counterparty };
  });
  return { changes, gain };
}

function stepFor(
  move: MoveItem | Prepared,
  step: { kind: StepKind; changes: readonly WalletChange[]; transits: readonly Transit[] },
): Step {
  const { tenant, owner, command, transfer, code, ref } = move;
  return { ...step, tenant, owner, command, op: move.move, status: "pending", transfer, code, ref };
}

function walletOf(ledger: Ledger, move: MoveItem | Prepared, name: WalletName): WalletChange["wallet"] {
  const wallet = ledger.wallet(move.tenant, name);
  assert(wallet !== undefined, "a judged move has all its wallets");
  return wallet;
}

/** Votes name the assets of this shard's wallets: the coordinator compares and counts with them. */
function resultOf(item: MoveItem, refused: RefusedLeg | null, move: MoveTally | null): ResultItem {
  if (refused || !move || item.kind === "apply") return answer(item.saga, item.kind, refused, []);
  const assets: (readonly [WalletName, AssetName])[] = [];
  for (const { name, wallet } of move.wallets) if (wallet) assets.push([name, wallet.asset]);
  return answer(item.saga, item.kind, null, assets);
}

function answer(
  saga: number,
  of: ResultItem["of"],
  refused: RefusedLeg | null,
  assets: ResultItem["assets"],
): ResultItem {
  return { kind: "result", saga, of, refusal: refused?.refusal ?? null, leg: refused?.leg ?? 0, assets };
}
