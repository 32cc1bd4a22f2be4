// The short way of the move that is by far the most common one over shards: a transfer of one leg to a wallet of one
// other shard, without expected versions. Owns its three records; every other move goes the long way, through tallies
// and machines (decide-transfer, participant-run, saga-run).
//
//   R1 command ─► reserve the debit, store the saga, ask the other shard      `startPlainMove`
//   R2 apply ───► post the other side and say so, or refuse                   `applyPlainMove`, captures and reverses too
//   R3 result ──► post the debit, or give it back; settle                     `endPlainMove`
//
// Invariant: what it writes is what the long way writes, byte by byte, and in the same order. A property test plays
// both on twin shards and compares items, outcomes and state chains.

import { assert } from "../protocol/assert.ts";
import type { Leg, TransferCommand } from "../protocol/command.ts";
import type { ItemLeg, ItemMoney, MoveItem, ResultItem } from "../protocol/item.ts";
import type { TenantName } from "../protocol/names.ts";
import type { Outcome } from "../protocol/outcome.ts";
import { judgeSide } from "./judge-legs.ts";
import type { Ledger, Saga, Step, Transit, WalletChange } from "./ledger.ts";
import { isHere } from "./move-tally.ts";
import { refusedOutcome, settledOutcome } from "./terminal-outcome.ts";
import type { Wallet } from "./wallet.ts";

const NO_TRANSITS: readonly Transit[] = [];
const NO_MONEY: readonly ItemMoney[] = [];

/** A claimed transfer of one leg to another shard. */
export interface PlainMove {
  readonly number: number;
  readonly tenant: TenantName;
  readonly command: TransferCommand;
  readonly leg: Leg;
  /** The shard of the leg's receiver. */
  readonly peer: number;
}

/**
 * Judges and starts a move.
 * @returns the outcome of a refused one, or null when the other shard has been asked
 * Errors: the ledger's only.
 */
export function startPlainMove(ledger: Ledger, move: PlainMove): Outcome | null {
  const { number, tenant, command, leg, peer } = move;
  const { from, to, amount } = leg;
  assert(command.ifVersion === null, "a plain move expects no versions");
  const wallet = ledger.wallet(tenant, from);
  const refused = judgeSide(wallet, { leg, asset: null, pays: true });
  if (refused) return refusedOutcome(ledger, command, refused);
  assert(wallet !== undefined, "a judged move has all its wallets");

  const { owner, id, op, code, ref } = command;
  const change = { wallet, posted: 0n, held: amount, incoming: 0n, leg: 0, counterparty: to };
  const about = { tenant, owner, command: id, op, transfer: null, code, ref };
  ledger.append(stepOf(about, { kind: "reserve", status: "pending" }, change, NO_TRANSITS));
  const legs: readonly ItemLeg[] = [{ leg: 0, from, to, amount, asset: wallet.asset }];
  ledger.putSaga({
    number,
    phase: "applying",
    move: "transfer",
    tenant,
    owner,
    command: id,
    op,
    code,
    ref,
    own: [{ wallet: from, debit: amount, credit: 0n, leg: 0, counterparty: to }],
    peers: [{ shard: peer, legs, vote: "waiting", refusal: null, leg: 0, acknowledged: false }],
    target: null,
    transfer: null,
    amount: 0n,
    final: false,
    assets: [],
  });
  ledger.appendItem(peer, applyItem(move, legs));
  return null;
}

function applyItem({ number, tenant, command }: PlainMove, legs: readonly ItemLeg[]): MoveItem {
  const { owner, id, code, ref } = command;
  return {
    kind: "apply",
    saga: number,
    move: "transfer",
    tenant,
    owner,
    command: id,
    transfer: null,
    code,
    ref,
    legs,
    ifVersion: [],
  };
}

/**
 * Applies an item of another shard, if it is an apply of one leg with one side here.
 * @returns false when it is not, and nothing has happened
 * Errors: the ledger's only.
 */
export function applyPlainMove(ledger: Ledger, from: number, item: MoveItem): boolean {
  const [leg] = item.legs;
  if (item.kind !== "apply" || leg === undefined || item.legs.length > 1 || item.ifVersion.length > 0)
    return false;
  const { tenant, saga } = item;
  const to = ledger.loadedWallet(tenant, leg.to);
  const pays = isHere(ledger, tenant, leg.from);
  if (pays === (to !== undefined || isHere(ledger, tenant, leg.to))) return false;

  const wallet = to ?? ledger.wallet(tenant, pays ? leg.from : leg.to);
  const refused = judgeSide(wallet, { leg, asset: leg.asset, pays });
  const money =
    refused || wallet === undefined ? NO_MONEY : postSide(ledger, { from, item, leg, pays, wallet });
  const place = refused ? leg.leg : 0;
  ledger.appendItem(
    from,
    { kind: "result", saga, of: "apply", refusal: refused, leg: place, assets: [] },
    money,
  );
  return true;
}

/** Posts the side of a leg that is here. @returns what the answer carries: the other side of it */
function postSide(
  ledger: Ledger,
  side: { from: number; item: MoveItem; leg: ItemLeg; pays: boolean; wallet: Wallet },
): readonly ItemMoney[] {
  const { from, item, leg, pays, wallet } = side;
  const posted = pays ? -leg.amount : leg.amount;
  const counterparty = pays ? leg.to : leg.from;
  const { tenant, owner, command, move, transfer, code, ref } = item;
  ledger.append(
    stepOf(
      { tenant, owner, command, op: move, transfer, code, ref },
      { kind: move, status: "pending" },
      { wallet, posted, held: 0n, incoming: 0n, leg: leg.leg, counterparty },
      [{ peer: from, direction: "out", asset: wallet.asset, amount: -posted }],
    ),
  );
  return [{ asset: wallet.asset, amount: -posted }];
}

/** Whether a saga ends with {@link endPlainMove}. Never throws. */
export function isPlainSaga({ phase, move, own }: Saga): boolean {
  return phase === "applying" && move === "transfer" && own.length === 1;
}

/** Ends a plain saga with its answer: the command's outcome. Errors: throws on an answer that cannot reach it. */
export function endPlainMove(ledger: Ledger, saga: Saga, from: number, item: ResultItem): Outcome {
  const [own] = saga.own;
  assert(own !== undefined && isPlainSaga(saga), "a plain move has reserved in one wallet");
  assert(item.of === "apply", "a move with one other shard is answered once");
  assert(
    saga.peers.length === 1 && saga.peers[0]?.shard === from,
    "an answer comes from a shard of the saga",
  );
  const wallet = ledger.wallet(saga.tenant, own.wallet);
  assert(wallet !== undefined, "a wallet with a reservation exists");
  const { refusal } = item;
  const { debit, credit, leg, counterparty } = own;
  const posted = refusal ? 0n : credit - debit;
  const balances = ledger.append(
    stepOf(
      saga,
      refusal ? { kind: "return", status: "refused" } : { kind: "transfer", status: "posted" },
      { wallet, posted, held: -debit, incoming: -credit, leg, counterparty },
      posted === 0n ? NO_TRANSITS : [{ peer: from, direction: "in", asset: wallet.asset, amount: posted }],
    ),
  );
  const command = { id: saga.command, op: saga.op };
  const outcome = refusal
    ? refusedOutcome(ledger, command, refusal)
    : settledOutcome(ledger, command, "posted", balances);
  ledger.settleCommand(saga.number, outcome);
  ledger.endSaga(saga.number);
  return outcome;
}

function stepOf(
  about: Pick<Step, "tenant" | "owner" | "command" | "op" | "transfer" | "code" | "ref">,
  { kind, status }: Pick<Step, "kind" | "status">,
  change: WalletChange,
  transits: readonly Transit[],
): Step {
  const { tenant, owner, command, op, transfer, code, ref } = about;
  return { kind, tenant, owner, command, op, status, transfer, code, ref, changes: [change], transits };
}
