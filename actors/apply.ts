// Applies one record of the shard's log: the only way in which anything in a shard changes. Live turns,
// replays and followers all come through here. Pure but for the ledger: no clock, no randomness, no I/O.
// Order: due timers, then the record's commands or items one by one. What throws is a bug (or the
// environment): the turn rolls back, and `ApplyProgress` says which unit it was, so that it can be quarantined.
//
// Invariant: what lies in the log under a wrong cluster, shard or epoch moves the position and the clock only.

import type { EpochStart, QuarantinedUnit } from "../protocol/owner-record.ts";
import type { PeerFrame } from "../protocol/peer-frame.ts";
import { applyCommands } from "./apply-commands.ts";
import { applyFrame } from "./apply-frame.ts";
import { applyTimers } from "./apply-timers.ts";
import type { Applying, ApplyProgress } from "./applying.ts";
import { BEHAVIOUR_VERSION } from "./behaviour-version.ts";
import type { Ledger } from "./ledger.ts";
import { type RecordAnswers, ShardHalt, type ShardRecord } from "./shard-record.ts";

export type { ApplyProgress, CompletionUnit } from "./applying.ts";

/**
 * Applies a record between `beginRecord` and `endRecord` of the ledger.
 * @param quarantined units of this record that must not be applied
 * @returns the answers that become due when the turn has committed
 * Errors: throws `ShardHalt` when the record must stop the shard; anything else thrown is a bug or a fault of
 * the environment, and `progress.unit` names the unit.
 */
export function applyRecord(
  ledger: Ledger,
  record: ShardRecord,
  quarantined: readonly QuarantinedUnit[],
  progress: ApplyProgress,
): RecordAnswers {
  const answers: RecordAnswers = { answered: [], waiting: [], settled: [], resend: [] };
  progress.unit = null;
  if (!isForeign(ledger, record)) {
    const applying: Applying = { ledger, quarantined, progress, answers };
    applyTimers(applying, record);
    applyBody(applying, record);
    progress.unit = null;
  }
  return answers;
}

function isForeign(ledger: Ledger, record: ShardRecord): boolean {
  switch (record.kind) {
    case "ignored":
      return true;
    case "tick":
      return record.tick.epoch !== ledger.epoch || !isOurs(ledger, record.tick);
    case "epoch":
      return record.start.epoch <= ledger.epoch || !isOurs(ledger, record.start);
    case "peer":
      return !isPeerOfOurs(ledger, record.frame);
    case "commands":
      return false;
  }
}

function isOurs(ledger: Ledger, { cluster, shard }: { cluster: string; shard: number }): boolean {
  return cluster === ledger.cluster && shard === ledger.shard;
}

function isPeerOfOurs(ledger: Ledger, { cluster, from, to }: PeerFrame): boolean {
  const isShard = Number.isInteger(from) && from >= 0 && from < ledger.shards;
  return cluster === ledger.cluster && to === ledger.shard && isShard && from !== to;
}

function applyBody(applying: Applying, record: ShardRecord): void {
  if (record.kind === "commands") applyCommands(applying, record.tenant, record.commands);
  else if (record.kind === "peer") applyFrame(applying, record.frame);
  else if (record.kind === "epoch") applyEpoch(applying, record.start);
}

function applyEpoch({ ledger, progress }: Applying, start: EpochStart): void {
  progress.unit = { kind: "completion", of: "epoch", number: 0 };
  if (start.codeVersion > BEHAVIOUR_VERSION) {
    throw new ShardHalt(
      "unknown_version",
      `epoch ${start.epoch} starts behaviour version ${start.codeVersion}`,
    );
  }
  ledger.startEpoch(start);
}
