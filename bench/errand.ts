// An errand: commands of which each follows the outcome of the one before, as a checkout does (place a hold, capture it,
// refund it). Written as a generator that yields steps and is given the id of the command that just settled.
//
// Owns the steps of the operations that scenarios use. What a step moves is noted in the book when its outcome came.

import type { Command } from "../protocol/command.ts";
import type { CommandId } from "../protocol/command-id.ts";
import type { WalletName } from "../protocol/names.ts";
import type { RefusalCode, Status } from "../protocol/outcome.ts";
import { BENCH_ASSET, type Fleet } from "./fleet.ts";

/** Longer than any run, so that no hold expires during one, ms. */
const HOLD_TTL_MS = 3_600_000;
const NO_EXTRAS = { code: null, ref: null, meta: null, ifVersion: null };

/** Money between two numbers of the fleet. */
export interface Move {
  readonly from: number;
  readonly to: number;
  readonly amount: number;
}

/** One command, and what must come of it. */
export interface Step {
  /** Where it is sent: the shard of its owner. */
  readonly shard: number;
  /** Whether its wallets lie on two shards. */
  readonly isCross: boolean;
  readonly command: (id: CommandId) => Command;
  readonly expected: Exclude<Status, "refused"> | RefusalCode;
  /** What its outcome means for the book; null when no money is moved. */
  readonly moved: Move | null;
}

/** See the file header. */
export type Errand = Iterator<Step, void, CommandId>;

/** Makes the steps of one pair of wallets. */
export class Steps {
  readonly #fleet: Fleet;
  readonly #sides: Move;
  readonly #base: Pick<Step, "shard" | "isCross">;

  /** @param sides the two wallets and the usual amount */
  constructor(fleet: Fleet, sides: Move) {
    this.#fleet = fleet;
    this.#sides = sides;
    const shard = fleet.shardOf(sides.from);
    this.#base = { shard, isCross: fleet.shardOf(sides.to) !== shard };
  }

  /** A transfer of the amount; with another one when it is meant to be refused. */
  transfer(expected: Step["expected"] = "posted", amount: number = this.#sides.amount): Step {
    const moved = expected === "posted" ? { ...this.#sides, amount } : null;
    return this.#step(expected, moved, (id) => ({ ...this.#transferOf(id, amount), holdTtlMs: null }));
  }

  /** Reserves the amount. */
  place(): Step {
    const { amount } = this.#sides;
    return this.#step("held", null, (id) => ({ ...this.#transferOf(id, amount), holdTtlMs: HOLD_TTL_MS }));
  }

  /** Takes `amount` of a hold; a final one gives the rest back. */
  capture(
    hold: CommandId,
    { amount, isFinal }: { readonly amount: number; readonly isFinal: boolean },
    expected: Step["expected"] = "captured",
  ): Step {
    const moved = expected === "captured" ? { ...this.#sides, amount } : null;
    const fields = { op: "capture", hold, amount: BigInt(amount), final: isFinal } as const;
    return this.#step(expected, moved, (id) => ({ id, owner: this.#owner, ...fields }));
  }

  /** Gives back what is left of a hold. */
  release(hold: CommandId): Step {
    return this.#step("released", null, (id) => ({ op: "release", id, owner: this.#owner, hold }));
  }

  /** Moves `amount`, all that a transfer or a hold's captures moved, back. */
  reverse(transfer: CommandId, amount: number, expected: Step["expected"] = "reversed"): Step {
    const { from, to } = this.#sides;
    const moved = expected === "reversed" ? { from: to, to: from, amount } : null;
    const fields = { op: "reverse", transfer, amount: null } as const;
    return this.#step(expected, moved, (id) => ({ id, owner: this.#owner, ...fields }));
  }

  /** Opens a further wallet of the payer's owner. */
  open(wallet: WalletName, expected: Step["expected"] = "open", min: 0n | -1n = 0n): Step {
    const fields = { op: "open", wallet, asset: BENCH_ASSET, min, max: "unlimited", meta: null } as const;
    return {
      ...this.#step(expected, null, (id) => ({ id, owner: this.#owner, ...fields })),
      isCross: false,
    };
  }

  get #owner(): Command["owner"] {
    return this.#fleet.party(this.#sides.from).owner;
  }

  #step(expected: Step["expected"], moved: Move | null, command: Step["command"]): Step {
    return { ...this.#base, expected, moved, command };
  }

  #transferOf(id: CommandId, amount: number): Extract<Command, { op: "transfer" }> {
    const [from, to] = [this.#fleet.party(this.#sides.from), this.#fleet.party(this.#sides.to)];
    const legs = [{ from: from.wallet, to: to.wallet, amount: BigInt(amount) }];
    return { op: "transfer", id, owner: from.owner, legs, holdTtlMs: null, ...NO_EXTRAS };
  }
}
