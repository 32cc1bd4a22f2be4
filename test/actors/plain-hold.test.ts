// The short way of holds and reverses of one leg writes what the long way writes: twin shards play the same random
// history, one each way, and agree after every record on the outcome, the state chain (which takes every step, hold,
// timer and outcome) and the wallets. Guards against money, a check or a field that only one of the two ways knows.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  captureTheLongWay,
  decideCapture,
  decideRelease,
  releaseTheLongWay,
} from "../../actors/decide-hold.ts";
import { decideReverse, reverseTheLongWay } from "../../actors/decide-reverse.ts";
import { decideTheLongWay, decideTransfer } from "../../actors/decide-transfer.ts";
import type { Ledger } from "../../actors/ledger.ts";
import type { WalletStatus } from "../../actors/wallet.ts";
import type { Command, Leg } from "../../protocol/command.ts";
import { encodeCommand } from "../../protocol/command-content.ts";
import { INT64_MAX } from "../../protocol/money.ts";
import { ownerOf } from "../../protocol/names.ts";
import type { Outcome } from "../../protocol/outcome.ts";
import { shardOf } from "../../protocol/shard-map.ts";
import {
  assetName,
  IDENTITY,
  idOf,
  must,
  openWallet,
  TENANT,
  TestShard,
  walletName,
} from "../storage/shard-file-support.ts";
import { endOf, playHistories, type Twin, Twins } from "../support/twins.ts";

const FUNDS = 1000n;
const MISSING = walletName("payer:none");
const here = ["payer", "poor", "narrow", "euro", "full"].map((name) => walletName(`payer:${name}`));
const [payer, poor, narrow, euro, full] = here.map(must);
const owner = ownerOf(must(payer));
const away = remoteWallet();

/** A wallet of another shard; the wallets of `payer` count as this shard's, wherever the name hashes to. */
function remoteWallet() {
  const home = shardOf(TENANT, owner, IDENTITY.shards);
  for (let serial = 0; ; serial += 1) {
    const name = walletName(`away${serial}:usd`);
    if (shardOf(TENANT, ownerOf(name), IDENTITY.shards) !== home) return name;
  }
}

type Act =
  | {
      readonly kind: "move";
      readonly legs: readonly Leg[];
      readonly isHold: boolean;
      readonly version: boolean;
    }
  | {
      readonly kind: "capture";
      readonly place: number;
      readonly amount: bigint | null;
      readonly final: boolean;
    }
  | { readonly kind: "release" | "reverse"; readonly place: number; readonly amount: bigint | null }
  | { readonly kind: "status"; readonly status: WalletStatus; readonly place: number };

const local = fc.constantFrom(...here, must(payer), must(payer), must(payer));
const sum = fc.oneof(fc.bigInt(1n, 60n), fc.bigInt(1n, 60n), fc.constantFrom(INT64_MAX, FUNDS + 1n));
const leg = fc
  .record({ from: local, to: fc.oneof(local, local, fc.constantFrom(away, MISSING)), amount: sum })
  .filter(({ from, to }) => from !== to);
const part = fc.oneof(fc.constant(null), fc.bigInt(1n, 60n));
const place = fc.nat(40);
const legs = fc.oneof(fc.tuple(leg), fc.tuple(leg), fc.tuple(leg), fc.tuple(leg, leg));
const move = fc.record({
  kind: fc.constant("move" as const),
  legs,
  isHold: fc.boolean(),
  version: fc.constantFrom(false, false, false, true),
});
const status = fc.constantFrom<WalletStatus>("open", "open", "open", "frozen", "closed");
const acts: fc.Arbitrary<Act[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: move },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant("capture" as const),
        place,
        amount: part,
        final: fc.boolean(),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constantFrom("release" as const, "reverse" as const, "reverse" as const),
        place,
        amount: part,
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("status" as const), status, place }) },
  ),
  { minLength: 40, maxLength: 100 },
);

/** Every decision, one way. */
interface Way {
  readonly transfer: typeof decideTransfer;
  readonly capture: typeof decideCapture;
  readonly release: typeof decideRelease;
  readonly reverse: typeof decideReverse;
}
const WAYS: Record<"short" | "long", Way> = {
  short: {
    transfer: decideTransfer,
    capture: decideCapture,
    release: decideRelease,
    reverse: decideReverse,
  },
  long: {
    transfer: decideTheLongWay,
    capture: captureTheLongWay,
    release: releaseTheLongWay,
    reverse: reverseTheLongWay,
  },
};

/** One of the twins. */
class HoldTwin implements Twin<Act> {
  readonly shard = new TestShard(shardOf(TENANT, owner, IDENTITY.shards));
  readonly #way: Way;
  #commands = 0;

  constructor(way: Way) {
    this.#way = way;
    const { shard } = this;
    shard.turn((ledger) => {
      openWallet(ledger, must(payer), { id: shard.id() });
      openWallet(ledger, must(poor), { id: shard.id() });
      openWallet(ledger, must(narrow), { id: shard.id(), max: 100n });
      openWallet(ledger, must(euro), { id: shard.id(), asset: assetName("EUR/2"), min: -500n });
      openWallet(ledger, must(full), { id: shard.id(), min: -30n });
      give(ledger, must(payer), FUNDS);
      give(ledger, must(full), INT64_MAX - 20n);
    });
  }

  /** Plays one act as a record. @returns what it came to; null = it waits for another shard, or is no command */
  play(act: Act): Outcome | null {
    return this.shard.turn((ledger) => {
      if (act.kind !== "status") return this.#apply(ledger, this.#command(act));
      setStatus(ledger, act.status, act.place);
      return null;
    });
  }

  #command(act: Exclude<Act, { kind: "status" }>): Command {
    this.#commands += 1;
    const about = { id: idOf(1000 + this.#commands), owner };
    if (act.kind === "move") {
      const isNamed = act.legs.some(({ from, to }) => from === payer || to === payer);
      const ifVersion = act.version && isNamed ? [[must(payer), 2] as const] : null;
      const rest = { code: "sale", ref: null, meta: null, ifVersion, holdTtlMs: act.isHold ? 5000 : null };
      return { op: "transfer", ...about, legs: act.legs, ...rest };
    }
    const target = idOf(1000 + Math.max(1, this.#commands - 1 - (act.place % 5)));
    const { amount } = act;
    if (act.kind === "capture") return { op: "capture", ...about, hold: target, amount, final: act.final };
    if (act.kind === "release") return { op: "release", ...about, hold: target };
    return { op: "reverse", ...about, transfer: target, amount };
  }

  #apply(ledger: Ledger, command: Command): Outcome | null {
    const claimed = ledger.claimCommand({
      tenant: TENANT,
      owner,
      id: command.id,
      content: encodeCommand(command),
    });
    assert.ok("number" in claimed);
    const outcome = this.#decide(ledger, claimed.number, command);
    if (outcome) ledger.settleCommand(claimed.number, outcome);
    return outcome;
  }

  #decide(ledger: Ledger, number: number, command: Command): Outcome | null {
    const base = { number, tenant: TENANT };
    if (command.op === "transfer") return this.#way.transfer(ledger, { ...base, command });
    if (command.op === "capture") return this.#way.capture(ledger, { ...base, command });
    if (command.op === "release") return this.#way.release(ledger, { ...base, command });
    assert.ok(command.op === "reverse");
    return this.#way.reverse(ledger, { ...base, command });
  }

  [Symbol.dispose](): void {
    this.shard[Symbol.dispose]();
  }
}

/** Money from a pair, so that a wallet has any balance. */
function give(ledger: Ledger, name: (typeof here)[number], posted: bigint): void {
  const wallet = must(ledger.wallet(TENANT, name));
  ledger.append({
    ...{ kind: "transfer", op: "transfer", status: "pending", tenant: TENANT, owner, command: idOf(7) },
    ...{ transfer: null, code: null, ref: null },
    changes: [{ wallet, posted, held: 0n, incoming: 0n, leg: null, counterparty: null }],
    transits: [{ peer: 1, direction: "in", asset: wallet.asset, amount: posted }],
  });
}

function setStatus(ledger: Ledger, status: WalletStatus, nth: number): void {
  const wallet = must(ledger.wallet(TENANT, must(here[nth % here.length])));
  const isEmpty = wallet.posted === 0n && wallet.held === 0n && wallet.incoming === 0n;
  if (status === "closed" && !isEmpty) return;
  ledger.append({
    ...{ kind: "freeze", op: "freeze", status: "pending", tenant: TENANT, owner, command: idOf(8) },
    ...{ transfer: null, code: null, ref: null, transits: [] },
    changes: [{ wallet, posted: 0n, held: 0n, incoming: 0n, status, leg: null, counterparty: null }],
  });
}

/** Commands whose ends random histories seldom meet. A target is a place among the commands before, 0 = the last one. */
const SCRIPT: readonly (readonly [Act, string])[] = [
  [moved(50n, true), "held"],
  [captured(0, 50n, true), "captured"],
  [captured(1, null, true), "hold_settled"],
  [about("reverse", 2, null), "reversed"],
  [about("reverse", 3, null), "already_reversed"],
  [about("release", 4, null), "hold_settled"],
  [moved(5n, false), "posted"],
  [about("reverse", 0, 2n), "reversed"],
  [about("reverse", 1, 4n), "reverse_exceeds"],
  [about("reverse", 2, null), "reversed"],
  [about("reverse", 3, null), "already_reversed"],
  [moved(10n, true), "held"],
  [about("reverse", 0, null), "transfer_not_found"],
  [captured(1, 4n, false), "captured"],
  [captured(2, 7n, false), "capture_exceeds_hold"],
  [about("release", 3, null), "released"],
  [about("reverse", 4, null), "reversed"],
  [moved(10n, true), "held"],
  [captured(0, 10n, false), "captured"],
  [about("release", 1, null), "released"],
  [moved(10n, true), "held"],
  [captured(0, 3n, false), "captured"],
  [captured(1, 4n, true), "captured"],
  [moved(10n, true), "held"],
  ...Array.from({ length: 5 }, () => [{ kind: "status", status: "open", place: 0 }, "waiting"] as const),
  [captured(0, null, true), "hold_expired"],
];

function moved(amount: bigint, isHold: boolean): Act {
  return { kind: "move", legs: [{ from: must(payer), to: must(poor), amount }], isHold, version: false };
}

function captured(nth: number, amount: bigint | null, final: boolean): Act {
  return { kind: "capture", place: nth, amount, final };
}

function about(kind: "release" | "reverse", nth: number, amount: bigint | null): Act {
  return { kind, place: nth, amount };
}

const twins = () => new Twins<Act>((way) => new HoldTwin(WAYS[way]));

test("every end of a hold and of a reverse is the same on the short and the long way", () => {
  using both = twins();
  for (const [act, end] of SCRIPT) assert.equal(endOf(both.play(act)), end, JSON.stringify(act.kind));
});

test("twins that take the short and the long way agree after every record", () => {
  const ends = playHistories(acts, { make: twins, wallets: here, runs: 20 });
  for (const end of ["held", "posted", "waiting", "insufficient_funds"]) {
    assert.ok(ends.has(end), `some command came to ${end}`);
  }
});
