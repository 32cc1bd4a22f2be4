// The turn: the one place where records become state. What arrived while the last turn ran is decoded,
// decided in log order and written in ONE SQLite transaction; nothing is awaited in between.
//
//   input gate   records wait in the queue until a turn takes them
//   BEGIN ─ per record: clock, timers, commands or items, chains ─ wallets, position ─ COMMIT
//   output gate  answers, peer frames and events leave only after COMMIT
//
// Invariant: turn boundaries leave no trace. A throw rolls back the whole turn, memory included.

import { type ApplyProgress, applyRecord } from "../actors/apply.ts";
import type { QuarantineLookup, RecordAnswers } from "../actors/shard-record.ts";
import { assert } from "../protocol/assert.ts";
import type { TurnStage } from "../protocol/phases.ts";
import type { ShardFile } from "../storage/shard-file.ts";
import { prefetchCommands } from "./command-prefetch.ts";
import type { TurnRecord } from "./turn-record.ts";
import { prefetchWallets } from "./wallet-prefetch.ts";

/** What a turn was doing, so that the owner knows what to quarantine after a throw. */
export interface TurnProgress extends ApplyProgress {
  /** The record that was being applied; 0 = none. */
  position: number;
}

/** Told at the end of each stage of a turn, for measuring. */
export type OnStage = (ended: TurnStage) => void;

const UNMEASURED: OnStage = () => undefined;

/**
 * Applies records in one transaction.
 * @param records consecutive, from `file.position + 1`
 * @returns the answers of each record, in order; everything is on disk when it returns
 * Errors: whatever the apply or SQLite threw, after a complete rollback; `progress` names where.
 */
export function runTurn(
  file: ShardFile,
  records: readonly TurnRecord[],
  quarantine: QuarantineLookup,
  progress: TurnProgress,
  onStage: OnStage = UNMEASURED,
): RecordAnswers[] {
  progress.position = 0;
  progress.unit = null;
  file.begin();
  onStage("decode");
  try {
    prefetchWallets(file, records);
    onStage("load");
    prefetchCommands(file, records);
    onStage("index");
    const answers = records.map((record) => applyOne(file, record, quarantine, progress));
    onStage("decide");
    progress.position = 0;
    file.commit(() => onStage("write"));
    onStage("commit");
    return answers;
  } catch (error) {
    file.rollback();
    throw error;
  }
}

function applyOne(
  file: ShardFile,
  { record, digest }: TurnRecord,
  quarantine: QuarantineLookup,
  progress: TurnProgress,
): RecordAnswers {
  assert(record.position === file.position + 1, "records are applied without a gap");
  progress.position = record.position;
  file.beginRecord({ position: record.position, stampMs: record.stampMs, digest });
  const answers = applyRecord(file.ledger, record, quarantine(record.position), progress);
  file.endRecord();
  return answers;
}
