// Verification finds each kind of corruption: every line of the table tampers with one row of sound files and
// must be reported under its name. Guards against a sweep that is clean because it does not look.
// The files hold moves in every state between two shards; see move-play.ts.

import assert from "node:assert/strict";
import { closeSync, openSync, writeSync } from "node:fs";
import { test } from "node:test";
import Database from "better-sqlite3";
import type { LateOutcome } from "../../storage/outcome-page.ts";
import {
  dumpHash,
  dumpShard,
  openCut,
  retakeUntilConclusive,
  type VerifyReport,
  verifyShards,
} from "../../storage/read-only.ts";
import { COMMAND_RUNS, type RunTableName, STEP_RUNS } from "../../storage/schema.ts";
import { TURN_LOG } from "../../storage/turn-log.ts";
import type { ViolationName } from "../../storage/violation.ts";
import { MovePlay } from "./move-play.ts";
import { editOutcomes } from "./outcome-editor.ts";
import { editRuns, type RunRow } from "./run-editor.ts";
import { SUMMED, tamper } from "./tampering.ts";

type Target = "here" | "there";

/** A run's bytes with the last one changed. */
const FLIPPED = "CAST(substr(body, 1, length(body) - 1) || x'7f' AS BLOB)";

/** What is tampered with, in which file, and what must be reported. `deep` = only the deep sweep can see it. */
const TAMPERED: readonly (readonly [sql: string, file: Target, what: ViolationName, sweep?: "deep"])[] = [
  ["UPDATE balance SET posted = posted + 1 WHERE number = 1", "here", "sum_not_zero"],
  ["UPDATE balance SET held = held + 1 WHERE number = 2", "here", "held_differs"],
  ["UPDATE balance SET incoming = incoming + 1 WHERE number = 1", "there", "incoming_differs"],
  ["UPDATE balance SET min = 5000 WHERE number = 2", "here", "bounds_broken"],
  ["UPDATE balance SET max = 0 WHERE number = 1", "there", "bounds_broken"],
  ["UPDATE balance SET status = 2 WHERE number = 2", "here", "bounds_broken"],
  ["UPDATE balance SET status = 9 WHERE number = 2", "here", "row_corrupt"],
  ["DELETE FROM wallet WHERE number = 3", "here", "wallet_numbers"],
  ["DELETE FROM balance WHERE number = 3", "here", "wallet_numbers"],
  ["UPDATE wallet SET purse = 'gone' WHERE number = 2", "here", "reservation_stray"],
  ["UPDATE pair_money SET sum = sum + 1 WHERE direction = 0", "there", "sum_not_zero"],
  ["UPDATE pair_money SET sum = '-49' WHERE direction = 1", "here", "pair_money_differs"],
  ["DELETE FROM pair_money", "there", "pair_money_differs"],
  ["DELETE FROM hold", "here", "held_differs"],
  ["DELETE FROM hold", "here", "timer_stray"],
  ["DELETE FROM timer WHERE kind = 0", "here", "timer_missing"],
  ["DELETE FROM timer WHERE kind = 1", "here", "timer_missing"],
  ["UPDATE timer SET target = 99 WHERE kind = 1", "here", "timer_stray"],
  ["UPDATE timer SET due = due + 1 WHERE kind = 0", "here", "timer_stray"],
  ["DELETE FROM saga", "here", "held_differs"],
  ["DELETE FROM saga_log", "here", "held_differs"],
  ["DELETE FROM saga_log", "here", "saga_stranded"],
  ["DELETE FROM saga_log", "here", "command_without_outcome", "deep"],
  ["DELETE FROM saga_log WHERE number = (SELECT max(number) FROM saga_log)", "here", "saga_impossible"],
  [`UPDATE saga_log SET body = zeroblob(3);${SUMMED}`, "here", "row_corrupt"],
  [
    `INSERT INTO saga_log SELECT 999, 0, CAST(body || zeroblob(1) AS BLOB) FROM saga_log LIMIT 1;${SUMMED}`,
    "here",
    "row_corrupt",
  ],
  [
    `UPDATE saga SET number = 99 WHERE number = (SELECT max(number) FROM saga);${SUMMED}`,
    "here",
    "saga_impossible",
  ],
  ["DELETE FROM prepared", "there", "incoming_differs"],
  ["UPDATE prepared SET coordinator = 1", "there", "prepared_impossible"],
  ["UPDATE prepared SET saga = 99", "there", "saga_stranded"],
  [
    "DELETE FROM outbox WHERE number = (SELECT min(number) FROM outbox WHERE peer = 1) AND peer = 1",
    "here",
    "pair_gap",
  ],
  [
    "DELETE FROM outbox WHERE number = (SELECT max(number) FROM outbox WHERE peer = 1) AND peer = 1",
    "here",
    "pair_gap",
  ],
  ["UPDATE outbox SET hash = zeroblob(16) WHERE peer = 0", "there", "pair_hash_differs"],
  ["UPDATE outbox SET body = CAST(body || x'00' AS BLOB) WHERE peer = 0", "there", "pair_hash_differs"],
  ["UPDATE outbox SET money = NULL", "there", "pair_money_differs"],
  ["UPDATE outbox SET money = x'0109'", "there", "row_corrupt"],
  ["UPDATE pair SET applied_hash = zeroblob(16)", "there", "pair_hash_differs"],
  ["UPDATE pair SET applied = applied + 10", "there", "pair_impossible"],
  ["UPDATE pair SET applied = 0", "there", "pair_impossible"],
  ["UPDATE pair SET sent_hash = zeroblob(16) WHERE peer = 1", "here", "pair_hash_differs"],
  ["DELETE FROM record_hash_run WHERE first = 2", "here", "record_hashes"],
  ["UPDATE meta SET position = position + 1", "here", "record_hashes"],
  ["UPDATE meta SET cluster = 'another'", "there", "identity_differs"],
  [`UPDATE hold SET body = zeroblob(3);${SUMMED}`, "here", "row_corrupt"],
  [`UPDATE saga SET body = zeroblob(3);${SUMMED}`, "here", "row_corrupt"],
  ["UPDATE prepared SET body = zeroblob(3)", "there", "row_corrupt"],
  ["UPDATE step_run SET body = zeroblob(3)", "here", "row_corrupt", "deep"],
  [`UPDATE step_run SET body = ${FLIPPED}`, "here", "row_corrupt", "deep"],
  [`UPDATE command_run SET body = ${FLIPPED}`, "here", "row_corrupt", "deep"],
  ["UPDATE tenant SET last_step = 1", "here", "step_chain_of_tenant", "deep"],
  ["UPDATE balance SET last_step = last_step - 1 WHERE number = 2", "here", "entry_chain_broken", "deep"],
  ["UPDATE balance SET version = version + 1 WHERE number = 2", "here", "entry_chain_broken", "deep"],
  ["UPDATE balance SET version = version + 1 WHERE number = 2", "here", "entries_miscounted", "deep"],
  ["UPDATE balance SET posted = posted + 1 WHERE number = 2", "here", "entry_balance_differs", "deep"],
  ["UPDATE wallet SET asset = 'EUR/2' WHERE number = 1", "here", "step_sum_not_zero", "deep"],
  ["UPDATE pair_money SET sum = '-49' WHERE direction = 1", "here", "transit_sum_differs", "deep"],
  ["UPDATE owner SET wallets = 7 WHERE number = 1", "here", "owner_miscounted", "deep"],
  [`UPDATE outcome_page SET body = ${FLIPPED}`, "here", "row_corrupt", "deep"],
  ["UPDATE outcome_page SET page = page + 1", "here", "command_with_two_outcomes", "deep"],
  ["DELETE FROM outcome_page", "here", "command_without_outcome", "deep"],
  [
    "DELETE FROM index_page WHERE key = (SELECT min(key) FROM index_page)",
    "here",
    "command_index_differs",
    "deep",
  ],
  [
    `UPDATE index_page SET body = CAST(substr(body, 1, 8) || x'63000000' AS BLOB);${SUMMED}`,
    "here",
    "command_index_differs",
    "deep",
  ],
  [
    `UPDATE index_page SET body = CAST(body || body AS BLOB);${SUMMED}`,
    "here",
    "command_index_differs",
    "deep",
  ],
  [`UPDATE index_page SET body = ${FLIPPED}`, "here", "row_corrupt", "deep"],
  [`UPDATE index_filter SET body = ${FLIPPED}`, "here", "row_corrupt", "deep"],
  ["UPDATE index_page SET body = zeroblob(5)", "here", "row_corrupt", "deep"],
  [
    "UPDATE index_page SET key = key + 1 WHERE key = (SELECT max(key) FROM index_page)",
    "here",
    "command_index_differs",
    "deep",
  ],
  [
    `UPDATE index_filter SET body = zeroblob(length(body));${SUMMED}`,
    "here",
    "command_index_differs",
    "deep",
  ],
  ["DELETE FROM index_filter", "here", "row_corrupt", "deep"],
  ["DELETE FROM index_run", "here", "command_index_differs", "deep"],
  [`UPDATE index_run SET last = last + 1;${SUMMED}`, "here", "command_index_differs", "deep"],
  [`UPDATE index_run SET first = first + 1;${SUMMED}`, "here", "command_index_differs", "deep"],
  [`UPDATE index_layout SET seed = zeroblob(8);${SUMMED}`, "here", "command_index_differs", "deep"],
];

/** The same in `here` where its open hold and its timer are in the log of the last turns. */
const TAMPERED_LOG: readonly (readonly [sql: string, what: ViolationName])[] = [
  ["DELETE FROM turn_log", "held_differs"],
  ["DELETE FROM turn_log WHERE number > 1", "timer_missing"],
  [`UPDATE turn_log SET body = zeroblob(3);${SUMMED}`, "row_corrupt"],
  [`UPDATE turn_log SET body = x'0303';${SUMMED}`, "row_corrupt"],
  [`UPDATE turn_log SET body = x'030063' WHERE number = 1;${SUMMED}`, "held_differs"],
];

/** Rows inside runs, tampered with in `here`, and what the deep sweep must report. */
const TAMPERED_ROWS: readonly (readonly [
  does: string,
  table: RunTableName,
  edit: (rows: RunRow[]) => RunRow[],
  what: ViolationName,
])[] = [
  ["is gone", STEP_RUNS, (rows) => rows.filter(({ number }) => number !== 4), "step_numbers"],
  ["is gone at the end", STEP_RUNS, (rows) => rows.slice(0, -1), "step_numbers"],
  ["is given twice", STEP_RUNS, (rows) => [...rows.slice(0, 4), ...again(rows, 4)], "step_numbers"],
  [
    "has another position",
    STEP_RUNS,
    (rows) => placed(rows, rows.length, { position: 1000 }),
    "step_position",
  ],
  ["has another time", STEP_RUNS, (rows) => placed(rows, rows.length, { timeMs: 9e12 }), "step_position"],
  ["has another place", STEP_RUNS, (rows) => placed(rows, 1, { index: 5 }), "step_position"],
  ["is of another tenant", STEP_RUNS, (rows) => changed(rows, 7, 0, withTenant2), "step_chain_of_tenant"],
  [
    "has another's bytes",
    STEP_RUNS,
    (rows) => changed(rows, 7, 0, () => partOf(rows, 5)),
    "entry_chain_broken",
  ],
  ["is cut", STEP_RUNS, (rows) => changed(rows, 3, 0, (part) => part.subarray(0, -1)), "row_corrupt"],
  ["is gone", COMMAND_RUNS, (rows) => rows.filter(({ number }) => number !== 2), "command_numbers"],
  ["has no outcome", COMMAND_RUNS, (rows) => changed(rows, 2, 1, () => NOTHING), "command_without_outcome"],
  [
    "has half an outcome",
    COMMAND_RUNS,
    (rows) => changed(rows, 2, 1, () => Uint8Array.of(1, 0)),
    "row_corrupt",
  ],
  [
    "is told by no step",
    COMMAND_RUNS,
    (rows) => changed(rows, 2, 1, () => Uint8Array.of(0, 99)),
    "row_corrupt",
  ],
  [
    "claims the id of another",
    COMMAND_RUNS,
    (rows) => changed(rows, 2, 0, () => partOf(rows, 1)),
    "command_index_differs",
  ],
  [
    "claims the id of another, and is the newest",
    COMMAND_RUNS,
    (rows) => changed(rows, rows.length, 0, () => partOf(rows, 1)),
    "command_index_differs",
  ],
  ["settled in no record", COMMAND_RUNS, (rows) => placed(rows, 3, { position: 0 }), "outcome_impossible"],
];

/** Late outcomes, tampered with in `here`, and what must be reported. */
const TAMPERED_OUTCOMES: readonly (readonly [
  does: string,
  edit: (outcomes: LateOutcome[]) => LateOutcome[],
  what: ViolationName,
  sweep?: "deep",
])[] = [
  [
    "is that of the next command",
    (outcomes) => outcomes.map((outcome) => ({ ...outcome, number: outcome.number + 1 })),
    "saga_impossible",
  ],
  [
    "is given to a settled command too",
    (outcomes) => [...outcomes, ...outcomes.slice(-1).map((outcome) => ({ ...outcome, number: 2 }))],
    "command_with_two_outcomes",
    "deep",
  ],
  [
    "has no command",
    (outcomes) => [...outcomes, ...outcomes.slice(-1).map((outcome) => ({ ...outcome, number: 99 }))],
    "command_with_two_outcomes",
    "deep",
  ],
  ["is gone", (outcomes) => outcomes.slice(1), "command_without_outcome", "deep"],
];

const NOTHING = new Uint8Array();

function partOf(rows: readonly RunRow[], number: number): Uint8Array {
  return rows[number - 1]?.parts[0] ?? NOTHING;
}

/** The rows from `index` on, beginning once more with the one before it. */
function again(rows: readonly RunRow[], index: number): RunRow[] {
  return rows.slice(index - 1).map((row) => ({ ...row, number: row.number + 1 }));
}

/** A step's fourth byte is its tenant. */
function withTenant2(step: Uint8Array): Uint8Array {
  return Buffer.from(step).fill(2, 3, 4);
}

function placed(rows: readonly RunRow[], number: number, place: Partial<RunRow["place"]>): RunRow[] {
  return rows.map((row) => (row.number === number ? { ...row, place: { ...row.place, ...place } } : row));
}

function changed(
  rows: readonly RunRow[],
  number: number,
  part: number,
  edit: (bytes: Uint8Array) => Uint8Array,
): RunRow[] {
  return rows.map((row) => {
    if (row.number !== number) return row;
    return { ...row, parts: row.parts.map((bytes, at) => (at === part ? edit(bytes) : bytes)) };
  });
}

function sweep(play: MovePlay, options: { deep: boolean; running?: boolean }): VerifyReport {
  const doors = openCut([play.here.path, play.there.path]);
  try {
    return verifyShards(doors, { running: false, ...options });
  } finally {
    for (const door of doors) door.close();
  }
}

test("shards with moves in every state between them are clean, also in depth", () => {
  using play = new MovePlay();
  const told: number[] = [];
  const doors = openCut([play.here.path, play.there.path]);
  const report = verifyShards(doors, {
    deep: true,
    running: false,
    onProgress: (_what, done) => told.push(done),
  });
  for (const door of doors) door.close();
  assert.deepEqual(report.violations, []);
  assert.equal(report.clean, true);
  assert.equal(report.inconclusive, false);
  assert.deepEqual(told, [0, 1 / 3, 2 / 3]);
  const [here, there] = report.summary.shards;
  assert.equal(here?.openHolds, 1);
  assert.equal(here?.wallets, 3);
  assert.equal(there?.preparedMoves, 1);
  assert.ok((here?.openSagas ?? 0) >= 4);
});

for (const [sql, target, what, depth] of TAMPERED) {
  test(`verify reports ${what} in ${target}: ${sql}`, () => {
    using play = new MovePlay();
    tamper(play[target].path, sql);
    const report = sweep(play, { deep: depth === "deep" });
    assert.equal(report.clean, false);
    const names = report.violations.map((violation) => violation.what);
    assert.ok(names.includes(what), `reported: ${JSON.stringify(report.violations)}`);
  });
}

for (const [sql, what] of TAMPERED_LOG) {
  test(`verify reports ${what} in the log of the last turns: ${sql}`, () => {
    using play = new MovePlay(TURN_LOG);
    assert.equal(sweep(play, { deep: true }).clean, true);
    tamper(play.here.path, sql);
    const { violations } = sweep(play, { deep: false });
    assert.ok(
      violations.some((violation) => violation.what === what),
      `reported: ${JSON.stringify(violations)}`,
    );
  });
}

for (const [does, name, edit, what] of TAMPERED_ROWS) {
  test(`verify reports ${what} when a ${name.what} ${does}`, () => {
    using play = new MovePlay();
    // Every row alone in its run, so that its place can be told apart from its neighbours'.
    editRuns(play.here.path, name, edit, 1);
    const report = sweep(play, { deep: true });
    assert.equal(report.clean, false);
    const names = report.violations.map((violation) => violation.what);
    assert.ok(names.includes(what), `reported: ${JSON.stringify(report.violations)}`);
  });
}

for (const [does, edit, what, depth] of TAMPERED_OUTCOMES) {
  test(`verify reports ${what} when a late outcome ${does}`, () => {
    using play = new MovePlay();
    editOutcomes(play.here.path, edit);
    const report = sweep(play, { deep: depth === "deep" });
    assert.equal(report.clean, false);
    const names = report.violations.map((violation) => violation.what);
    assert.ok(names.includes(what), `reported: ${JSON.stringify(report.violations)}`);
  });
}

test("a page that was damaged on disk is reported by the deep sweep", () => {
  using play = new MovePlay();
  const { path } = play.here;
  const database = new Database(path);
  const page = database
    .prepare<[], number>("SELECT rootpage FROM sqlite_schema WHERE name = 'hold_owner'")
    .pluck()
    .get();
  database.pragma("wal_checkpoint(TRUNCATE)");
  database.close();
  play.here.file.close();
  const file = openSync(path, "r+");
  writeSync(file, Buffer.alloc(2, 0x7f), 0, 2, Number(page) * 4096 - 2);
  closeSync(file);
  const report = sweep(play, { deep: true });
  assert.deepEqual([...new Set(report.violations.map(({ what }) => what))], ["file_corrupt"]);
});

test("a cut between two snapshots is inconclusive while engines run, and a violation when none does", () => {
  using play = new MovePlay();
  const early = openCut([play.here.path]);
  play.start(5n);
  play.answerAll();
  const late = openCut([play.there.path]);
  const doors = [...early, ...late];
  const stopped = verifyShards(doors, { deep: false, running: false });
  assert.deepEqual(new Set(stopped.violations.map(({ what }) => what)), new Set(["pair_impossible"]));
  assert.equal(stopped.inconclusive, false);
  const running = verifyShards(doors, { deep: false, running: true });
  assert.deepEqual(running.violations, []);
  assert.equal(running.inconclusive, true);
  assert.equal(running.clean, false);
  assert.equal(retakeUntilConclusive(doors, 0), false);
  assert.equal(retakeUntilConclusive(doors, 1), true);
  assert.equal(verifyShards(doors, { deep: false, running: true }).clean, true);
  for (const door of doors) door.close();
});

test("a door shows one moment while the file moves on, and the next after it is taken again", () => {
  using play = new MovePlay();
  const [door] = openCut([play.here.path]);
  assert.ok(door);
  const before = dumpHash(door);
  const { position } = door.meta;
  play.start(1n);
  assert.equal(dumpHash(door), before);
  assert.equal(door.retake().position, position + 1);
  assert.notEqual(dumpHash(door), before);
  door.close();
});

test("a dump has a line for each logical row and no line for caches and send state", () => {
  using play = new MovePlay();
  const [door] = openCut([play.here.path]);
  assert.ok(door);
  const tables = new Map<string, number>();
  for (const line of dumpShard(door)) {
    const table = String(JSON.parse(line)[0]);
    tables.set(table, (tables.get(table) ?? 0) + 1);
  }
  assert.equal(tables.get("wallet"), 3);
  assert.equal(tables.get("meta"), 2);
  assert.equal(tables.get("step"), play.here.file.counters().steps);
  assert.equal(tables.get("command"), play.here.file.counters().commands);
  assert.equal(tables.has("record_hash"), false);
  const before = dumpHash(door);
  play.here.file.setEventsPublished(1);
  play.here.file.setStreamNonce("another");
  door.retake();
  assert.equal(dumpHash(door), before);
  door.close();
});
