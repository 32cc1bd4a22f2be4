// Decides transfers and the placing of holds. A move inside the shard is one step and settles at once; one
// that touches other shards is judged here first with all that can be seen, and goes on as a saga.
// One leg inside the shard is by far the most common command, so it has a path without sums; one leg to another shard
// has one too (plain-move). A wallet that the ledger has in memory is of this shard: only the place of one that it has
// not needs its owner's hash.

import { assert } from "../protocol/assert.ts";
import type { TransferCommand } from "../protocol/command.ts";
import type { AssetName, TenantName } from "../protocol/names.ts";
import type { Outcome } from "../protocol/outcome.ts";
import { judgeLeg, judgeMove } from "./judge-legs.ts";
import type { Ledger, Step, Transit, WalletChange } from "./ledger.ts";
import {
  type MoveTally,
  numberedLegs,
  peersOf,
  placeOf,
  reservationOf,
  soleLeg,
  tallyMove,
} from "./move-tally.ts";
import { startPlainMove } from "./plain-move.ts";
import { startSaga } from "./saga-start.ts";
import { balancesOfAll, refusedOutcome, settledOutcome } from "./terminal-outcome.ts";
import { balancesOf, type Wallet } from "./wallet.ts";

const NO_TRANSITS: readonly Transit[] = [];

/** A command with its tenant and the number under which it was claimed. */
export interface Claimed<Kind> {
  readonly number: number;
  readonly tenant: TenantName;
  readonly command: Kind;
}

/**
 * Decides a transfer or the placing of a hold.
 * @returns the terminal outcome, or null when other shards have been asked
 * Errors: the ledger's only.
 */
export function decideTransfer(ledger: Ledger, claimed: Claimed<TransferCommand>): Outcome | null {
  const { tenant, command } = claimed;
  const [leg] = command.legs;
  assert(leg !== undefined, "a transfer has at least one leg");
  if (command.legs.length > 1) return decideTheLongWay(ledger, claimed);
  const to = ledger.loadedWallet(tenant, leg.to);
  const peer = to === undefined ? placeOf(ledger, tenant, leg.to) : ledger.shard;
  if (peer === ledger.shard) {
    return decideOneLeg(ledger, claimed, to ?? ledger.wallet(tenant, leg.to));
  }
  return command.ifVersion === null && command.holdTtlMs === null
    ? startPlainMove(ledger, { number: claimed.number, tenant, command, leg, peer })
    : decideTheLongWay(ledger, claimed);
}

/** {@link decideTransfer} for whatever a transfer may be: what the short ways are held against. */
export function decideTheLongWay(ledger: Ledger, claimed: Claimed<TransferCommand>): Outcome | null {
  const { tenant, command } = claimed;
  const move = tallyMove(ledger, tenant, numberedLegs(command.legs));
  const refused = judgeMove(move, { debits: true, ifVersion: command.ifVersion });
  if (refused) return refusedOutcome(ledger, command, refused.refusal);
  const peers = peersOf(move, ledger.shard);
  if (peers.length > 0) {
    if (command.holdTtlMs !== null) putHold(ledger, claimed, sourceAssets(move), "placing");
    startTransfer(ledger, claimed, move, peers);
    return null;
  }
  return command.holdTtlMs === null ? postMove(ledger, claimed, move) : placeHold(ledger, claimed, move);
}

/** @param to undefined when no such wallet was opened */
function decideOneLeg(ledger: Ledger, claimed: Claimed<TransferCommand>, to: Wallet | undefined): Outcome {
  const { tenant, command } = claimed;
  const [leg] = command.legs;
  assert(leg !== undefined, "a transfer has at least one leg");
  const from = ledger.wallet(tenant, leg.from);
  const refused = judgeLeg(from, to, leg, command.ifVersion);
  if (refused) return refusedOutcome(ledger, command, refused);
  assert(from !== undefined && to !== undefined, "a judged move has all its wallets");
  if (command.holdTtlMs !== null) return holdOneLeg(ledger, claimed, from, to);
  const changes: WalletChange[] = [
    { wallet: from, posted: -leg.amount, held: 0n, incoming: 0n, leg: 0, counterparty: leg.to },
    { wallet: to, posted: leg.amount, held: 0n, incoming: 0n, leg: 0, counterparty: leg.from },
  ];
  const balances = ledger.append(transferStep(tenant, command, "transfer", "posted", changes));
  return settledOutcome(ledger, command, "posted", balances);
}

function holdOneLeg(ledger: Ledger, claimed: Claimed<TransferCommand>, from: Wallet, to: Wallet): Outcome {
  const { tenant, command } = claimed;
  const [leg] = command.legs;
  assert(leg !== undefined, "a transfer has at least one leg");
  const changes: WalletChange[] = [
    { wallet: from, posted: 0n, held: leg.amount, incoming: 0n, leg: 0, counterparty: leg.to },
  ];
  ledger.append(transferStep(tenant, command, "hold", "held", changes));
  putHold(ledger, claimed, [from.asset], "open");
  return settledOutcome(ledger, command, "held", [balancesOf(from), balancesOf(to)]);
}

function postMove(ledger: Ledger, { tenant, command }: Claimed<TransferCommand>, move: MoveTally): Outcome {
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
  const balances = ledger.append(transferStep(tenant, command, "transfer", "posted", changes));
  return settledOutcome(ledger, command, "posted", balances);
}

function placeHold(ledger: Ledger, claimed: Claimed<TransferCommand>, move: MoveTally): Outcome {
  const { tenant, command } = claimed;
  const changes: WalletChange[] = [];
  for (const tally of move.wallets) {
    assert(tally.wallet !== undefined, "a judged move has all its wallets");
    if (tally.debit === 0n) continue;
    changes.push({ wallet: tally.wallet, posted: 0n, held: tally.debit, incoming: 0n, ...soleLeg(tally) });
  }
  ledger.append(transferStep(tenant, command, "hold", "held", changes));
  putHold(ledger, claimed, sourceAssets(move), "open");
  return settledOutcome(ledger, command, "held", balancesOfAll(move.wallets));
}

function sourceAssets(move: MoveTally): AssetName[] {
  return move.legs.map(({ from }) => {
    assert(from?.wallet !== undefined, "the sources of a hold are wallets of this shard");
    return from.wallet.asset;
  });
}

/** Stores the hold; the time to live of one that is open at once runs from this record. */
function putHold(
  ledger: Ledger,
  { number, tenant, command }: Claimed<TransferCommand>,
  assets: readonly AssetName[],
  status: "placing" | "open",
): void {
  const { owner, id, legs, code, ref, meta, holdTtlMs } = command;
  assert(holdTtlMs !== null, "a hold has a time to live");
  const expiresMs = status === "open" ? ledger.timeMs + holdTtlMs : 0;
  const left = legs.length === 1 ? (legs[0]?.amount ?? 0n) : 1n;
  ledger.putHold({
    number,
    tenant,
    owner,
    id,
    legs,
    assets,
    code,
    ref,
    meta,
    ttlMs: holdTtlMs,
    status,
    expiresMs,
    left,
    captured: 0n,
    reversed: 0n,
  });
  if (status === "open") ledger.setTimer({ dueMs: expiresMs, kind: "expire", target: number });
}

function startTransfer(
  ledger: Ledger,
  { number, tenant, command }: Claimed<TransferCommand>,
  move: MoveTally,
  peers: ReturnType<typeof peersOf>,
): void {
  const { owner, id, op, code, ref, ifVersion, holdTtlMs } = command;
  const kind = holdTtlMs === null ? "transfer" : "hold";
  const own = move.wallets.map((tally) => reservationOf(tally, kind === "transfer"));
  const subject = { number, tenant, owner, command: id, op, code, ref };
  const target = { target: null, transfer: null, amount: 0n, final: false };
  startSaga(ledger, { ...subject, ...target, move: kind, own, peers, tally: move, ifVersion });
}

function transferStep(
  tenant: TenantName,
  command: TransferCommand,
  kind: "transfer" | "hold",
  status: "posted" | "held",
  changes: readonly WalletChange[],
): Step {
  return {
    kind,
    tenant,
    owner: command.owner,
    command: command.id,
    op: "transfer",
    status,
    transfer: null,
    code: command.code,
    ref: command.ref,
    changes,
    transits: NO_TRANSITS,
  };
}
