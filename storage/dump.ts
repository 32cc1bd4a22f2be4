// A canonical dump of a shard's logical rows: the same for the same history, however its turns were cut,
// whatever the layout of indexes, and on whichever node it was applied. Left out: caches (record hashes), send
// state (events published), identity of the log (nonce, generation), the command index.
//
// One line a row, a JSON array that begins with the table's name; integers beyond 2^53 as text, bytes as hex.

import { createHash } from "node:crypto";
import type { ReadOnlyShard } from "./read-only-shard.ts";

/** The rows of a shard as lines without line ends, ordered by table and key. */
export function* dumpShard(door: ReadOnlyShard): Generator<string> {
  yield* lines("meta", metaRows(door));
  yield* lines("tenant", door.tenants());
  yield* lines("owner", door.owners());
  yield* lines("wallet", walletRows(door));
  yield* lines("step", door.steps());
  yield* lines("command", commandRows(door));
  yield* lines("hold", door.holds());
  yield* lines("reversal", door.reversals());
  yield* lines("saga", door.sagas());
  yield* lines("prepared", door.prepared());
  yield* lines("timer", door.timers());
  yield* lines("pair", door.pairs());
  yield* lines("money", door.pairMoney());
  for (const { peer } of door.pairs()) yield* lines("items", door.outbox(peer));
}

/** SHA-256 over the dump's lines, each ended by a line feed, in hex. */
export function dumpHash(door: ReadOnlyShard): string {
  const hash = createHash("sha256");
  for (const line of dumpShard(door)) hash.update(line).update("\n");
  return hash.digest("hex");
}

function* lines(table: string, rows: Iterable<object>): Generator<string> {
  for (const row of rows) yield JSON.stringify([table, plain(row)]);
}

function* metaRows({ meta }: ReadOnlyShard): Generator<object> {
  const { cluster, shard, shards, position, timeMs, epoch, codeVersion } = meta;
  const { logChain, stateChain, lastWallet, lastStep, lastCommand, lastTimer } = meta;
  yield { cluster, shard, shards, position, timeMs, epoch, codeVersion };
  yield { logChain, stateChain, lastWallet, lastStep, lastCommand, lastTimer };
}

function* walletRows(door: ReadOnlyShard): Generator<object> {
  for (const { dirty: _dirty, warm: _warm, ...wallet } of door.wallets()) yield wallet;
}

function* commandRows(door: ReadOnlyShard): Generator<object> {
  for (const { outcomes: _places, ...command } of door.commands()) yield command;
}

/** JSON has neither bigint nor bytes. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, plain(field)]));
}
