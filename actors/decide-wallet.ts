// Decides the commands about one wallet: open, freeze, unfreeze, close, limit. The judges are pure; deciding
// reads the wallet, appends at most one step and returns the terminal outcome. None of them ever waits.
// What is so already is `done` again without a step: the version stays.

import { assert } from "../protocol/assert.ts";
import type { LimitCommand, OpenCommand, StatusCommand } from "../protocol/command.ts";
import { WALLETS_PER_OWNER_MAX } from "../protocol/limits.ts";
import type { Bound } from "../protocol/money.ts";
import type { TenantName } from "../protocol/names.ts";
import { type Outcome, type Refusal, refusal } from "../protocol/outcome.ts";
import type { Ledger, Step, WalletChange } from "./ledger.ts";
import { refusedOutcome, settledOutcome } from "./terminal-outcome.ts";
import { balancesOf, type Wallet, type WalletStatus } from "./wallet.ts";

/** What an open does: makes the wallet, or confirms the one that is there. */
export type OpenPlan = "create" | "confirm";

/** Judges an open. @param walletCount wallets that the owner has ever opened. Never throws. */
export function judgeOpen(
  existing: Wallet | undefined,
  walletCount: number,
  command: OpenCommand,
): Refusal | OpenPlan {
  if (!existing) {
    return walletCount >= WALLETS_PER_OWNER_MAX ? refusal("too_many_wallets", command.owner) : "create";
  }
  const field = differingField(existing, command);
  if (field) return refusal("wallet_exists", field);
  if (existing.status === "closed") return refusal("wallet_closed", existing.name);
  return "confirm";
}

function differingField(existing: Wallet, command: OpenCommand): string | null {
  if (existing.asset !== command.asset) return "asset";
  if (existing.openedMin !== command.min) return "min";
  if (existing.openedMax !== command.max) return "max";
  if (existing.meta !== command.meta) return "meta";
  return null;
}

/** Judges freeze, unfreeze and close; returns the new status or "unchanged". Never throws. */
export function judgeStatus(
  wallet: Wallet | undefined,
  command: StatusCommand,
): Refusal | WalletStatus | "unchanged" {
  if (!wallet) return refusal("wallet_not_found", command.wallet);
  if (command.op === "close") {
    if (wallet.status === "closed") return "unchanged";
    const empty = wallet.posted === 0n && wallet.held === 0n && wallet.incoming === 0n;
    return empty ? "closed" : refusal("wallet_not_empty", command.wallet);
  }
  if (wallet.status === "closed") return refusal("wallet_closed", command.wallet);
  const status = command.op === "freeze" ? "frozen" : "open";
  return wallet.status === status ? "unchanged" : status;
}

/** New bounds of a wallet. */
export interface LimitPlan {
  readonly min: Bound;
  readonly max: Bound;
}

/** Judges a limit: what the wallet already holds or has reserved must fit. Never throws. */
export function judgeLimit(
  wallet: Wallet | undefined,
  command: LimitCommand,
): Refusal | LimitPlan | "unchanged" {
  if (!wallet) return refusal("wallet_not_found", command.wallet);
  if (wallet.status === "closed") return refusal("wallet_closed", command.wallet);
  const min = command.min ?? wallet.min;
  const max = command.max ?? wallet.max;
  if (max !== "unlimited" && wallet.posted + wallet.incoming > max)
    return refusal("max_exceeded", command.wallet);
  if (min !== "unlimited" && wallet.posted - wallet.held < min)
    return refusal("insufficient_funds", command.wallet);
  return min === wallet.min && max === wallet.max ? "unchanged" : { min, max };
}

/** Decides an open: at most one new wallet and one step. Errors: the ledger's only. */
export function decideOpen(ledger: Ledger, tenant: TenantName, command: OpenCommand): Outcome {
  const existing = ledger.wallet(tenant, command.wallet);
  const plan = judgeOpen(existing, existing ? 0 : ledger.walletCount(tenant, command.owner), command);
  if (typeof plan !== "string") return refusedOutcome(ledger, command, plan);
  const wallet = existing ?? createWallet(ledger, tenant, command);
  return settledOutcome(ledger, command, "open", [balancesOf(wallet)]);
}

function createWallet(ledger: Ledger, tenant: TenantName, command: OpenCommand): Wallet {
  const { wallet: name, asset, min, max, meta } = command;
  const wallet = ledger.createWallet({ tenant, name, asset, min, max, meta });
  ledger.append(stepOf(tenant, command, "open", unmoved(wallet)));
  assert(wallet.version === 1, "an opened wallet has version 1");
  return wallet;
}

/** Decides freeze, unfreeze or close: at most one step. Errors: the ledger's only. */
export function decideStatus(ledger: Ledger, tenant: TenantName, command: StatusCommand): Outcome {
  const wallet = ledger.wallet(tenant, command.wallet);
  const plan = judgeStatus(wallet, command);
  if (typeof plan !== "string") return refusedOutcome(ledger, command, plan);
  assert(wallet !== undefined, "only a wallet that exists changes its status");
  if (plan !== "unchanged") {
    ledger.append(stepOf(tenant, command, "done", { ...unmoved(wallet), status: plan }));
  }
  return settledOutcome(ledger, command, "done", [balancesOf(wallet)]);
}

/** Decides a limit: at most one step. Errors: the ledger's only. */
export function decideLimit(ledger: Ledger, tenant: TenantName, command: LimitCommand): Outcome {
  const wallet = ledger.wallet(tenant, command.wallet);
  const plan = judgeLimit(wallet, command);
  if (typeof plan !== "string" && "code" in plan) return refusedOutcome(ledger, command, plan);
  assert(wallet !== undefined, "only a wallet that exists changes its bounds");
  if (plan !== "unchanged") ledger.append(stepOf(tenant, command, "done", { ...unmoved(wallet), ...plan }));
  return settledOutcome(ledger, command, "done", [balancesOf(wallet)]);
}

function unmoved(wallet: Wallet): WalletChange {
  return { wallet, posted: 0n, held: 0n, incoming: 0n, leg: null, counterparty: null };
}

function stepOf(
  tenant: TenantName,
  command: OpenCommand | StatusCommand | LimitCommand,
  status: "open" | "done",
  change: WalletChange,
): Step {
  return {
    kind: command.op,
    tenant,
    owner: command.owner,
    command: command.id,
    op: command.op,
    status,
    transfer: null,
    code: null,
    ref: null,
    changes: [change],
    transits: [],
  };
}
