// Rows of wallets lag behind the journal and nobody can tell: random traffic with bounds so tiny that rows are written
// at every moment, with turns that roll back, files that are opened again and copies as a kill leaves them, against a
// plain model and against a file whose rows never lag.
// Guards against: a reader that shows a row as it lies there, a wallet that is forgotten over a rollback or an opening,
// a mark that runs ahead of the rows, and a row that was tampered with behind the reader's back.

import assert from "node:assert/strict";
import { copyFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import fc from "fast-check";
import type { Ledger, Step, WalletChange } from "../../actors/ledger.ts";
import type { Wallet } from "../../actors/wallet.ts";
import { hash32 } from "../../protocol/digest.ts";
import { ownerOf } from "../../protocol/names.ts";
import type { WalletLagLimits } from "../../storage/balance-table.ts";
import { dumpShard, ReadOnlyShard, StorageFault, verifyShards } from "../../storage/read-only.ts";
import { ShardFile } from "../../storage/shard-file.ts";
import type { ViolationName } from "../../storage/violation.ts";
import {
  IDENTITY,
  idOf,
  must,
  NO_LAG,
  openWallet,
  START_MS,
  TENANT,
  TestShard,
  temporaryDirectory,
  transfer,
  walletName,
} from "./shard-file-support.ts";

/** Wallets of every run: several pages of rows, five owners. */
const WALLETS = 200;
const STEPS_PER_TURN_MAX = 12;

/** What a wallet must look like, and the steps that made it so. */
type Modelled = Omit<Wallet, "dirty" | "warm"> & { readonly steps: readonly number[] };

/** One step: what happens to which wallets. */
interface Play {
  readonly kind: "pay" | "reserve" | "limit" | "freeze";
  readonly from: number;
  readonly to: number;
  readonly amount: number;
}

/** One turn: its steps, and what becomes of it. */
interface Turn {
  readonly plays: readonly Play[];
  readonly end: "commit" | "roll back" | "open again" | "kill";
}

const wallet = fc.integer({ min: 1, max: WALLETS });
const play: fc.Arbitrary<Play> = fc.record({
  kind: fc.constantFrom("pay", "pay", "pay", "reserve", "limit", "freeze"),
  from: wallet,
  to: wallet,
  amount: fc.integer({ min: 1, max: 1000 }),
});
const turn: fc.Arbitrary<Turn> = fc.record({
  plays: fc.array(play, { minLength: 1, maxLength: STEPS_PER_TURN_MAX }),
  end: fc.constantFrom("commit", "commit", "commit", "roll back", "open again", "kill"),
});
const limits: fc.Arbitrary<WalletLagLimits> = fc.record({
  roundSteps: fc.integer({ min: 0, max: 40 }),
  waitingMax: fc.constantFrom(0, 3, 30, 1000),
});

test("every reader sees the newest state whatever is written when, over rollbacks, openings and kills", () => {
  fc.assert(
    fc.property(limits, fc.array(turn, { minLength: 1, maxLength: 25 }), (lag, turns) => {
      using lagging = new PlayedFile(lag);
      using plain = new PlayedFile(NO_LAG);
      for (const { plays, end } of turns) {
        lagging.play(plays, end);
        lagging.check();
        plain.play(plays, end === "roll back" ? end : "commit");
      }
      assert.deepEqual(lagging.dump(), plain.dump());
    }),
    { numRuns: 12 },
  );
});

/** A file under traffic, and its model. */
class PlayedFile implements Disposable {
  readonly #directory = temporaryDirectory();
  readonly #lag: WalletLagLimits;
  #path: string;
  #file: ShardFile;
  #copies = 0;
  #model = new Map<number, Modelled>();

  constructor(lag: WalletLagLimits) {
    this.#lag = lag;
    this.#path = join(this.#directory.path, "0.db");
    this.#file = this.#open();
    this.#turn((ledger, model) => {
      for (let number = 1; number <= WALLETS; number += 1) {
        const opened = openWallet(ledger, nameOf(number), { id: idOf(number), min: "unlimited" });
        model.set(number, modelOf(opened, []));
      }
    });
  }

  [Symbol.dispose](): void {
    this.#file.close();
    this.#directory[Symbol.dispose]();
  }

  play(plays: readonly Play[], end: Turn["end"]): void {
    const apply = (ledger: Ledger, model: Map<number, Modelled>) => {
      for (const step of plays) playStep(ledger, model, step);
      if (end === "roll back") throw new Error("rolled back");
    };
    if (end === "roll back") assert.throws(() => this.#turn(apply), /rolled back/);
    else this.#turn(apply);
    if (end === "open again") this.#file.close();
    if (end === "kill") this.#kill();
    if (end === "open again" || end === "kill") this.#file = this.#open();
  }

  /** All readers against the model, the rows against the mark. */
  check(): void {
    for (const [number, { steps: _steps, ...expected }] of this.#model) {
      if (number % 7 !== this.#file.position % 7) continue;
      const { dirty: _dirty, warm: _warm, ...live } = must(this.#file.ledger.wallet(TENANT, expected.name));
      assert.deepEqual(live, expected);
    }
    this.#checkOwners();
    using door = ReadOnlyShard.open(this.#path);
    let number = 0;
    for (const { dirty: _dirty, warm: _warm, ...stored } of door.wallets()) {
      number += 1;
      const { steps: _steps, ...expected } = must(this.#model.get(number));
      assert.deepEqual(stored, expected);
      assert.deepEqual(door.wallet(number), { ...stored, dirty: false, warm: false });
    }
    const { violations } = verifyShards([door], { deep: true, running: false });
    // Reservations belong to no hold here.
    assert.deepEqual(
      violations.filter(({ what }) => what !== "held_differs"),
      [],
    );
    this.#checkRows(door.meta);
  }

  dump(): string[] {
    using door = ReadOnlyShard.open(this.#path);
    return [...dumpShard(door)];
  }

  /** No row lacks a step up to the mark, and neither rows nor the mark lag further than they may. */
  #checkRows({ walletsStep, lastStep }: { walletsStep: number; lastStep: number }): void {
    const database = new Database(this.#path, { readonly: true });
    const rows = database.prepare<[], [number, number]>("SELECT number, last_step FROM balance").raw().all();
    database.close();
    let waiting = 0;
    for (const [number, step] of rows) {
      const { steps, lastStep: newest } = must(this.#model.get(number));
      assert.ok((steps.filter((one) => one <= walletsStep).at(-1) ?? 0) <= step, `wallet ${number}`);
      if (step < newest) waiting += 1;
    }
    assert.equal(rows.length, WALLETS);
    assert.ok(waiting <= this.#lag.waitingMax, `${waiting} wallets wait`);
    const lagMax = 3 * this.#lag.roundSteps + 2 * STEPS_PER_TURN_MAX;
    assert.ok(lastStep - walletsStep <= lagMax, `the mark lags ${lastStep - walletsStep} steps`);
  }

  #checkOwners(): void {
    const owners = new Set([...this.#model.values()].map(({ name }) => ownerOf(name)));
    for (const owner of owners) {
      const shown = this.#file.reads.owner(TENANT, owner);
      const expected = [...this.#model.values()].filter(({ name }) => ownerOf(name) === owner);
      assert.equal(shown.length, expected.length);
      for (const { wallet: name, posted, held, version, status } of shown) {
        const modelled = must(expected.find((one) => one.name === name));
        assert.deepEqual(
          { posted, held, version, status },
          {
            posted: modelled.posted,
            held: modelled.held,
            version: modelled.version,
            status: modelled.status,
          },
        );
      }
    }
  }

  #open(): ShardFile {
    return ShardFile.open({ ...IDENTITY, path: this.#path, walletLag: this.#lag });
  }

  /** The copy of the files goes on; the process that had the first ones is gone. */
  #kill(): void {
    const killed = this.#file;
    this.#copies += 1;
    this.#path = copyOf(this.#path, join(this.#directory.path, `copy-${this.#copies}.db`));
    killed.close();
  }

  #turn(apply: (ledger: Ledger, model: Map<number, Modelled>) => void): void {
    const file = this.#file;
    const model = new Map(this.#model);
    file.begin();
    try {
      const position = file.position + 1;
      file.beginRecord({
        position,
        stampMs: START_MS + position,
        digest: hash32(Buffer.from(String(position))),
      });
      apply(file.ledger, model);
      file.endRecord();
      file.commit();
      this.#model = model;
    } catch (error) {
      file.rollback();
      throw error;
    }
  }
}

function nameOf(number: number): string {
  return `owner${number % 5}:purse${number}`;
}

/** The files as a kill leaves them: what is committed, and the write-ahead log with it. */
function copyOf(path: string, copy: string): string {
  for (const end of ["", "-wal"]) if (existsSync(path + end)) copyFileSync(path + end, copy + end);
  return copy;
}

function playStep(ledger: Ledger, model: Map<number, Modelled>, { kind, from, to, amount }: Play): void {
  const one = must(ledger.wallet(TENANT, walletName(nameOf(from))));
  const other = must(ledger.wallet(TENANT, walletName(nameOf(to))));
  const none = { posted: 0n, held: 0n, incoming: 0n, leg: null, counterparty: null };
  const units = BigInt(amount);
  const changes: WalletChange[] = [];
  if (kind === "pay" && one !== other) {
    changes.push({ ...none, wallet: one, posted: -units }, { ...none, wallet: other, posted: units });
  } else if (kind === "reserve") {
    changes.push({ ...none, wallet: one, held: one.held > 0n ? -one.held : units });
  } else if (kind === "limit") {
    changes.push({
      ...none,
      wallet: one,
      min: amount % 2 === 0 ? "unlimited" : -10_000_000n - units,
      max: 10_000_000n + units,
    });
  } else {
    changes.push({ ...none, wallet: one, status: one.status === "open" ? "frozen" : "open" });
  }
  ledger.append({ ...STEP, owner: ownerOf(one.name), changes });
  for (const { wallet: changed } of changes) {
    model.set(changed.number, modelOf(changed, must(model.get(changed.number)).steps));
  }
}

/** A step that settles nothing. */
const STEP: Omit<Step, "owner" | "changes"> = {
  kind: "transfer",
  tenant: TENANT,
  command: idOf(1),
  op: "transfer",
  status: "posted",
  transfer: null,
  code: null,
  ref: null,
  transits: [],
};

function modelOf(changed: Wallet, steps: readonly number[]): Modelled {
  const { dirty: _dirty, warm: _warm, ...fields } = changed;
  return { ...fields, steps: [...steps, changed.lastStep] };
}

/**
 * Rows that were tampered with, in a file as a kill leaves it. Wallets 1 to 70 were opened; then 2 and 3, 66 and 67
 * were paid. 2 and 3 have been written since, with a row newer than the mark; 66 and 67 lag; the others lie behind it.
 * `opens` = the engine opens the file: it reads nothing of rows behind the mark.
 */
const TAMPERED: readonly (readonly [
  sql: string,
  what: ViolationName | null,
  opens?: "opens",
  sweep?: "deep",
])[] = [
  ["UPDATE balance SET posted = posted + 1 WHERE number = 66", "wallet_row_differs"],
  ["UPDATE balance SET held = held + 1 WHERE number = 66", "wallet_row_differs"],
  ["UPDATE balance SET incoming = incoming + 1 WHERE number = 67", "wallet_row_differs"],
  ["UPDATE balance SET version = version + 1 WHERE number = 66", "wallet_row_differs"],
  ["UPDATE balance SET last_step = last_step - 1 WHERE number = 66", "wallet_row_differs"],
  ["UPDATE balance SET last_step = 1000 WHERE number = 66", "wallet_row_differs"],
  ["UPDATE balance SET last_step = 72, version = 2 WHERE number = 66", "wallet_row_differs"],
  ["DELETE FROM balance WHERE number = 66", "wallet_row_differs"],
  ["UPDATE balance SET status = 9 WHERE number = 66", "row_corrupt"],
  ["UPDATE balance SET posted = posted + 1 WHERE number = 2", "wallet_row_differs"],
  ["UPDATE balance SET min = -1 WHERE number = 2", "wallet_row_differs"],
  ["UPDATE balance SET last_step = last_step - 1 WHERE number = 2", "wallet_row_differs"],
  ["UPDATE balance SET posted = posted + 1 WHERE number = 5", "sum_not_zero", "opens"],
  ["UPDATE balance SET posted = posted + 1 WHERE number = 5", "entry_balance_differs", "opens", "deep"],
  ["UPDATE balance SET version = version + 1 WHERE number = 5", "entry_chain_broken", "opens", "deep"],
  ["UPDATE meta SET wallets_step = last_step", "entries_miscounted", "opens", "deep"],
  // An entry says nothing of a maximum that it did not change, the minimum of a row that lags comes from the entry, and
  // a mark that lags further is only more to read.
  ["UPDATE balance SET max = 5000 WHERE number = 66", null, "opens", "deep"],
  ["UPDATE balance SET min = 5000 WHERE number = 66", null, "opens", "deep"],
  ["UPDATE meta SET wallets_step = 0", null, "opens", "deep"],
];

for (const [sql, what, opens, depth] of TAMPERED) {
  test(`verify reports ${what ?? "nothing"} where rows lag: ${sql}`, () => {
    using shard = new TestShard(0, { roundSteps: 1_000_000, waitingMax: 2 });
    shard.turn((ledger) => {
      for (let number = 1; number <= 70; number += 1) {
        openWallet(ledger, nameOf(number), { id: shard.id(), min: "unlimited" });
      }
    });
    for (const from of [2, 66]) {
      const sides = { from: nameOf(from), to: nameOf(from + 1) };
      shard.turn((ledger) => transfer(ledger, { id: shard.id(), ...sides, amount: 7n }));
    }
    const path = copyOf(shard.path, `${shard.path}.killed`);
    const database = new Database(path);
    assert.deepEqual(
      database.prepare("SELECT number FROM balance WHERE last_step > 70 ORDER BY number").pluck().all(),
      [2, 3],
    );
    assert.equal(database.prepare("SELECT wallets_step FROM meta").pluck().get(), 70);
    database.exec(sql);
    database.close();
    using door = ReadOnlyShard.open(path);
    const { violations } = verifyShards([door], { deep: depth === "deep", running: false });
    const names = violations.map((violation) => violation.what);
    if (what === null) assert.deepEqual(names, []);
    else assert.ok(names.includes(what), JSON.stringify(violations));
    const open = () => ShardFile.open({ ...IDENTITY, path }).close();
    if (opens) open();
    else assert.throws(open, (error) => error instanceof StorageFault && error.code === "corrupt");
  });
}

test("a file that was closed between turns has no row that lags", () => {
  using shard = new TestShard();
  shard.turn((ledger) => {
    for (const name of ["a:x", "b:x"]) openWallet(ledger, name, { id: shard.id(), min: "unlimited" });
  });
  shard.turn((ledger) => transfer(ledger, { id: shard.id(), from: "a:x", to: "b:x", amount: 7n }));
  const posted = () => {
    const database = new Database(shard.path, { readonly: true });
    const rows = database.prepare("SELECT posted FROM balance ORDER BY number").pluck().all();
    database.close();
    return rows;
  };
  assert.deepEqual(posted(), [0, 0]);
  shard.file.close();
  assert.deepEqual(posted(), [-7, 7]);
});
