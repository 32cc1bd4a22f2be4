// Sweeps the invariants over the shard files of one moment (a cut) and says what is broken. Reads only. The
// plain sweep reads wallets and what is open; the deep one also reads every journal step and command and lets
// SQLite check its own pages. Memory stays bounded whatever the number of rows.

import { RECORD_HASHES_KEPT } from "../protocol/limits.ts";
import type { ReadOnlyShard } from "./read-only-shard.ts";
import { verifyClaims } from "./verify-claims.ts";
import { verifyCommands } from "./verify-commands.ts";
import { verifyEntryChains, verifySteps } from "./verify-journal.ts";
import { type OpenCount, verifyMoves } from "./verify-moves.ts";
import { isConclusive, verifyOutbox, verifyPairs } from "./verify-pairs.ts";
import { verifyWallets, type WalletCount } from "./verify-wallets.ts";
import { guarded, type Report, type Violation, ViolationList } from "./violation.ts";

/** How to sweep. */
export interface VerifyOptions {
  /** Read every journal step and command too. */
  readonly deep: boolean;
  /** Engines were writing while the cut was taken: what only shows a moment between two snapshots is inconclusive. */
  readonly running: boolean;
  /** Told before each part: what it is, and the share of parts that are done, 0..1. */
  readonly onProgress?: (what: string, done: number) => void;
}

/** What one shard holds. */
export interface ShardSummary {
  readonly shard: number;
  readonly position: number;
  readonly wallets: number;
  readonly steps: number;
  readonly commands: number;
  readonly openHolds: number;
  readonly openSagas: number;
  readonly preparedMoves: number;
  readonly outboxItems: number;
}

/** What a sweep found. */
export interface VerifyReport {
  /** Nothing is broken, and everything could be judged. */
  readonly clean: boolean;
  /** Pairs could not be judged because the cut caught a moment between two snapshots: take a new one. */
  readonly inconclusive: boolean;
  /** The first thousand. */
  readonly violations: readonly Violation[];
  /** How many there were. */
  readonly violationCount: number;
  readonly summary: {
    readonly shards: readonly ShardSummary[];
    /** Per asset: the sum of all wallets of all shards and what is in flight between them; zero together. */
    readonly money: readonly {
      readonly asset: string;
      readonly wallets: bigint;
      readonly inFlight: bigint;
    }[];
  };
}

/**
 * Takes the snapshots of a cut again until no pair was caught between two of them: before a sweep of running
 * engines, because a cut costs microseconds and a sweep minutes.
 * @param cutsMax cuts taken at most
 * @returns whether the cut is conclusive
 */
export function retakeUntilConclusive(doors: readonly ReadOnlyShard[], cutsMax: number): boolean {
  for (let cut = 0; cut < cutsMax; cut += 1) {
    if (isConclusive(doors)) return true;
    for (const door of doors) door.retake();
  }
  return isConclusive(doors);
}

/**
 * Sweeps the invariants.
 * @param doors one door a shard, of one cluster, taken back to back (`openCut`)
 * Errors: throws `StorageFault` only when a file cannot be read at all; corrupt rows are violations.
 */
export function verifyShards(doors: readonly ReadOnlyShard[], options: VerifyOptions): VerifyReport {
  const list = new ViolationList();
  const shards: ShardSummary[] = [];
  const money = new Map<string, bigint>();
  for (const [index, door] of doors.entries()) {
    options.onProgress?.(`shard ${door.meta.shard}`, index / (doors.length + 1));
    const { summary, posted } = verifyShard(door, options.deep, list.of(door.meta.shard));
    shards.push(summary);
    for (const [asset, sum] of posted) money.set(asset, (money.get(asset) ?? 0n) + sum);
  }
  options.onProgress?.("pairs", doors.length / (doors.length + 1));
  checkIdentity(doors, list);
  const between = list.of(doors[0]?.meta.shard ?? 0);
  let undecided = 0;
  guarded(between, 6, () => {
    undecided = verifyPairs(doors, options.running, (shard) => list.of(shard));
  });
  return {
    clean: list.count === 0 && undecided === 0,
    inconclusive: undecided > 0,
    violations: list.kept,
    violationCount: list.count,
    summary: { shards, money: moneyOf(money) },
  };
}

/** What is not in wallets is on its way: per asset everything sums to zero. */
function moneyOf(money: ReadonlyMap<string, bigint>): VerifyReport["summary"]["money"] {
  return [...money]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([asset, wallets]) => ({ asset, wallets, inFlight: -wallets }));
}

function verifyShard(
  door: ReadOnlyShard,
  deep: boolean,
  report: Report,
): { summary: ShardSummary; posted: WalletCount["posted"] } {
  let wallets: WalletCount = { wallets: 0, entries: 0, posted: new Map() };
  let open: OpenCount = { holds: 0, sagas: 0, prepared: 0 };
  let outboxItems = 0;
  guarded(report, 2, () => {
    wallets = verifyWallets(door, report);
  });
  guarded(report, 6, () => {
    open = verifyMoves(door, report);
  });
  guarded(report, 6, () => {
    outboxItems = verifyOutbox(door, report);
  });
  guarded(report, 5, () => verifyRecordHashes(door, report));
  if (deep) {
    guarded(report, 2, () => verifySteps(door, wallets.entries, report));
    guarded(report, 4, () => verifyEntryChains(door, report));
    guarded(report, 3, () => verifyCommands(door, report));
    guarded(report, 3, () => verifyClaims(door, report));
    guarded(report, 5, () => {
      for (const fault of door.integrityFaults()) report(5, "file_corrupt", fault);
    });
  }
  const { shard, position, lastStep, lastCommand } = door.meta;
  const { holds, sagas, prepared } = open;
  const summary: ShardSummary = {
    ...{ shard, position, wallets: wallets.wallets, steps: lastStep, commands: lastCommand },
    ...{ openHolds: holds, openSagas: sagas, preparedMoves: prepared, outboxItems },
  };
  return { summary, posted: wallets.posted };
}

/** The kept hashes are those of the last records, without a gap. */
function verifyRecordHashes(door: ReadOnlyShard, report: Report): void {
  let last: number | undefined;
  let count = 0;
  for (const { position, hash } of door.recordHashes()) {
    if (last !== undefined && position !== last + 1) {
      report(5, "record_hashes", `the hash of record ${position} follows that of ${last}`);
    }
    if (hash.length !== 16)
      report(5, "record_hashes", `the hash of record ${position} has ${hash.length} bytes`);
    last = position;
    count += 1;
  }
  const { position } = door.meta;
  if ((last ?? 0) !== position || count < Math.min(position, RECORD_HASHES_KEPT)) {
    report(5, "record_hashes", `${count} hashes up to ${last ?? 0}, the position is ${position}`);
  }
}

function checkIdentity(doors: readonly ReadOnlyShard[], list: ViolationList): void {
  const [first] = doors;
  const seen = new Set<number>();
  for (const { meta } of doors) {
    const report = list.of(meta.shard);
    if (meta.cluster !== first?.meta.cluster || meta.shards !== first.meta.shards) {
      report(7, "identity_differs", `the file is of cluster ${meta.cluster} with ${meta.shards} shards`);
    }
    if (seen.has(meta.shard)) report(7, "identity_differs", `two files hold shard ${meta.shard}`);
    seen.add(meta.shard);
  }
}
