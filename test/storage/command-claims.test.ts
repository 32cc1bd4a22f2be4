// The command index against a plain map: whatever the order of claims, commits, rollbacks, lost commits,
// restarts and crashes, an id that was claimed is found with its number and no other is. The capacities are
// tiny, so that tables freeze, runs are merged and slices are cut everywhere; in half of the runs nearly all
// hashes collide. Guards against money moved twice, and against an answer that depends on where a turn ended.

import assert from "node:assert/strict";
import { copyFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import fc from "fast-check";
import type { Ledger } from "../../actors/ledger.ts";
import type { CommandId } from "../../protocol/command-id.ts";
import type { OwnerName } from "../../protocol/names.ts";
import { WALLET_LAG } from "../../storage/balance-table.ts";
import type { ClaimOptions } from "../../storage/command-claims.ts";
import { type ClaimHash, CommandHash } from "../../storage/command-hash.ts";
import type { IndexShape } from "../../storage/index-layout.ts";
import { dumpHash, openCut, verifyShards } from "../../storage/read-only.ts";
import { StaleOwner } from "../../storage/storage-error.ts";
import { claim, idOf, outcomeOf, ownerName, TENANT, TestShard } from "./shard-file-support.ts";

const OWNERS = [ownerName("alice"), ownerName("bob"), ownerName("carol")] as const;
const IDS = 100;

/** Two runs are merged into one after every few claims. */
const TINY: IndexShape = { capacity: 4, pageBits: 8, blockBits: 0, fanOutBits: 1 };

/** A hash with eight values, spread over the pages; the owner does not count. */
class CollidingHash implements ClaimHash {
  high = 0;
  low = 0;

  of(_owner: number, id: CommandId): void {
    const number = Number.parseInt(id.slice(-4), 16);
    this.high = ((number % 4) * 0x4000_0001) >>> 0;
    this.low = (number % 2) * 0xffff_ffff;
  }
}

interface Key {
  readonly owner: number;
  readonly id: number;
}

type Action =
  | {
      readonly kind: "turn";
      readonly keys: readonly Key[];
      readonly ahead: readonly Key[];
      readonly end: TurnEnd;
    }
  | { readonly kind: "reopen" };

/** How a turn ends; `lost` = its last guard fails when the index was written already, `crash` = a copy goes on. */
type TurnEnd = "commit" | "rollback" | "lost" | "crash";

const KEY = fc.record({ owner: fc.nat(OWNERS.length - 1), id: fc.nat(IDS - 1) });
const TURN_END = fc.oneof(
  { weight: 8, arbitrary: fc.constant<TurnEnd>("commit") },
  { weight: 1, arbitrary: fc.constantFrom<TurnEnd>("rollback", "lost", "crash") },
);
const ACTION: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant("turn" as const),
      keys: fc.array(KEY, { maxLength: 12 }),
      ahead: fc.array(KEY, { maxLength: 4 }),
      end: TURN_END,
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "reopen" as const }) },
);

/** A shard file beside the map that it must agree with. */
class Play implements Disposable {
  readonly shard: TestShard;
  readonly #known = new Map<string, number>();
  #copies = 0;

  constructor(index: ClaimOptions) {
    this.shard = new TestShard(0, WALLET_LAG, index);
  }

  [Symbol.dispose](): void {
    this.shard[Symbol.dispose]();
  }

  run(action: Action): void {
    if (action.kind === "reopen") this.shard.reopen();
    else this.#turn(action.keys, action.ahead, action.end);
  }

  /** Every claimed id is found, and the ids in between are not. */
  checkAll(): void {
    for (let id = 0; id < IDS; id += 1) {
      for (const owner of OWNERS.keys()) this.#check({ owner, id });
    }
  }

  #turn(keys: readonly Key[], ahead: readonly Key[], end: TurnEnd): void {
    const { shard } = this;
    const claimed = new Map<string, number>();
    if (end === "lost") this.#stealFile();
    shard.file.begin();
    for (const { owner, id } of [...ahead, ...keys.filter((key) => key.id % 5 > 0)].map(nameOf)) {
      shard.file.ledger.commands.expect(TENANT, owner, id);
    }
    shard.file.ledger.commands.lookUpExpected();
    shard.record(() => {
      for (const key of keys) this.#claim(key, claimed);
      for (const key of [...ahead, ...keys]) this.#check(key, claimed);
    });
    if (end === "rollback") shard.file.rollback();
    else if (end === "lost") this.#loseCommit();
    else if (end === "crash") this.#goOnWithCopy();
    else {
      shard.file.commit();
      for (const [key, number] of claimed) this.#known.set(key, number);
    }
    for (const key of [...keys, ...ahead]) this.#check(key);
  }

  #claim(key: Key, claimed: Map<string, number>): void {
    const { ledger } = this.shard;
    const { owner, id } = nameOf(key);
    const expected = claimed.get(textOf(key)) ?? this.#known.get(textOf(key));
    const taken = ledger.findCommand(TENANT, owner, id)?.number;
    assert.equal(taken, expected);
    const before = { commands: this.#known.size + claimed.size };
    if (expected !== undefined) {
      assert.throws(() => claim(ledger, owner, id), new RegExp(`taken by command ${expected}$`));
      return;
    }
    const number = claim(ledger, owner, id);
    assert.equal(number, before.commands + 1);
    ledger.settleCommand(number, outcomeOf(ledger, { id, op: "freeze", status: "done" }));
    claimed.set(textOf(key), number);
  }

  #check(key: Key, claimed?: ReadonlyMap<string, number>): void {
    const { owner, id } = nameOf(key);
    const expected = claimed?.get(textOf(key)) ?? this.#known.get(textOf(key));
    assert.equal(this.shard.ledger.findCommand(TENANT, owner, id)?.number, expected, textOf(key));
  }

  /** Another process moves the generation. */
  #stealFile(): void {
    const database = new Database(this.shard.path);
    database.exec("UPDATE meta SET generation = generation + 1");
    database.close();
  }

  #loseCommit(): void {
    assert.throws(() => this.shard.file.commit(), StaleOwner);
    this.shard.file.rollback();
  }

  /** The files as they are in the middle of a turn, opened as after a crash. */
  #goOnWithCopy(): void {
    const { shard } = this;
    this.#copies += 1;
    const copy = join(shard.directory.path, `copy-${this.#copies}.db`);
    for (const end of ["", "-wal"]) {
      if (existsSync(shard.path + end)) copyFileSync(shard.path + end, copy + end);
    }
    shard.file.close();
    shard.path = copy;
    shard.file = shard.open();
  }
}

function nameOf({ owner, id }: Key): { owner: OwnerName; id: CommandId } {
  return { owner: OWNERS[owner] ?? OWNERS[0], id: idOf(id) };
}

function textOf({ owner, id }: Key): string {
  return `${owner}:${id}`;
}

for (const [name, options] of [
  ["the index agrees with a map", { shape: TINY }],
  ["the index agrees with a map when hashes collide", { shape: TINY, hashOf: () => new CollidingHash() }],
] as const) {
  test(`${name}, whatever happens between claims`, () => {
    const property = fc.property(fc.array(ACTION, { minLength: 5, maxLength: 30 }), (actions) => {
      using play = new Play(options);
      for (const action of actions) play.run(action);
      play.checkAll();
      play.shard.reopen();
      play.checkAll();
      if (!("hashOf" in options)) assertSound(play.shard.path);
    });
    fc.assert(property, { numRuns: 15, endOnFailure: true });
  });
}

function assertSound(path: string): void {
  const doors = openCut([path]);
  const { violations } = verifyShards(doors, { deep: true, running: false });
  for (const door of doors) door.close();
  assert.deepEqual(violations, []);
}

/** Claims the first ids of alice's, in turns of the given sizes. @returns the answers, and the file as it is then */
function played(shape: IndexShape, sizes: readonly number[], isReopened: boolean): string[] {
  using shard = new TestShard(0, WALLET_LAG, { shape });
  const answers: string[] = [];
  let next = 0;
  for (const size of sizes) {
    shard.file.begin();
    for (let record = 0; record < size; record += 1, next += 1) {
      const id = idOf(next % 7 === 6 ? next - 5 : next);
      shard.record((ledger) => answers.push(`${id} ${claimOnce(ledger, id)}`));
    }
    shard.file.commit();
    if (isReopened) shard.reopen();
  }
  const doors = openCut([shard.path]);
  answers.push(...doors.map(dumpHash));
  for (const door of doors) door.close();
  assertSound(shard.path);
  return answers;
}

/** Claims and settles an id. @returns its new number, or the one that holds it */
function claimOnce(ledger: Ledger, id: CommandId): number {
  const holder = ledger.findCommand(TENANT, OWNERS[0], id);
  if (holder) return holder.number;
  const number = claim(ledger, OWNERS[0], id);
  ledger.settleCommand(number, outcomeOf(ledger, { id, op: "freeze", status: "done" }));
  return number;
}

test("a replay gives the same answers and rows however it is cut, restarted and indexed", () => {
  const whole = played(TINY, [140], false);
  assert.deepEqual(
    played(
      TINY,
      Array.from({ length: 20 }, () => 7),
      true,
    ),
    whole,
  );
  assert.deepEqual(played({ ...TINY, fanOutBits: 2, capacity: 3 }, [1, 2, 3, 4, 30, 60, 40], false), whole);
  assert.deepEqual(played({ ...TINY, capacity: 1000 }, [70, 70], true), whole);
});

test("a file that is opened between any two slices finds every id and goes on where it stopped", () => {
  using shard = new TestShard(0, WALLET_LAG, { shape: { ...TINY, capacity: 8 } });
  const unfinished = new Set<number>();
  for (let next = 0; next < 100; next += 1) {
    shard.turn((ledger) => claimOnce(ledger, idOf(next)));
    shard.reopen();
    for (const { level, done } of runsIn(shard.path)) {
      if (done > 0 && done < 256 << level) unfinished.add(level);
    }
    if (next % 8 > 0) continue;
    for (let id = 0; id <= next + 1; id += 1) {
      const found = shard.ledger.findCommand(TENANT, OWNERS[0], idOf(id))?.number;
      assert.equal(found, id > next ? undefined : id + 1);
    }
    assertSound(shard.path);
  }
  assert.deepEqual([...unfinished].sort(), [0, 1, 2, 3]);
});

/** Bits that are cleared in the index: the hashes of pages, and filters. */
const CLEARED = [
  "UPDATE index_page SET body = CAST(substr(body, 1, 4) || zeroblob(4) || substr(body, 9) AS BLOB)",
  "UPDATE index_filter SET body = zeroblob(length(body))",
];

for (const sql of CLEARED)
  test(`bits that change on disk stop the file and free no id: ${sql.slice(0, 17)}`, () => {
    using shard = new TestShard(0, WALLET_LAG, { shape: { ...TINY, capacity: 8 } });
    for (let next = 0; next < 100; next += 1) shard.turn((ledger) => claimOnce(ledger, idOf(next)));
    shard.file.close();
    const database = new Database(shard.path);
    database.exec(sql);
    database.close();
    const findAll = (): void => {
      shard.file = shard.open();
      shard.turn((ledger) => {
        for (let next = 0; next < 100; next += 1) assert.ok(claimOnce(ledger, idOf(next)) <= 100);
      });
    };
    assert.throws(findAll, { name: "StorageFault", code: "corrupt" });
  });

test("what was merged is gone from the file, and runs stay few", () => {
  using shard = new TestShard(0, WALLET_LAG, { shape: { ...TINY, capacity: 8 } });
  for (let turn = 0; turn < 50; turn += 1) {
    shard.turn((ledger) => {
      for (let next = turn * 8; next < turn * 8 + 8; next += 1) claimOnce(ledger, idOf(next));
    });
    const levels = new Map<number, number>();
    for (const { level } of runsIn(shard.path)) levels.set(level, (levels.get(level) ?? 0) + 1);
    for (const [level, runs] of levels) assert.ok(runs <= 4, `${runs} runs of level ${level}`);
  }
  assertSound(shard.path);
});

test("two files hash differently: nobody can choose ids that fall together", () => {
  const seeds = [0, 1].map(() => {
    using shard = new TestShard();
    const database = new Database(shard.path, { readonly: true });
    const seed = database.prepare<[], Buffer>("SELECT seed FROM index_layout").pluck().get();
    database.close();
    return seed?.toString("hex");
  });
  assert.notEqual(seeds[0], seeds[1]);
  const hashes = seeds.map((seed) => {
    const hash = new CommandHash(Buffer.from(seed ?? "", "hex"));
    hash.of(1, idOf(1));
    return `${hash.high} ${hash.low}`;
  });
  assert.notEqual(hashes[0], hashes[1]);
});

test("the hash takes every character of the id and every bit of the owner", () => {
  const hash = new CommandHash(Buffer.alloc(8, 7));
  const seen = new Set<string>();
  const note = (owner: number, id: CommandId) => {
    hash.of(owner, id);
    seen.add(`${hash.high} ${hash.low}`);
  };
  const zero = "00000000-0000-0000-0000-000000000000";
  note(0, zero as CommandId);
  for (let bit = 0; bit < 53; bit += 1) note(2 ** bit, zero as CommandId);
  let expected = 54;
  for (const [at, character] of [...zero].entries()) {
    if (character === "-") continue;
    for (const other of "123456789abcdef") {
      note(0, `${zero.slice(0, at)}${other}${zero.slice(at + 1)}` as CommandId);
      expected += 1;
    }
  }
  assert.equal(seen.size, expected);
});

function runsIn(path: string): { number: number; level: number; done: number }[] {
  const database = new Database(path, { readonly: true });
  const runs = database
    .prepare<[], { number: number; level: number; done: number }>("SELECT * FROM index_run")
    .all();
  database.close();
  return runs;
}
