// Commands by number, with their outcomes. A command that settles in its own record is one row of a run; one that
// stays open gets its outcome later in a page of its own (late-outcomes.ts), instead of a second write of a row that
// lies pages back.
//
// Invariants: a number has one outcome, for ever: the second one is refused by the guards here and in the page. Which
// of the two places holds an outcome depends on records alone, never on turns.

import type { CommandRow } from "../actors/ledger.ts";
import type { Wallet } from "../actors/wallet.ts";
import { assert } from "../protocol/assert.ts";
import type { CommandId } from "../protocol/command-id.ts";
import type { OwnerName, TenantName } from "../protocol/names.ts";
import type { Outcome } from "../protocol/outcome.ts";
import { type ClaimKey, type ClaimOptions, CommandClaims, type StoredClaims } from "./command-claims.ts";
import { CLAIM_PART, type ClaimRow, claimsOf, OUTCOME_PART, readClaim, writeClaim } from "./command-row.ts";
import type { Connection } from "./database.ts";
import type { Journal } from "./journal.ts";
import { LateOutcomes } from "./late-outcomes.ts";
import type { MetaTable } from "./meta-table.ts";
import type { NameTable } from "./name-table.ts";
import { OpenNumbers } from "./open-numbers.ts";
import { type OutcomeAt, readOutcome, writeOutcome, writeOutcomeStep } from "./outcome-row.ts";
import { RecentClaims } from "./recent-claims.ts";
import { RunTable } from "./run-table.ts";
import { COMMAND_RUNS } from "./schema.ts";
import { type StateLog, WRITE } from "./state-log.ts";
import { outcomeOfStep } from "./step-outcome.ts";
import type { WalletTable } from "./wallet-table.ts";

/** What the table works with. */
export interface CommandParts {
  readonly meta: MetaTable;
  readonly names: NameTable;
  readonly wallets: WalletTable;
  readonly journal: Journal;
  /** Shape of the command index, for tests. */
  readonly index?: ClaimOptions | undefined;
}

/** See the file header. */
export class CommandTable implements StoredClaims {
  readonly #log: StateLog;
  readonly #meta: MetaTable;
  readonly #names: NameTable;
  readonly #wallets: WalletTable;
  readonly #journal: Journal;
  readonly #claims: CommandClaims;
  readonly #recent = new RecentClaims();
  readonly #rows: RunTable;
  readonly #late: LateOutcomes;
  /** Outcomes of the commands that wait, in their order. */
  #waiting: (Outcome | null)[] = [];
  /** Commands that are open, of those written since the file was opened; one that is not here is looked up. */
  readonly #open = new OpenNumbers();
  /**
   * Outcomes settled since the last flush for commands that were written before, by number. Never cleared but made anew: a
   * cleared Map keeps what it held alive until a major collection.
   */
  #settled = new Map<number, Outcome>();

  constructor(database: Connection, log: StateLog, { meta, names, wallets, journal, index }: CommandParts) {
    this.#log = log;
    this.#meta = meta;
    this.#names = names;
    this.#wallets = wallets;
    this.#journal = journal;
    this.#rows = new RunTable(database, log, { meta, name: COMMAND_RUNS });
    this.#late = new LateOutcomes(database);
    this.#claims = new CommandClaims(database, this, index);
  }

  /**
   * Notes an id that the turn will claim, for `lookUpExpected`; an owner that is new has none.
   * @param wallet one of the owner's, if it is at hand: it knows the owner's number
   */
  expect(tenant: TenantName, owner: OwnerName, id: CommandId, wallet?: Wallet): void {
    const number = wallet === undefined ? this.#names.findOwner(tenant, owner)?.number : wallet.owner;
    if (number !== undefined) this.#claims.expect({ tenant, number, name: owner }, id);
  }

  /** Looks the ids that were noted up, all at once, before their commands are applied. */
  lookUpExpected(): void {
    this.#claims.lookUpExpected();
  }

  isClaim(number: number, owner: number, id: CommandId): boolean {
    const recent = this.#recent.isClaim(number, owner, id);
    if (recent !== undefined) return recent;
    const row = this.#claimOf(number);
    return row.id === id && row.owner === owner;
  }

  *claimsAfter(number: number): Generator<ClaimKey & { readonly number: number }> {
    for (const run of this.#rows.reader.from(number + 1)) yield* claimsOf(run, number);
  }

  /** Claims an id: its new number, or the row that holds it. */
  claim(command: Omit<CommandRow, "number" | "outcome">): { number: number } | { existing: CommandRow } {
    const { tenant, owner, id, content } = command;
    const ownerNumber = this.#claims.seek(tenant, owner, id) ?? this.#names.internOwner(tenant, owner).number;
    const number = this.#meta.row.lastCommand + 1;
    const holder = this.#claims.claim(ownerNumber, id, number);
    if (holder !== null) return { existing: this.command(holder) };
    this.#meta.row.lastCommand = number;
    const { writer } = this.#log;
    this.#log.open(WRITE.claim);
    writer.varint(number);
    const start = writer.length;
    writeClaim(writer, { owner: ownerNumber, id, content });
    this.#rows.push(number, start);
    this.#recent.note(number, ownerNumber, writer);
    this.#waiting.push(null);
    return { number };
  }

  /** Stores the outcome of a claimed command, once. */
  settle(number: number, outcome: Outcome): void {
    const { position, timeMs } = this.#meta.row;
    assert(!outcome.replayed, "a stored outcome is not a replay");
    assert(
      outcome.position === position && outcome.timeMs === timeMs,
      "an outcome names the record that settles it",
    );
    const isWaiting = this.#rows.isWaiting(number);
    if (isWaiting) assert(this.#waitingOutcome(number) === null, "a command settles once");
    else if (!this.#open.take(number)) this.#assertOpen(number);
    const { writer } = this.#log;
    this.#log.open(WRITE.outcome);
    writer.varint(number);
    const start = writer.length;
    const step = this.#journal.stepTelling(outcome);
    if (step === null) writeOutcome(writer, outcome);
    else writeOutcomeStep(writer, step);
    if (isWaiting) this.#waiting[number - this.#rows.firstWaiting] = outcome;
    else this.#settled.set(number, outcome);
    if (this.#rows.isOfThisRecord(number)) this.#rows.setPart(number, OUTCOME_PART, start);
    else this.#late.add({ number, position, timeMs }, writer, start);
  }

  /** A command's number by its id, or undefined. */
  numberOf(tenant: TenantName, owner: OwnerName, id: CommandId): number | undefined {
    const ownerRow = this.#names.findOwner(tenant, owner);
    return (ownerRow && this.#claims.find(ownerRow.number, id)) ?? undefined;
  }

  /** A recorded command by its number. Errors: asserts that it exists. */
  command(number: number): CommandRow {
    if (this.#rows.isWaiting(number)) {
      const claim = readClaim(number, this.#rows.waitingPart(number, CLAIM_PART));
      return this.#rowOf(number, claim, this.#waitingOutcome(number));
    }
    const run = this.#rows.reader.holding(number);
    const body = run?.part(number, CLAIM_PART);
    assert(run !== undefined && body !== null && body !== undefined, "a command's number was claimed");
    const claim = readClaim(number, body);
    const early = run.part(number, OUTCOME_PART);
    if (early !== null)
      return this.#rowOf(number, claim, this.#outcomeOf(early, claim.id, run.placeOf(number)));
    const settled = this.#settled.get(number);
    if (settled) return this.#rowOf(number, claim, settled);
    const late = this.#late.find(number);
    return this.#rowOf(number, claim, late ? this.#outcomeOf(late.body, claim.id, late) : null);
  }

  /** Inserts what waits. */
  flush(): void {
    this.#noteOpen();
    this.#rows.flush();
    this.#late.flush();
    this.#forgetOutcomes();
  }

  /** Writes the slices of the index that are due: when the rows of the turn's commands are written. */
  flushIndex(): void {
    assert(this.#waiting.length === 0, "the index covers commands that are rows");
    this.#claims.flush();
  }

  /** Notes that the turn is on disk. */
  committed(): void {
    this.#claims.committed();
  }

  /** Forgets what waits: a rollback. */
  drop(): void {
    this.#rows.drop();
    this.#recent.drop();
    this.#late.drop();
    this.#open.clear();
    this.#forgetOutcomes();
  }

  /** Takes the claims of a turn that was rolled back out of the index: when the file's row was read again. */
  reload(): void {
    this.#claims.reload(this.#meta.row.lastCommand);
  }

  #claimOf(number: number): ClaimRow {
    const body = this.#rows.isWaiting(number)
      ? this.#rows.waitingPart(number, CLAIM_PART)
      : this.#rows.reader.holding(number)?.part(number, CLAIM_PART);
    assert(body !== null && body !== undefined, "a command's number was claimed");
    return readClaim(number, body);
  }

  /** Looking a command up when it settles costs 2 µs, because its run must be read. */
  #noteOpen(): void {
    const first = this.#rows.firstWaiting;
    for (let index = 0; index < this.#waiting.length; index += 1) {
      if (this.#waiting[index] === null) this.#open.add(first + index);
    }
  }

  #forgetOutcomes(): void {
    this.#waiting = [];
    this.#settled = new Map();
  }

  #waitingOutcome(number: number): Outcome | null {
    return this.#waiting[number - this.#rows.firstWaiting] ?? null;
  }

  #assertOpen(number: number): void {
    const run = this.#rows.reader.holding(number);
    const isOpen =
      run?.part(number, OUTCOME_PART) === null &&
      !this.#settled.has(number) &&
      this.#late.find(number) === undefined;
    assert(isOpen, "a command that settles later was recorded and is open");
  }

  #rowOf(number: number, { owner: ownerNumber, id, content }: ClaimRow, outcome: Outcome | null): CommandRow {
    const { tenant, name: owner } = this.#names.owner(ownerNumber);
    return { number, tenant, owner, id, content, outcome };
  }

  #outcomeOf(body: Uint8Array, id: CommandId, at: Pick<OutcomeAt, "position" | "timeMs">): Outcome {
    const { position, timeMs } = at;
    const nameOf = (wallet: number) => this.#wallets.nameOf(wallet);
    return readOutcome(body, { id, shard: this.#meta.row.shard, position, timeMs }, (number) => {
      const step = this.#journal.step(number);
      return step && outcomeOfStep(step, nameOf);
    });
  }
}
