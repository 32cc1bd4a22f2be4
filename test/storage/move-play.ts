// Plays moves between two shard files through their ledgers, as decisions would: for tests of what is stored.
// Does not own the rules of moves (actors); it writes one sound history that has a row in every table.
// After the constructor one move is done, one is answered, one applied, one prepared and one under way.

import type { Hold, Ledger, Saga } from "../../actors/ledger.ts";
import type { CommandId } from "../../protocol/command-id.ts";
import type { MoveItem, ResultItem } from "../../protocol/item.ts";
import { decodeItems } from "../../protocol/item-codec.ts";
import { ownerOf } from "../../protocol/names.ts";
import type { TurnLogLimits } from "../../storage/turn-log.ts";
import {
  claim,
  idOf,
  must,
  NO_LAG,
  NO_TURN_LOG,
  openWallet,
  outcomeOf,
  TENANT,
  TestShard,
  transfer,
  USD,
  walletName,
} from "./shard-file-support.ts";

const alice = walletName("alice:usd");
const bob = walletName("bob:usd");

/** Shards 0 and 1 with wallets, a transfer, an open hold, and moves in every state between them. */
export class MovePlay implements Disposable {
  /** Its first commands are in a run of the index. */
  readonly here: TestShard;
  readonly there = new TestShard(1, NO_LAG);

  /** @param turnLog how long the log of holds and timers may be; when it is left out they are rows */
  constructor(turnLog: TurnLogLimits = NO_TURN_LOG) {
    const shape = { capacity: 4, pageBits: 8, blockBits: 0, fanOutBits: 1 };
    this.here = new TestShard(0, NO_LAG, { shape }, turnLog);
    const { here, there } = this;
    here.turn((ledger) => {
      openWallet(ledger, "world:usd", { id: here.id(), min: "unlimited" });
      openWallet(ledger, "alice:usd", { id: here.id(), max: 1_000_000n, meta: '{"tier":"gold"}' });
      openWallet(ledger, "carol:eur", { id: here.id(), min: -500n });
    });
    here.turn((ledger) => {
      transfer(ledger, { id: here.id(), from: "world:usd", to: "alice:usd", amount: 1000n, ref: "salary" });
    });
    here.turn((ledger) => placeHold(ledger, here.id(), 100n));
    there.turn((ledger) => {
      openWallet(ledger, "bob:usd", { id: there.id() });
    });
    const done = this.start(50n);
    this.answerAll();
    this.finish(done, 50n);
    this.start(30n);
    this.answerAll();
    this.start(7n);
    this.age();
    this.prepare(11n);
    this.passing();
  }

  /** So many turns with sagas that the open ones become rows of their own. */
  age(): void {
    for (let turn = 0; turn < 33; turn += 1) this.passing();
  }

  /** A saga without anything else that ends in the next turn. */
  passing(): void {
    this.here.turn((ledger) => ledger.putSaga(sagaOf(9999, idOf(9999), 1n, "applying")));
    this.here.turn((ledger) => ledger.endSaga(9999));
  }

  /** The saga whose decision was applied there, whose result is under way. */
  readonly answered = 7;

  /** Shard 0 reserves and asks shard 1. @returns the saga's number */
  start(amount: bigint): number {
    return this.here.turn((ledger) => {
      const id = this.here.id();
      const number = claim(ledger, ownerOf(alice), id);
      reserve(ledger, id, amount);
      ledger.putSaga(sagaOf(number, id, amount, "applying"));
      ledger.appendItem(1, moveItem("apply", { saga: number, command: id, amount }));
      return number;
    });
  }

  /** Shard 1 applies every item that it has not applied yet and answers it. */
  answerAll(): void {
    const { here, there } = this;
    const { number } = there.ledger.pair(0).applied;
    const sent = here.ledger.pair(1).sent;
    there.turn((ledger) => {
      for (let next = number + 1; next <= sent.number; next += 1) {
        answer(ledger, sagaAsked(here, next));
        ledger.markApplied(0, { number: next, hash: hashOf(here, 1, next) });
      }
    });
  }

  /** Shard 0 applies the next result: posts its leg and settles; the peers' acknowledgements follow. */
  finish(number: number, amount: bigint): void {
    const { here, there } = this;
    const next = here.ledger.pair(1).applied.number + 1;
    const hash = hashOf(there, 0, next);
    here.turn((ledger) => {
      const wallet = must(ledger.wallet(TENANT, alice));
      const { command } = must(ledger.saga(number));
      ledger.append({
        ...stepBase(command),
        kind: "transfer",
        status: "posted",
        changes: [{ wallet, posted: -amount, held: -amount, incoming: 0n, leg: 0, counterparty: bob }],
        transits: [{ peer: 1, direction: "in", asset: USD, amount: -amount }],
      });
      ledger.endSaga(number);
      ledger.markApplied(1, { number: next, hash });
      ledger.acknowledge(1, there.ledger.pair(0).applied);
      const outcome = outcomeOf(ledger, { id: command, op: "transfer", status: "posted", wallets: [wallet] });
      ledger.settleCommand(number, outcome);
    });
    there.turn((ledger) => ledger.acknowledge(0, here.ledger.pair(1).applied));
  }

  /** Shard 0 prepares a move with several shards; shard 1 does not answer yet, but has reserved. */
  prepare(amount: bigint): void {
    const { here, there } = this;
    const saga = here.turn((ledger) => {
      const id = here.id();
      const number = claim(ledger, ownerOf(alice), id);
      reserve(ledger, id, amount);
      const state = sagaOf(number, id, amount, "preparing");
      const third = { ...must(state.peers[0]), shard: 2 };
      ledger.putSaga({ ...state, peers: [...state.peers, third] });
      ledger.setTimer({ dueMs: ledger.timeMs + 30_000, kind: "vote", target: number });
      ledger.appendItem(1, moveItem("prepare", { saga: number, command: id, amount }));
      ledger.appendItem(2, moveItem("prepare", { saga: number, command: id, amount }));
      return must(ledger.saga(number));
    });
    there.turn((ledger) => {
      // The apply item before it is still under way in a real pair: it is answered here, in order.
      const first = there.ledger.pair(0).applied.number + 1;
      answer(ledger, sagaAsked(here, first));
      ledger.markApplied(0, { number: first, hash: hashOf(here, 1, first) });
      const wallet = must(ledger.wallet(TENANT, bob));
      ledger.append({
        ...stepBase(saga.command),
        kind: "reserve",
        status: "pending",
        changes: [{ wallet, posted: 0n, held: 0n, incoming: amount, leg: 0, counterparty: alice }],
        transits: [],
      });
      const { number, move, tenant, owner, command, transfer: target, code, ref } = saga;
      const reserved = [{ wallet: bob, debit: 0n, credit: amount, leg: 0, counterparty: alice }];
      const fields = { tenant, owner, command, transfer: target, code, ref, reserved };
      ledger.putPrepared({
        coordinator: 0,
        saga: number,
        move: move === "hold" ? "transfer" : move,
        ...fields,
      });
      ledger.appendItem(0, { ...resultItem(number), of: "prepare", assets: [[bob, USD]] });
      ledger.markApplied(0, { number: first + 1, hash: hashOf(here, 1, first + 1) });
    });
    this.start(3n);
  }

  [Symbol.dispose](): void {
    this.here[Symbol.dispose]();
    this.there[Symbol.dispose]();
  }
}

/** Reserves a hold of alice's and opens it. @returns its number */
export function placeHold(ledger: Ledger, id: CommandId, amount: bigint, ttlMs = 60_000): number {
  const wallet = must(ledger.wallet(TENANT, alice));
  const number = claim(ledger, ownerOf(alice), id);
  ledger.append({
    ...stepBase(id),
    kind: "hold",
    status: "held",
    changes: [{ wallet, posted: 0n, held: amount, incoming: 0n, leg: 0, counterparty: bob }],
    transits: [],
  });
  ledger.putHold(holdOf(number, id, { amount, expiresMs: ledger.timeMs + ttlMs, ttlMs }));
  ledger.setTimer({ dueMs: ledger.timeMs + ttlMs, kind: "expire", target: number });
  ledger.settleCommand(number, outcomeOf(ledger, { id, op: "transfer", status: "held", wallets: [wallet] }));
  return number;
}

/** An open one-leg hold of alice's. */
export function holdOf(
  number: number,
  id: CommandId,
  { amount, expiresMs, ttlMs }: { amount: bigint; expiresMs: number; ttlMs: number },
): Hold {
  return {
    number,
    tenant: TENANT,
    owner: ownerOf(alice),
    id,
    legs: [{ from: alice, to: bob, amount }],
    assets: [USD],
    code: "shop",
    ref: "order-7",
    meta: '{"a":1}',
    ttlMs,
    status: "open",
    expiresMs,
    left: amount,
    captured: 0n,
    reversed: 0n,
  };
}

/** A saga of alice's with shard 1. */
export function sagaOf(number: number, command: CommandId, amount: bigint, phase: Saga["phase"]): Saga {
  const leg = { leg: 0, from: alice, to: bob, amount, asset: USD };
  const peer = {
    shard: 1,
    legs: [leg],
    vote: "waiting",
    refusal: null,
    leg: 0,
    acknowledged: false,
  } as const;
  return {
    number,
    phase,
    move: "transfer",
    tenant: TENANT,
    owner: ownerOf(alice),
    command,
    op: "transfer",
    code: null,
    ref: "over shards",
    own: [{ wallet: alice, debit: amount, credit: 0n, leg: 0, counterparty: bob }],
    peers: [peer],
    target: null,
    transfer: null,
    amount: 0n,
    final: false,
    assets: [[alice, USD]],
  };
}

function reserve(ledger: Ledger, id: CommandId, amount: bigint): void {
  const wallet = must(ledger.wallet(TENANT, alice));
  ledger.append({
    ...stepBase(id),
    kind: "reserve",
    status: "pending",
    changes: [{ wallet, posted: 0n, held: amount, incoming: 0n, leg: 0, counterparty: bob }],
    transits: [],
  });
}

function answer(ledger: Ledger, saga: Saga): void {
  const amount = must(saga.own[0]).debit;
  const wallet = must(ledger.wallet(TENANT, bob));
  const money = [{ asset: USD, amount: -amount }];
  ledger.append({
    ...stepBase(saga.command),
    kind: "transfer",
    status: "pending",
    changes: [{ wallet, posted: amount, held: 0n, incoming: 0n, leg: 0, counterparty: alice }],
    transits: [{ peer: 0, direction: "out", asset: USD, amount: -amount }],
  });
  ledger.appendItem(0, resultItem(saga.number), money);
}

/** The saga that an item to shard 1 is about. */
function sagaAsked({ file }: TestShard, number: number): Saga {
  const items = decodeItems(must(file.outbox(1, number, 1, 1).groups[0]));
  return must(items.ok ? file.ledger.saga(must(items.value[0]).saga) : undefined);
}

function hashOf({ file }: TestShard, peer: number, number: number): Uint8Array {
  return file.outbox(peer, number + 1, 0, 1).before.hash;
}

function stepBase(command: CommandId) {
  const owner = ownerOf(alice);
  return { tenant: TENANT, owner, command, op: "transfer", transfer: null, code: null, ref: null } as const;
}

function moveItem(
  kind: MoveItem["kind"],
  { saga, command, amount }: { saga: number; command: CommandId; amount: bigint },
): MoveItem {
  return {
    kind,
    saga,
    move: "transfer",
    tenant: TENANT,
    owner: ownerOf(alice),
    command,
    transfer: null,
    code: null,
    ref: "over shards",
    legs: [{ leg: 0, from: alice, to: bob, amount, asset: USD }],
    ifVersion: [],
  };
}

function resultItem(saga: number): ResultItem {
  return { kind: "result", saga, of: "apply", refusal: null, leg: 0, assets: [] };
}
