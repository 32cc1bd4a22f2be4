// What callers may ask of a shard file between turns: wallets, outcomes, holds and entries as committed. Owns
// paging and the check of cursors, which come from outside: one that does not fit is a value, never a throw.
//
// A wallet's entries are followed newest first from step to step: each entry names the wallet's step before
// it. A cursor is the next step's number, valid only if that step changed this wallet.

import type { Hold } from "../actors/ledger.ts";
import { availableOf, type Wallet } from "../actors/wallet.ts";
import { assert } from "../protocol/assert.ts";
import type { CommandId } from "../protocol/command-id.ts";
import type { Entry, HoldView, WalletView } from "../protocol/entry.ts";
import { ENTRIES_PAGE_MAX, HOLDS_PAGE_MAX, OUTPUT_BYTES_MAX } from "../protocol/limits.ts";
import type { OwnerName, TenantName, WalletName } from "../protocol/names.ts";
import type { Outcome } from "../protocol/outcome.ts";
import { failed, ok, type Result } from "../protocol/result.ts";
import type { EventRun } from "./event-runs.ts";
import { entryBytes, holdBytes, holdViewOf } from "./hold-view.ts";
import { JournalReader } from "./journal-reader.ts";
import type { JournalStep } from "./journal-step.ts";
import type { MetaTable } from "./meta-table.ts";
import type { ShardLedger } from "./shard-ledger.ts";
import type { StepEntry, StepRow } from "./step-row.ts";

/** A page, newest first; `next` is the cursor of the one behind it, null at the end. */
export interface Page<Row> {
  readonly rows: Row[];
  readonly next: string | null;
}

/** Where a page begins and how long it may be. */
export interface PageRequest {
  /** From the page before; null = the newest. */
  readonly cursor: string | null;
  /** Rows at most; the kind of page bounds it further. */
  readonly limit: number;
}

/** What is known of an id. */
export type OutcomeState =
  | { readonly kind: "settled"; readonly outcome: Outcome }
  | { readonly kind: "pending"; readonly number: number }
  | { readonly kind: "not_found" };

/** Why a page cannot be read. */
export type PageFailure = "wallet_not_found" | "cursor_invalid";

/** Bytes of rows in one page of JSON: the rest of a message is its envelope. */
const PAGE_BYTES_MAX = OUTPUT_BYTES_MAX - 4096;

/** See the file header. Throws only on faults of the environment and corruption. */
export class ShardReads {
  readonly #ledger: ShardLedger;
  readonly #meta: MetaTable;
  readonly #journal: JournalReader;

  constructor(ledger: ShardLedger, meta: MetaTable) {
    this.#ledger = ledger;
    this.#meta = meta;
    this.#journal = new JournalReader(ledger);
  }

  /** The record up to which reads show everything. */
  get asOf(): { readonly shard: number; readonly position: number; readonly timeMs: number } {
    const { shard, position, timeMs } = this.#meta.row;
    return { shard, position, timeMs };
  }

  /** One wallet, or undefined. */
  wallet(tenant: TenantName, name: WalletName): WalletView | undefined {
    const wallet = this.#ledger.wallet(tenant, name);
    return wallet && walletViewOf(wallet);
  }

  /** All wallets of an owner by purse, at one instant; empty when there are none. */
  owner(tenant: TenantName, owner: OwnerName): WalletView[] {
    return this.#ledger.wallets.owned(tenant, owner).map(walletViewOf);
  }

  /** What became of a command. */
  outcome(tenant: TenantName, owner: OwnerName, id: CommandId): OutcomeState {
    const command = this.#ledger.findCommand(tenant, owner, id);
    if (!command) return { kind: "not_found" };
    if (command.outcome === null) return { kind: "pending", number: command.number };
    return { kind: "settled", outcome: command.outcome };
  }

  /** Placed holds of an owner, newest first; at most HOLDS_PAGE_MAX and PAGE_BYTES_MAX. */
  holds(
    tenant: TenantName,
    owner: OwnerName,
    { cursor, limit }: PageRequest,
  ): Result<Page<HoldView>, PageFailure> {
    const below = cursor === null ? Number.MAX_SAFE_INTEGER : parseCursor(cursor);
    if (below === undefined) return failed("cursor_invalid");
    const rowsMax = Math.min(limit, HOLDS_PAGE_MAX);
    assert(rowsMax >= 1, "a page has room for a row");
    const holds = this.#ledger.holds.listed(tenant, owner, { below, limit: rowsMax + 1 });
    const rows: HoldView[] = [];
    let bytes = 0;
    let last: Hold | undefined;
    for (const hold of holds) {
      const view = holdViewOf(hold);
      bytes += holdBytes(view);
      if (rows.length === rowsMax || (last && bytes > PAGE_BYTES_MAX)) {
        return ok({ rows, next: last ? String(last.number) : null });
      }
      rows.push(view);
      last = hold;
    }
    return ok({ rows, next: null });
  }

  /** A wallet's entries, newest first; at most ENTRIES_PAGE_MAX and PAGE_BYTES_MAX. */
  entries(
    tenant: TenantName,
    name: WalletName,
    { cursor, limit }: PageRequest,
  ): Result<Page<Entry>, PageFailure> {
    const wallet = this.#ledger.wallet(tenant, name);
    if (!wallet) return failed("wallet_not_found");
    const rowsMax = Math.min(limit, ENTRIES_PAGE_MAX);
    assert(rowsMax >= 1, "a page has room for a row");
    const first = cursor === null ? wallet.lastStep : parseCursor(cursor);
    if (first === undefined) return failed("cursor_invalid");
    const rows: Entry[] = [];
    let bytes = 0;
    for (let number = first; number !== 0; ) {
      const step = this.#ledger.journal.step(number);
      const line = step?.entries.find((entry) => entry.wallet === wallet.number);
      if (!step || !line) {
        assert(number === first && cursor !== null, "a wallet's entries are a chain");
        return failed("cursor_invalid");
      }
      const entry = this.#entryOf(step, line);
      bytes += entryBytes(entry);
      if (rows.length === rowsMax || (rows.length > 0 && bytes > PAGE_BYTES_MAX)) {
        return ok({ rows, next: String(number) });
      }
      rows.push(entry);
      number = line.previous;
    }
    return ok({ rows, next: null });
  }

  /** Committed journal steps behind a number, in order, at most `limit`. */
  journal(afterNumber: number, limit: number): JournalStep[] {
    return this.#journal.after(afterNumber, limit);
  }

  /** The events of committed steps behind a number, of about `limit` of them; from memory while they are there. */
  events(afterNumber: number, limit: number): EventRun[] {
    return this.#journal.events(afterNumber, limit);
  }

  #entryOf(step: StepRow, line: StepEntry): Entry {
    return {
      version: line.version,
      kind: step.kind,
      amount: line.postedDelta,
      held: line.heldDelta,
      balance: { posted: line.posted, held: line.held, incoming: line.incoming },
      command: step.command,
      transfer: step.transfer,
      leg: line.leg,
      counterparty: this.#counterpartyOf(step, line),
      code: step.code,
      ref: step.ref,
      position: step.position,
      timeMs: step.timeMs,
    };
  }

  #counterpartyOf(step: StepRow, { counterparty }: StepEntry): WalletName | null {
    if (typeof counterparty !== "number") return counterparty;
    const other = step.entries[counterparty];
    assert(other !== undefined, "an entry's counterparty is in its step");
    return this.#ledger.wallets.nameOf(other.wallet);
  }
}

function parseCursor(cursor: string): number | undefined {
  return /^[1-9][0-9]{0,14}$/.test(cursor) ? Number(cursor) : undefined;
}

/** A wallet as reads show it. */
export function walletViewOf(wallet: Wallet): WalletView {
  return {
    wallet: wallet.name,
    asset: wallet.asset,
    posted: wallet.posted,
    held: wallet.held,
    incoming: wallet.incoming,
    available: availableOf(wallet),
    min: wallet.min,
    max: wallet.max,
    status: wallet.status,
    version: wallet.version,
    meta: wallet.meta,
  };
}
