// Starts a move over shards at its coordinator, in the record that brought the command: reserves the own
// legs, stores the saga, and numbers one item for each other shard. The caller has judged the move.
//
//   one other shard, no hold   apply     it decides alone; no timer, it always answers
//   more shards                prepare   each reserves and votes; a timer bounds the wait for votes
//   hold                       check     reserves nothing there; a timer, for any number of shards
//
// Invariant: no credit is applied before every debit of the move is applied or reserved.

import { assert } from "../protocol/assert.ts";
import type { TransferCommand } from "../protocol/command.ts";
import type { MoveItem } from "../protocol/item.ts";
import { VOTE_TIMEOUT_MS } from "../protocol/limits.ts";
import type { AssetName, WalletName } from "../protocol/names.ts";
import { shardOfWallet } from "../protocol/shard-map.ts";
import type { Ledger, Saga, SagaPeer, WalletChange } from "./ledger.ts";
import type { MoveTally } from "./move-tally.ts";

/** A judged move that is to start. */
export interface MoveStart extends Omit<Saga, "phase" | "assets"> {
  /** The move's legs and wallets as judged. */
  readonly tally: MoveTally;
  readonly ifVersion: TransferCommand["ifVersion"];
}

const ITEM_KINDS = {
  applying: "apply",
  checking: "check",
  preparing: "prepare",
  committing: "prepare",
} as const;

/** Starts the saga. Nothing has settled when it returns. Errors: the ledger's only. */
export function startSaga(ledger: Ledger, start: MoveStart): void {
  assert(start.peers.length > 0, "a move over shards has another shard");
  const { tally, ifVersion, ...fields } = start;
  const phase = phaseOf(start);
  reserve(ledger, start);
  // A move that another shard decides alone never asks for assets.
  ledger.putSaga({ ...fields, phase, assets: phase === "applying" ? [] : knownAssets(tally) });
  for (const peer of start.peers)
    ledger.appendItem(peer.shard, itemFor(ledger, start, peer, ITEM_KINDS[phase]));
  if (phase === "applying") return;
  ledger.setTimer({ dueMs: ledger.timeMs + VOTE_TIMEOUT_MS, kind: "vote", target: start.number });
}

function phaseOf(start: MoveStart): "applying" | "checking" | "preparing" {
  if (start.move === "hold") return "checking";
  return start.peers.length === 1 ? "applying" : "preparing";
}

/** A capture's debits are in held already: its hold put them there. */
function reserve(ledger: Ledger, start: MoveStart): void {
  const changes: WalletChange[] = [];
  for (const { wallet: name, debit, credit, leg, counterparty } of start.own) {
    const wallet = ledger.wallet(start.tenant, name);
    assert(wallet !== undefined, "a judged move has all its wallets");
    const held = start.move === "capture" ? 0n : debit;
    if (held > 0n || credit > 0n)
      changes.push({ wallet, posted: 0n, held, incoming: credit, leg, counterparty });
  }
  if (changes.length === 0) return;
  ledger.append({
    kind: start.move === "hold" ? "hold" : "reserve",
    tenant: start.tenant,
    owner: start.owner,
    command: start.command,
    op: start.op,
    status: "pending",
    transfer: start.transfer,
    code: start.code,
    ref: start.ref,
    changes,
    transits: [],
  });
}

function itemFor(ledger: Ledger, start: MoveStart, peer: SagaPeer, kind: MoveItem["kind"]): MoveItem {
  const { tenant, owner, command, transfer, code, ref } = start;
  const ifVersion = (start.ifVersion ?? []).filter(
    ([wallet]) => shardOfWallet(tenant, wallet, ledger.shards) === peer.shard,
  );
  const move = start.move === "hold" ? "transfer" : start.move;
  return {
    kind,
    saga: start.number,
    move,
    tenant,
    owner,
    command,
    transfer,
    code,
    ref,
    legs: peer.legs,
    ifVersion,
  };
}

function knownAssets(tally: MoveTally): (readonly [WalletName, AssetName])[] {
  const assets: (readonly [WalletName, AssetName])[] = [];
  for (const { name, wallet } of tally.wallets) if (wallet) assets.push([name, wallet.asset]);
  return assets;
}
