// The short way of a plain move writes what the long way writes: twin shards play the same random history, one each
// way, and agree after every record on the outcome, the state chain (which takes every step, saga, item and outcome)
// and the wallets. Guards against money, a check or a field that only one of the two ways knows.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decideTheLongWay, decideTransfer } from "../../actors/decide-transfer.ts";
import type { Ledger } from "../../actors/ledger.ts";
import { applyMoveItem, applyTheLongWay } from "../../actors/participant-run.ts";
import { isPlainSaga } from "../../actors/plain-move.ts";
import { runSaga, runTheLongWay } from "../../actors/saga-run.ts";
import type { TransferCommand } from "../../protocol/command.ts";
import type { MoveItem, ResultItem } from "../../protocol/item.ts";
import { INT64_MAX, INT64_MIN } from "../../protocol/money.ts";
import { ownerOf, type WalletName } from "../../protocol/names.ts";
import type { Outcome, RefusalCode } from "../../protocol/outcome.ts";
import { shardOf } from "../../protocol/shard-map.ts";
import {
  assetName,
  claim,
  IDENTITY,
  idOf,
  must,
  openWallet,
  TENANT,
  TestShard,
  USD,
  walletName,
} from "../storage/shard-file-support.ts";
import { type End, playHistories, type Twin, Twins } from "../support/twins.ts";

const EUR = assetName("EUR/2");
const { shards } = IDENTITY;

/** The first names that live on a shard. */
function namesOn(shard: number, count: number): WalletName[] {
  const names: WalletName[] = [];
  for (let serial = 0; names.length < count; serial += 1) {
    const name = walletName(`owner${serial}:usd`);
    if (shardOf(TENANT, ownerOf(name), shards) === shard) names.push(name);
  }
  return names;
}

/** Of this shard: funded, poor, with room for little, at both ends of int64, frozen, closed, of another asset, never opened. */
const here = namesOn(0, 9);
const [funded, poor, narrow, highest, lowest, frozen, closed, euro] = here;
const there = [1, 2, 3].flatMap((shard) => namesOn(shard, 2));
const FUNDS = 1_000_000n;

type Act =
  | { readonly kind: "start"; readonly from: WalletName; readonly to: WalletName; readonly amount: bigint }
  | { readonly kind: "answer"; readonly place: number; readonly refusal: RefusalCode | null }
  | { readonly kind: "item"; readonly item: Omit<MoveItem, "command"> };

const amount = fc.oneof(fc.bigInt(1n, 60n), fc.constantFrom(INT64_MAX, FUNDS, FUNDS + 1n));
const text = fc.constantFrom(null, "sale");
const local = fc.constantFrom(...here, must(funded), must(funded), must(funded));
const remote = fc.constantFrom(...there);
const leg = fc
  .record({
    leg: fc.nat(3),
    sides: fc.oneof(fc.tuple(local, remote), fc.tuple(remote, local), fc.tuple(local, local)),
    amount,
    asset: fc.constantFrom(null, USD, EUR),
  })
  .map(({ sides: [from, to], ...rest }) => ({ ...rest, from, to }));
const item: fc.Arbitrary<Omit<MoveItem, "command">> = fc.record({
  kind: fc.constantFrom("apply" as const, "apply" as const, "check" as const),
  saga: fc.integer({ min: 1, max: 50 }),
  move: fc.constantFrom("transfer" as const, "capture" as const, "reverse" as const),
  tenant: fc.constant(TENANT),
  owner: remote.map(ownerOf),
  transfer: fc.constantFrom(null, idOf(9)),
  code: text,
  ref: text,
  legs: fc.oneof(fc.tuple(leg), fc.tuple(leg), fc.tuple(leg, leg)),
  ifVersion: fc.constantFrom([], [], [[must(funded), 999] as const]),
});
const acts: fc.Arbitrary<Act[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant("start" as const), from: local, to: remote, amount }),
    fc.record({
      kind: fc.constant("answer" as const),
      place: fc.nat(9),
      refusal: fc.constantFrom(null, null, "wallet_closed" as const, "max_exceeded" as const),
    }),
    fc.record({ kind: fc.constant("item" as const), item }),
  ),
  { minLength: 20, maxLength: 80 },
);

/** The three records of a move, one way. */
interface Way {
  readonly decide: typeof decideTransfer;
  readonly apply: typeof applyMoveItem;
  readonly run: typeof runSaga;
}
const WAYS: Record<"short" | "long", Way> = {
  short: { decide: decideTransfer, apply: applyMoveItem, run: runSaga },
  long: { decide: decideTheLongWay, apply: applyTheLongWay, run: runTheLongWay },
};

/** One of the twins. */
class MoveTwin implements Twin<Act> {
  readonly shard = new TestShard();
  readonly #way: Way;
  #open: number[] = [];
  #started = 0;

  constructor(way: Way) {
    this.#way = way;
    const { shard } = this;
    shard.turn((ledger) => {
      openWallet(ledger, must(funded), { id: shard.id() });
      openWallet(ledger, must(poor), { id: shard.id() });
      openWallet(ledger, must(narrow), { id: shard.id(), max: 40n });
      openWallet(ledger, must(highest), { id: shard.id(), min: "unlimited" });
      openWallet(ledger, must(lowest), { id: shard.id(), min: "unlimited" });
      openWallet(ledger, must(frozen), { id: shard.id() });
      openWallet(ledger, must(closed), { id: shard.id() });
      openWallet(ledger, must(euro), { id: shard.id(), asset: EUR, min: -500n });
      give(ledger, must(funded), FUNDS);
      give(ledger, must(highest), INT64_MAX - 20n);
      give(ledger, must(lowest), INT64_MIN + 20n);
      setStatus(ledger, must(frozen), "frozen");
      setStatus(ledger, must(closed), "closed");
    });
  }

  /** Plays one act as a record. @returns what it came to, or the message of what was thrown and rolled back */
  play(act: Act): End {
    try {
      return this.#play(act);
    } catch (error) {
      return String(error);
    }
  }

  #play(act: Act): Outcome | null {
    return this.shard.turn((ledger) => {
      if (act.kind === "start") return this.#start(ledger, act);
      if (act.kind === "answer") return this.#answer(ledger, act);
      const command = idOf(5000 + act.item.saga);
      this.#way.apply(ledger, { from: 1, item: { ...act.item, command }, quarantined: false });
      return null;
    });
  }

  #start(ledger: Ledger, { from, to, amount: sum }: Extract<Act, { kind: "start" }>): Outcome | null {
    this.#started += 1;
    const owner = ownerOf(from);
    const id = idOf(1000 + this.#started);
    const number = claim(ledger, owner, id);
    const rest = { holdTtlMs: null, code: null, ref: "r", meta: null, ifVersion: null };
    const command: TransferCommand = {
      op: "transfer",
      id,
      owner,
      legs: [{ from, to, amount: sum }],
      ...rest,
    };
    const outcome = this.#way.decide(ledger, { number, tenant: TENANT, command });
    if (outcome) ledger.settleCommand(number, outcome);
    else this.#open.push(number);
    return outcome;
  }

  #answer(ledger: Ledger, { place, refusal }: Extract<Act, { kind: "answer" }>): Outcome | null {
    const number = this.#open[place % Math.max(1, this.#open.length)];
    if (number === undefined) return null;
    this.#open = this.#open.filter((other) => other !== number);
    const saga = must(ledger.saga(number));
    assert.ok(isPlainSaga(saga), "the short way is taken");
    const found = refusal && { code: refusal, detail: "someone:usd" };
    const result: ResultItem = {
      kind: "result",
      saga: number,
      of: "apply",
      refusal: found,
      leg: 0,
      assets: [],
    };
    const event = { kind: "result", from: must(saga.peers[0]).shard, item: result } as const;
    const settled = must(this.#way.run(ledger, saga, event));
    assert.equal(settled.number, number);
    assert.deepEqual(ledger.command(number).outcome, settled.outcome);
    assert.equal(ledger.saga(number), undefined);
    return settled.outcome;
  }

  [Symbol.dispose](): void {
    this.shard[Symbol.dispose]();
  }
}

/** Money from a pair, so that a wallet has any balance. */
function give(ledger: Ledger, name: WalletName, posted: bigint): void {
  const wallet = must(ledger.wallet(TENANT, name));
  const asset = wallet.asset;
  ledger.append({
    ...stepOf(name, "transfer"),
    changes: [{ wallet, posted, held: 0n, incoming: 0n, leg: null, counterparty: null }],
    transits: [{ peer: 1, direction: "in", asset, amount: posted }],
  });
}

function setStatus(ledger: Ledger, name: WalletName, status: "frozen" | "closed"): void {
  const wallet = must(ledger.wallet(TENANT, name));
  ledger.append({
    ...stepOf(name, status === "frozen" ? "freeze" : "close"),
    changes: [{ wallet, posted: 0n, held: 0n, incoming: 0n, status, leg: null, counterparty: null }],
    transits: [],
  });
}

function stepOf(name: WalletName, kind: "transfer" | "freeze" | "close") {
  const about = { tenant: TENANT, owner: ownerOf(name), command: idOf(7), transfer: null, code: null };
  return { ...about, kind, op: kind, status: "pending", ref: null } as const;
}

const twins = () => new Twins<Act>((way) => new MoveTwin(WAYS[way]));

test("twins that take the short and the long way agree after every record", () => {
  const ends = playHistories(acts, { make: twins, wallets: here, runs: 30 });
  for (const end of ["posted", "wallet_not_found", "wallet_frozen", "wallet_closed", "insufficient_funds"]) {
    assert.ok(ends.has(end), `some transfer came to ${end}`);
  }
});

test("a plain move posts its amount and keeps nothing reserved", () => {
  using short = new MoveTwin(WAYS.short);
  const [to] = there;
  assert.equal(short.play({ kind: "start", from: must(funded), to: must(to), amount: 5n }), null);
  const outcome = short.play({ kind: "answer", place: 0, refusal: null });
  assert.ok(outcome !== null && typeof outcome !== "string");
  assert.equal(outcome.status, "posted");
  assert.equal(must(outcome.balances)[0]?.posted, FUNDS - 5n);
  assert.equal(must(outcome.balances)[0]?.held, 0n);
});
