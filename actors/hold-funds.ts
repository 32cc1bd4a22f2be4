// The funds of holds: which part of a hold is in which wallet's held, and giving it back. Used by release and
// expiry, by captures that are final, and by captures that other shards refused.
//
//   placing ── all fit ─► open ── final capture ─► captured
//      │                   ├──── release ───────► released
//      └─ refused          └──── time to live ──► expired
//
// Invariants: 1. `left` is in held of the sources while the hold is open, and nothing of it afterwards.
// 2. What a capture under way took out of `left` is in held too, but the capture's alone.
// 3. A hold leaves `open` once: every end goes through `endHold`.

import { assert } from "../protocol/assert.ts";
import type { Op } from "../protocol/command.ts";
import type { CommandId } from "../protocol/command-id.ts";
import type { StepKind } from "../protocol/entry.ts";
import type { WalletName } from "../protocol/names.ts";
import type { Hold, Ledger, Step, WalletChange } from "./ledger.ts";
import type { Wallet } from "./wallet.ts";

/** What one step does to wallets, added up while it is being built; wallets stay in the order first named. */
export class StepChanges {
  readonly #changes = new Map<WalletName, WalletChange>();

  /** Adds deltas; leg and counterparty stay only while one part alone names the wallet. Never throws. */
  add(change: WalletChange): void {
    const { wallet, posted, held, incoming } = change;
    const known = this.#changes.get(wallet.name);
    if (!known) {
      this.#changes.set(wallet.name, change);
      return;
    }
    const sole = known.leg === change.leg && known.counterparty === change.counterparty;
    this.#changes.set(wallet.name, {
      wallet,
      posted: known.posted + posted,
      held: known.held + held,
      incoming: known.incoming + incoming,
      leg: sole ? known.leg : null,
      counterparty: sole ? known.counterparty : null,
    });
  }

  /** The changes so far, in the order in which their wallets were first added. */
  list(): WalletChange[] {
    return [...this.#changes.values()];
  }
}

/** What `units` of a hold are in minor units of one of its legs: all of the leg when the hold has several. */
export function legAmount(hold: Pick<Hold, "legs">, leg: number, units: bigint): bigint {
  if (hold.legs.length === 1) return units;
  return units === 0n ? 0n : (hold.legs[leg]?.amount ?? 0n);
}

/** Adds the change that gives `units` of a hold back to available. Errors: the ledger's only. */
export function addGivenBack(ledger: Ledger, hold: Hold, units: bigint, changes: StepChanges): void {
  if (units === 0n) return;
  for (const [index, leg] of hold.legs.entries()) {
    const wallet = sourceWallet(ledger, hold, leg.from);
    const touches = hold.legs.filter(({ from, to }) => from === leg.from || to === leg.from).length;
    const sole = touches === 1 ? { leg: index, counterparty: leg.to } : { leg: null, counterparty: null };
    changes.add({ wallet, posted: 0n, held: -legAmount(hold, index, units), incoming: 0n, ...sole });
  }
}

function sourceWallet(ledger: Ledger, hold: Hold, name: WalletName): Wallet {
  const wallet = ledger.wallet(hold.tenant, name);
  assert(wallet !== undefined, "the sources of a hold exist");
  return wallet;
}

/** Closes an open hold and stops its timer; what was left must be given back in the same record. */
export function endHold(ledger: Ledger, hold: Hold, status: "captured" | "released" | "expired"): Hold {
  assert(hold.status === "open", "only an open hold ends");
  const ended: Hold = { ...hold, status, left: 0n };
  ledger.putHold(ended);
  ledger.clearTimer("expire", hold.number);
  return ended;
}

/** A step of a command about a hold. */
export function holdStep(
  hold: Hold,
  step: {
    kind: StepKind;
    command: CommandId;
    op: Op | "expire";
    status: Step["status"];
    changes: WalletChange[];
  },
): Step {
  const { tenant, owner, id, code, ref } = hold;
  return { ...step, tenant, owner, transfer: id, code, ref, transits: [] };
}
