// The units that must not be applied, by position: read from the shard's Quarantine records before anything
// else at every start, and added to by the owner once its own record has its PubAck.

import type { Connection } from "../cluster/connection.ts";
import { listRecords } from "../cluster/log-lookup.ts";
import type { Quarantine, QuarantinedUnit } from "../protocol/owner-record.ts";
import { decodeOwnerRecord } from "../protocol/owner-record-codec.ts";
import { quarantineSubject, shardStream } from "../protocol/subject.ts";
import type { DecoderScope } from "./record-decoder.ts";

/** Records asked for at once. */
const PAGE_RECORDS = 1000;
const NONE: readonly QuarantinedUnit[] = [];

/** See the file header. */
export class QuarantineList {
  readonly #units = new Map<number, QuarantinedUnit[]>();

  /** Units to leave out at a position; usually none. */
  at = (position: number): readonly QuarantinedUnit[] => this.#units.get(position) ?? NONE;

  /** Whether a unit is on the list. */
  has(position: number, unit: QuarantinedUnit): boolean {
    return this.at(position).some((listed) => isSameUnit(listed, unit));
  }

  /** Adds a unit; twice is once. */
  add({ position, unit }: Pick<Quarantine, "position" | "unit">): void {
    if (this.has(position, unit)) return;
    const units = this.#units.get(position);
    if (units) units.push(unit);
    else this.#units.set(position, [unit]);
  }

  /** Positions listed. */
  get size(): number {
    return this.#units.size;
  }

  /** Reads every Quarantine record of the shard's log. Errors: as {@link listRecords}. */
  async load(connection: Connection, scope: DecoderScope): Promise<void> {
    const stream = shardStream(scope.shard);
    const subject = quarantineSubject(scope.shard);
    let fromSequence: number | null = 1;
    while (fromSequence !== null) {
      const page = await listRecords(connection.nc, stream, {
        subject,
        fromSequence,
        recordsMax: PAGE_RECORDS,
      });
      for (const { data } of page.records) {
        const decoded = decodeOwnerRecord(data);
        if (!decoded.ok || decoded.value.kind !== "quarantine") continue;
        const { cluster, shard } = decoded.value;
        if (cluster === scope.cluster && shard === scope.shard) this.add(decoded.value);
      }
      fromSequence = page.next;
    }
  }
}

function isSameUnit(left: QuarantinedUnit, right: QuarantinedUnit): boolean {
  return keyOf(left) === keyOf(right);
}

function keyOf(unit: QuarantinedUnit): string {
  if (unit.kind === "command") return `command ${unit.index}`;
  return unit.kind === "item" ? `item ${unit.number}` : `timer ${unit.id}`;
}
