// What the storage tests share: a temporary shard file, records around ledger calls, and commands that do what
// the smallest of decisions would do.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Ledger } from "../../actors/ledger.ts";
import { balancesOf, type Wallet } from "../../actors/wallet.ts";
import type { CommandId } from "../../protocol/command-id.ts";
import { parseCommandId } from "../../protocol/command-id.ts";
import { hash32 } from "../../protocol/digest.ts";
import type { Bound } from "../../protocol/money.ts";
import type { AssetName, OwnerName, TenantName, WalletName } from "../../protocol/names.ts";
import { ownerOf, parseAsset, parseOwner, parseTenant, parseWallet } from "../../protocol/names.ts";
import type { Outcome } from "../../protocol/outcome.ts";
import { WALLET_LAG, type WalletLagLimits } from "../../storage/balance-table.ts";
import type { ClaimOptions } from "../../storage/command-claims.ts";
import { ShardFile } from "../../storage/shard-file.ts";
import { TURN_LOG, type TurnLogLimits } from "../../storage/turn-log.ts";

/** The identity of every test file. */
export const IDENTITY = { cluster: "cluster-1", shard: 0, shards: 4 } as const;
/** The tenant of every test. */
export const TENANT = must(parseTenant("demo"));
/** The asset of most tests. */
export const USD = must(parseAsset("USD/2"));
/** The stamp of position 0. */
export const START_MS = 1_800_000_000_000;

/** Rows of wallets that never lag: for tests that look at rows. */
export const NO_LAG: WalletLagLimits = { roundSteps: 0, waitingMax: 0 };

/** No log of holds and timers: they are rows at once. For tests that look at rows. */
export const NO_TURN_LOG: TurnLogLimits = { rows: 0, entries: 0, bytes: 0 };

/** A temporary directory that disposes of itself. */
export function temporaryDirectory(): { path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), "coffer-storage-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** An open shard file in a temporary directory. */
export class TestShard implements Disposable {
  readonly directory = temporaryDirectory();
  path: string;
  readonly shard: number;
  readonly #index: ClaimOptions | undefined;
  file: ShardFile;
  readonly #walletLag: WalletLagLimits;
  readonly #turnLog: TurnLogLimits;
  #nextId = 1;

  /**
   * @param walletLag how far rows of wallets lag; as in service when it is left out
   * @param index the shape of the command index and its hash; as in service when it is left out
   * @param turnLog how long the log of holds and timers may be; as in service when it is left out
   */
  constructor(
    shard = 0,
    walletLag: WalletLagLimits = WALLET_LAG,
    index?: ClaimOptions,
    turnLog: TurnLogLimits = TURN_LOG,
  ) {
    this.shard = shard;
    this.#turnLog = turnLog;
    this.#walletLag = walletLag;
    this.#index = index;
    this.path = join(this.directory.path, `${shard}.db`);
    this.file = this.open();
  }

  /** Opens the file, or a copy of it, once more. */
  open(path = this.path): ShardFile {
    const index = this.#index && { index: this.#index };
    const lags = { walletLag: this.#walletLag, turnLog: this.#turnLog };
    return ShardFile.open({ ...IDENTITY, shard: this.shard, path, ...lags, ...index });
  }

  /** Closes the file and opens it again. */
  reopen(): void {
    this.file.close();
    this.file = this.open();
  }

  /** The ledger. */
  get ledger(): Ledger {
    return this.file.ledger;
  }

  /** A fresh command id, in time order. */
  id(): CommandId {
    this.#nextId += 1;
    return idOf(this.#nextId);
  }

  /** Applies one record inside the open turn. */
  record<Value>(apply: (ledger: Ledger) => Value, stampMs?: number): Value {
    const position = this.file.position + 1;
    const digest = hash32(Buffer.from(`record ${position}`));
    this.file.beginRecord({ position, stampMs: stampMs ?? START_MS + position * 1000, digest });
    const value = apply(this.file.ledger);
    this.file.endRecord();
    return value;
  }

  /** Applies one record in a turn of its own. */
  turn<Value>(apply: (ledger: Ledger) => Value, stampMs?: number): Value {
    this.file.begin();
    try {
      const value = this.record(apply, stampMs);
      this.file.commit();
      return value;
    } catch (error) {
      this.file.rollback();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.file.close();
    this.directory[Symbol.dispose]();
  }
}

/** A wallet's name, checked. */
export function walletName(text: string): WalletName {
  return must(parseWallet(text));
}

/** An owner's name, checked. */
export function ownerName(text: string): OwnerName {
  return must(parseOwner(text));
}

/** A tenant's name, checked. */
export function tenantName(text: string): TenantName {
  return must(parseTenant(text));
}

/** An asset's name, checked. */
export function assetName(text: string): AssetName {
  return must(parseAsset(text));
}

/** The n-th command id. */
export function idOf(number: number): CommandId {
  return must(parseCommandId(`01900000-0000-7000-8000-${number.toString(16).padStart(12, "0")}`));
}

/** Claims and settles an open of a wallet, as one step. */
export function openWallet(
  ledger: Ledger,
  name: string,
  options: { id: CommandId; asset?: AssetName; min?: Bound; max?: Bound; meta?: string },
): Wallet {
  const { id, asset = USD, min = 0n, max = "unlimited", meta = null } = options;
  const wallet = ledger.createWallet({ tenant: TENANT, name: walletName(name), asset, min, max, meta });
  const owner = ownerOf(wallet.name);
  const number = claim(ledger, owner, id);
  ledger.append({
    kind: "open",
    tenant: TENANT,
    owner,
    command: id,
    op: "open",
    status: "open",
    transfer: null,
    code: null,
    ref: null,
    changes: [{ wallet, posted: 0n, held: 0n, incoming: 0n, leg: null, counterparty: null }],
    transits: [],
  });
  ledger.settleCommand(number, outcomeOf(ledger, { id, op: "open", status: "open", wallets: [wallet] }));
  return wallet;
}

/** Claims and settles a transfer between two wallets of the shard. */
export function transfer(
  ledger: Ledger,
  {
    id,
    from,
    to,
    amount,
    ref = null,
  }: { id: CommandId; from: string; to: string; amount: bigint; ref?: string | null },
): number {
  const source = must(ledger.wallet(TENANT, walletName(from)));
  const target = must(ledger.wallet(TENANT, walletName(to)));
  const owner = ownerOf(source.name);
  const number = claim(ledger, owner, id);
  ledger.append({
    kind: "transfer",
    tenant: TENANT,
    owner,
    command: id,
    op: "transfer",
    status: "posted",
    transfer: null,
    code: null,
    ref,
    changes: [
      { wallet: source, posted: -amount, held: 0n, incoming: 0n, leg: 0, counterparty: target.name },
      { wallet: target, posted: amount, held: 0n, incoming: 0n, leg: 0, counterparty: source.name },
    ],
    transits: [],
  });
  const wallets = [source, target];
  ledger.settleCommand(number, outcomeOf(ledger, { id, op: "transfer", status: "posted", wallets }));
  return number;
}

/** Claims an id with some content. */
export function claim(ledger: Ledger, owner: OwnerName, id: CommandId, content = `content of ${id}`): number {
  const bytes = Buffer.from(content);
  const claimed = ledger.claimCommand({
    tenant: TENANT,
    owner,
    id,
    content: bytes,
  });
  if ("existing" in claimed) throw new Error(`${id} is taken by command ${claimed.existing.number}`);
  return claimed.number;
}

/** An outcome that is settled by the record that is being applied. */
export function outcomeOf(
  ledger: Ledger,
  {
    id,
    op,
    status,
    wallets = [],
  }: { id: CommandId; op: string; status: Outcome["status"]; wallets?: readonly Wallet[] },
): Outcome {
  const { shard, position, timeMs } = ledger;
  const isRefused = status === "refused";
  return {
    id,
    op,
    status,
    refusal: isRefused ? { code: "insufficient_funds", detail: "wallet" } : null,
    replayed: false,
    shard,
    position,
    timeMs,
    balances: isRefused ? null : wallets.map(balancesOf),
  };
}

/** The value, which must be there. */
export function must<Value>(value: Value | null | undefined): Value {
  if (value === null || value === undefined) throw new Error("a value is missing");
  return value;
}
