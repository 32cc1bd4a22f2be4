// Commands by number, with their outcomes. A command that settles in its own record is one appended row; one
// that stays open gets its outcome later as a row of the table `outcome`, appended too, instead of a second
// write of a row that lies pages back.
//
// Invariant: a number has one outcome, for ever: the second one is refused by the guard here and by the key.

import type { CommandRow } from "../actors/ledger.ts";
import { assert } from "../protocol/assert.ts";
import type { CommandId } from "../protocol/command-id.ts";
import type { OwnerName, TenantName } from "../protocol/names.ts";
import type { Outcome } from "../protocol/outcome.ts";
import { type ClaimKey, type ClaimOptions, CommandClaims, type StoredClaims } from "./command-claims.ts";
import { readClaim, writeClaim } from "./command-row.ts";
import type { Connection } from "./database.ts";
import type { MetaTable } from "./meta-table.ts";
import type { NameTable } from "./name-table.ts";
import { readOutcome, writeOutcome } from "./outcome-row.ts";
import { RowBatch } from "./row-batch.ts";
import { type StateLog, WRITE } from "./state-log.ts";

/** A command of the turn that is being applied: not a row yet. */
interface Pending {
  readonly row: Omit<CommandRow, "outcome">;
  readonly claim: Uint8Array;
  outcome: Outcome | null;
  body: Uint8Array | null;
}

interface CommandSqlRow {
  readonly claim: Uint8Array;
  readonly outcome: Uint8Array | null;
}

/** See the file header. */
export class CommandTable implements StoredClaims {
  readonly #log: StateLog;
  readonly #meta: MetaTable;
  readonly #names: NameTable;
  readonly #claims: CommandClaims;
  readonly #batch: RowBatch;
  readonly #sql;
  #pending: Pending[] = [];

  constructor(
    database: Connection,
    log: StateLog,
    { meta, names, index }: { meta: MetaTable; names: NameTable; index?: ClaimOptions | undefined },
  ) {
    this.#log = log;
    this.#meta = meta;
    this.#names = names;
    this.#batch = new RowBatch(database, "command", ["number", "claim", "outcome"]);
    this.#sql = {
      one: database.prepare<[number], CommandSqlRow>(`SELECT c.claim, coalesce(c.outcome, o.body) AS outcome
        FROM command c LEFT JOIN outcome o ON o.number = c.number WHERE c.number = ?`),
      settle: database.prepare<[Uint8Array, number]>(`INSERT INTO outcome (number, body)
        SELECT number, ? FROM command WHERE number = ? AND outcome IS NULL ON CONFLICT DO NOTHING`),
      claim: database.prepare<[number], Uint8Array>("SELECT claim FROM command WHERE number = ?").pluck(),
      claims: database.prepare<[number], { number: number; claim: Uint8Array }>(
        "SELECT number, claim FROM command WHERE number > ? ORDER BY number",
      ),
    };
    this.#claims = new CommandClaims(database, this, index);
  }

  /** Looks the ids of a turn's commands up before they are applied; owners that are new have none. */
  prefetch(
    tenant: TenantName,
    commands: readonly { readonly owner: OwnerName; readonly id: CommandId }[],
  ): void {
    const keys: ClaimKey[] = [];
    for (const { owner, id } of commands) {
      const row = this.#names.findOwner(tenant, owner);
      if (row) keys.push({ owner: row.number, id });
    }
    this.#claims.prefetch(keys);
  }

  isClaim(number: number, owner: number, id: CommandId): boolean {
    const body = this.#pendingOf(number)?.claim ?? this.#sql.claim.get(number);
    assert(body !== undefined, "a command's number was claimed");
    const row = readClaim(number, body);
    return row.id === id && row.owner === owner;
  }

  *claimsAfter(number: number): Generator<ClaimKey & { readonly number: number }> {
    for (const row of this.#sql.claims.iterate(number)) {
      const { owner, id } = readClaim(row.number, row.claim);
      yield { number: row.number, owner, id };
    }
  }

  /** Claims an id: its new number, or the row that holds it. */
  claim(command: Omit<CommandRow, "number" | "outcome">): { number: number } | { existing: CommandRow } {
    const { tenant, owner, id, content } = command;
    const ownerRow = this.#names.internOwner(tenant, owner);
    const number = this.#meta.row.lastCommand + 1;
    const holder = this.#claims.claim(ownerRow.number, id, number);
    if (holder !== null) return { existing: this.command(holder) };
    this.#meta.row.lastCommand = number;
    const { writer } = this.#log;
    this.#log.open(WRITE.claim);
    writer.varint(number);
    const start = writer.length;
    writeClaim(writer, { owner: ownerRow.number, id, content });
    const row = { number, tenant, owner, id, content };
    this.#pending.push({ row, claim: writer.view(start), outcome: null, body: null });
    return { number };
  }

  /** Stores the outcome of a claimed command, once. */
  settle(number: number, outcome: Outcome): void {
    assert(!outcome.replayed, "a stored outcome is not a replay");
    assert(outcome.position === this.#meta.row.position, "an outcome names the record that settles it");
    const { writer } = this.#log;
    this.#log.open(WRITE.outcome);
    writer.varint(number);
    const start = writer.length;
    writeOutcome(writer, outcome);
    const pending = this.#pendingOf(number);
    if (pending) {
      assert(pending.outcome === null, "a command settles once");
      pending.outcome = outcome;
      pending.body = writer.view(start);
      return;
    }
    const { changes } = this.#sql.settle.run(writer.view(start), number);
    assert(changes === 1, "a command that settles later was recorded and is open");
  }

  /** A command by its id, or undefined. */
  find(tenant: TenantName, owner: OwnerName, id: CommandId): CommandRow | undefined {
    const ownerRow = this.#names.findOwner(tenant, owner);
    if (!ownerRow) return;
    const number = this.#claims.find(ownerRow.number, id);
    return number === null ? undefined : this.command(number);
  }

  /** A recorded command by its number. Errors: asserts that it exists. */
  command(number: number): CommandRow {
    const pending = this.#pendingOf(number);
    if (pending) return { ...pending.row, outcome: pending.outcome };
    const row = this.#sql.one.get(number);
    assert(row !== undefined, "a command's number was claimed");
    const { owner: ownerNumber, id, content } = readClaim(number, row.claim);
    const { tenant, name: owner } = this.#names.owner(ownerNumber);
    const { shard } = this.#meta.row;
    const outcome = row.outcome === null ? null : readOutcome(row.outcome, { id, shard });
    return { number, tenant, owner, id, content, outcome };
  }

  /** Inserts what waits. */
  flush(): void {
    for (const { row, claim, body } of this.#pending) this.#batch.push(row.number, claim, body);
    this.#batch.flush();
    this.#pending = [];
  }

  /** Writes the slices of the index that are due: when the rows of the turn's commands are written. */
  flushIndex(): void {
    assert(this.#pending.length === 0, "the index covers commands that are rows");
    this.#claims.flush();
  }

  /** Notes that the turn is on disk. */
  committed(): void {
    this.#claims.committed();
  }

  /** Forgets what waits: a rollback. */
  drop(): void {
    this.#pending = [];
    this.#batch.drop();
  }

  /** Takes the claims of a turn that was rolled back out of the index: when the file's row was read again. */
  reload(): void {
    this.#claims.reload(this.#meta.row.lastCommand);
  }

  /** Numbers are dense, so the place in the list follows from the number. */
  #pendingOf(number: number): Pending | undefined {
    const first = this.#pending[0];
    return first && number >= first.row.number ? this.#pending[number - first.row.number] : undefined;
  }
}
