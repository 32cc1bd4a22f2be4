// Owner records in MessagePack:
//   [version, 0, cluster, shard, epoch, node, codeVersion]                     EpochStart
//   [version, 1, cluster, shard, epoch, [[tenant, owner]…]]                    Tick
//   [version, 2, cluster, shard, epoch, position, kind, unit, codeVersion]     Quarantine
// Whether cluster, shard and epoch are the right ones is for the reader of the log to say.

import type {
  EpochStart,
  OwnerRecord,
  OwnerStamp,
  Quarantine,
  QuarantinedUnit,
  Tick,
} from "./owner-record.ts";
import { decodeVersioned, type PackFields } from "./pack-fields.ts";
import type { CodecFailure } from "./pack-reader.ts";
import { PackWriter } from "./pack-writer.ts";
import type { Result } from "./result.ts";

/** Version of the record format. */
export const OWNER_RECORD_VERSION = 1;

/** Kinds by their numbers; append only. */
const KINDS = ["epoch", "tick", "quarantine"] as const;
const UNITS = ["command", "item", "timer"] as const;
/** Characters of a cluster's id and of a node's name. */
const NAME_CHARS_MAX = 64;
const SHARDS_MAX = 65_536;
/** Owners that one tick may name. */
const TICK_TOUCHES_MAX = 1000;

const writer = new PackWriter();

/** One record, in bytes of its own. */
export function encodeOwnerRecord(record: OwnerRecord): Uint8Array {
  switch (record.kind) {
    case "epoch":
      begin(7, record).text(record.node).int(record.codeVersion);
      break;
    case "tick":
      writeTouches(begin(6, record), record.touches);
      break;
    case "quarantine":
      begin(9, record).int(record.position).int(UNITS.indexOf(record.unit.kind));
      writer.int(unitNumber(record.unit)).int(record.codeVersion);
  }
  return writer.finish();
}

/** Reads what {@link encodeOwnerRecord} gave. Errors: `unknown_version`, `malformed`. Never throws. */
export function decodeOwnerRecord(bytes: Uint8Array): Result<OwnerRecord, CodecFailure> {
  return decodeVersioned(bytes, OWNER_RECORD_VERSION, readRecord);
}

function begin(length: number, { kind, cluster, shard, epoch }: OwnerRecord): PackWriter {
  const start = writer.begin().array(length).int(OWNER_RECORD_VERSION).int(KINDS.indexOf(kind));
  return start.text(cluster).int(shard).int(epoch);
}

function readRecord(fields: PackFields): OwnerRecord {
  const kind = fields.oneOf(KINDS);
  const stamp: OwnerStamp = {
    cluster: fields.text(NAME_CHARS_MAX),
    shard: fields.int(0, SHARDS_MAX - 1),
    epoch: fields.int(1),
  };
  switch (kind) {
    case "epoch":
      return {
        kind,
        ...stamp,
        node: fields.text(NAME_CHARS_MAX),
        codeVersion: fields.int(),
      } satisfies EpochStart;
    case "tick":
      return { kind, ...stamp, touches: fields.list(TICK_TOUCHES_MAX, readTouched) } satisfies Tick;
    case "quarantine":
      return {
        kind,
        ...stamp,
        position: fields.int(1),
        unit: readUnit(fields),
        codeVersion: fields.int(),
      } satisfies Quarantine;
  }
}

function writeTouches(target: PackWriter, touches: Tick["touches"]): void {
  target.array(touches.length);
  for (const { tenant, owner } of touches) target.array(2).text(tenant).text(owner);
}

function readTouched(pair: PackFields): Tick["touches"][number] {
  return { tenant: pair.tenant(), owner: pair.owner() };
}

function unitNumber(unit: QuarantinedUnit): number {
  switch (unit.kind) {
    case "command":
      return unit.index;
    case "item":
      return unit.number;
    case "timer":
      return unit.id;
  }
}

function readUnit(fields: PackFields): QuarantinedUnit {
  const kind = fields.oneOf(UNITS);
  const number = fields.int();
  switch (kind) {
    case "command":
      return { kind, index: number };
    case "item":
      return { kind, number };
    case "timer":
      return { kind, id: number };
  }
}
