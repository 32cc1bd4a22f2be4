// What one request changes: decided in memory on rows that are locked, then written at once.
//
// Owns the rows between the lock and the COMMIT; they are not used afterwards.
// Invariant: a command is applied whole or refused; legs do not fund each other within one transfer.

import type { LedgerCommand, MoveMoney, OpenWallet } from "./ledger-command.ts";

/** A wallet as PostgreSQL gives it: 64-bit numbers are texts. */
export interface WalletRow {
  readonly wallet: string;
  readonly asset: string;
  readonly posted: string;
  readonly min: string | null;
  readonly version: string;
}

/** One answer: its JSON, and the HTTP status that it has when it stands alone. */
export interface LedgerAnswer {
  readonly status: number;
  readonly body: string;
}

/** A wallet while a request changes it. */
interface WalletState {
  readonly wallet: string;
  readonly asset: string;
  readonly min: bigint | null;
  posted: bigint;
  version: number;
  isNew: boolean;
  isMoved: boolean;
}

interface KnownCommand {
  readonly content: string;
  readonly answer: string;
}

const SETTLED = { open: 201, transfer: 201 } as const;
/** Statuses of refusals that are not 422, as the gateway has them. */
const STATUS_OF_CODE: Readonly<Record<string, number>> = { wallet_not_found: 404 };

/** See the file header. */
export class LedgerTurn {
  readonly #wallets = new Map<string, WalletState>();
  readonly #known: Map<string, KnownCommand>;
  /** Rows of `entries`: wallet, version, amount, posted, command. */
  readonly entries: (readonly [string, number, string, string, string])[] = [];
  /** Rows of `commands`: id, content, answer. */
  readonly noted: (readonly [string, string, string])[] = [];

  constructor(rows: readonly WalletRow[], known: readonly (KnownCommand & { readonly id: string })[]) {
    for (const { wallet, asset, posted, min, version } of rows) {
      const least = min === null ? null : BigInt(min);
      const state = { wallet, asset, posted: BigInt(posted), min: least, version: Number(version) };
      this.#wallets.set(wallet, { ...state, isNew: false, isMoved: false });
    }
    this.#known = new Map(known.map((command) => [command.id, command]));
  }

  /** Rows of wallets that are new: wallet, asset, posted, min, version. */
  get opened(): (readonly [string, string, string, string | null, number])[] {
    return [...this.#wallets.values()]
      .filter(({ isNew }) => isNew)
      .map(({ wallet, asset, posted, min, version }) => {
        return [wallet, asset, String(posted), min === null ? null : String(min), version];
      });
  }

  /** Rows of wallets that were there and changed: wallet, posted, version. */
  get moved(): (readonly [string, string, number])[] {
    return [...this.#wallets.values()]
      .filter(({ isNew, isMoved }) => isMoved && !isNew)
      .map(({ wallet, posted, version }) => [wallet, String(posted), version]);
  }

  /** Applies one command, or gives the answer that its id has already. */
  apply(command: LedgerCommand): LedgerAnswer {
    const known = this.#known.get(command.id);
    if (known !== undefined) {
      if (known.content !== command.content) return refusal(command, "id_conflict");
      const outcome: { op: "open" | "transfer"; status: string; code?: string } = JSON.parse(known.answer);
      const body = JSON.stringify({ ...outcome, replayed: true });
      return { status: outcome.code === undefined ? SETTLED[outcome.op] : statusOf(outcome.code), body };
    }
    const answer = command.op === "open" ? this.#open(command) : this.#transfer(command);
    this.#known.set(command.id, { content: command.content, answer: answer.body });
    this.noted.push([command.id, command.content, answer.body]);
    return answer;
  }

  #open(command: OpenWallet): LedgerAnswer {
    const { wallet, asset, min } = command;
    const there = this.#wallets.get(wallet);
    if (there === undefined) {
      const state = { wallet, asset, min, posted: 0n, version: 1, isNew: true, isMoved: false };
      this.#wallets.set(wallet, state);
      return settled(command, "open", [state]);
    }
    if (there.asset !== asset || there.min !== min) return refusal(command, "wallet_exists");
    return settled(command, "open", [there]);
  }

  #transfer(command: MoveMoney): LedgerAnswer {
    const debits = new Map<WalletState, bigint>();
    const touched = new Set<WalletState>();
    for (const { from, to, amount } of command.legs) {
      const [source, destination] = [this.#wallets.get(from), this.#wallets.get(to)];
      if (source === undefined || destination === undefined) return refusal(command, "wallet_not_found");
      if (source === destination) return refusal(command, "same_wallet");
      if (source.asset !== destination.asset) return refusal(command, "asset_mismatch");
      debits.set(source, (debits.get(source) ?? 0n) + amount);
      touched.add(source).add(destination);
    }
    for (const [{ posted, min }, debit] of debits)
      if (min !== null && posted - debit < min) return refusal(command, "insufficient_funds");
    this.#move(command, touched);
    return settled(command, "posted", [...touched]);
  }

  #move(command: MoveMoney, touched: ReadonlySet<WalletState>): void {
    const changes = new Map<string, bigint>();
    for (const { from, to, amount } of command.legs) {
      changes.set(from, (changes.get(from) ?? 0n) - amount);
      changes.set(to, (changes.get(to) ?? 0n) + amount);
    }
    for (const state of touched) {
      const change = changes.get(state.wallet) ?? 0n;
      state.posted += change;
      state.version += 1;
      state.isMoved = true;
      this.entries.push([state.wallet, state.version, String(change), String(state.posted), command.id]);
    }
  }
}

function settled(
  { id, op }: LedgerCommand,
  status: "open" | "posted",
  states: readonly WalletState[],
): LedgerAnswer {
  const balances = Object.fromEntries(
    states.map(({ wallet, posted, min, version }) => [
      wallet,
      {
        posted: String(posted),
        held: "0",
        incoming: "0",
        available: min === null ? "unlimited" : String(posted - min),
        version: String(version),
      },
    ]),
  );
  return { status: SETTLED[op], body: JSON.stringify({ id, op, status, replayed: false, balances }) };
}

function refusal({ id, op }: LedgerCommand, code: string): LedgerAnswer {
  const body = JSON.stringify({ id, op, status: "refused", code, replayed: false });
  return { status: statusOf(code), body };
}

function statusOf(code: string): number {
  return STATUS_OF_CODE[code] ?? 422;
}
