// Terminal outcomes as this shard gives them: stamped with the record that is being applied. Owns their
// shape; does not own storing them (the apply) nor sending them (the engine, after COMMIT).

import type { CommandId } from "../protocol/command-id.ts";
import type { Balances, Outcome, Refusal, Status } from "../protocol/outcome.ts";
import type { Ledger } from "./ledger.ts";
import { balancesOf, type Wallet } from "./wallet.ts";

/** What an outcome says about its command. */
export interface Answered {
  readonly id: CommandId | string | null;
  readonly op: string | null;
}

/** A success. `balances` are taken now, so the steps must have been appended. Never throws. */
export function settledOutcome(
  ledger: Ledger,
  command: Answered,
  status: Exclude<Status, "refused">,
  balances: readonly Balances[],
): Outcome {
  return {
    id: command.id,
    op: command.op,
    status,
    refusal: null,
    replayed: false,
    shard: ledger.shard,
    position: ledger.position,
    timeMs: ledger.timeMs,
    balances,
  };
}

/** A refusal; of a shape that did not fit as well, which is then answered and not recorded. Never throws. */
export function refusedOutcome(ledger: Ledger, command: Answered, refusal: Refusal): Outcome {
  return {
    id: command.id,
    op: command.op,
    status: "refused",
    refusal,
    replayed: false,
    shard: ledger.shard,
    position: ledger.position,
    timeMs: ledger.timeMs,
    balances: null,
  };
}

/** Balances of the wallets that a move names on this shard, in the order first named. Never throws. */
export function balancesOfAll(wallets: readonly { readonly wallet: Wallet | undefined }[]): Balances[] {
  const balances: Balances[] = [];
  for (const { wallet } of wallets) if (wallet) balances.push(balancesOf(wallet));
  return balances;
}
