// The short way of holds of one leg between two wallets of this shard, and of reverses of one: by far the most. Each is
// judged and written without tallies, sums and maps; every other one goes the long way (decide-transfer, decide-hold,
// decide-reverse).
//
// Invariant: what it writes is what the long way writes, byte by byte, and in the same order. A property test plays
// both on twin shards and compares outcomes and state chains.

import { assert } from "../protocol/assert.ts";
import type { CaptureCommand, Leg, ReleaseCommand, ReverseCommand } from "../protocol/command.ts";
import type { TenantName, WalletName } from "../protocol/names.ts";
import type { Outcome } from "../protocol/outcome.ts";
import { endHold, holdStep } from "./hold-funds.ts";
import { judgeLeg, judgeSide } from "./judge-legs.ts";
import type { Hold, Ledger, WalletChange } from "./ledger.ts";
import { isHere } from "./move-tally.ts";
import type { Reversible } from "./reversible.ts";
import { putReversed, reverseStep } from "./reversible.ts";
import { refusedOutcome, settledOutcome } from "./terminal-outcome.ts";
import { balancesOf, type Wallet } from "./wallet.ts";

/** What a capture takes of an open hold. */
export interface CaptureUnits {
  readonly hold: Hold;
  /** As in `Hold.left`, at least 1. */
  readonly units: bigint;
}

/**
 * Captures of a hold.
 * @returns undefined when the hold has several legs or another shard's wallet, and nothing has happened
 * Errors: the ledger's only.
 */
export function capturePlainHold(
  ledger: Ledger,
  command: CaptureCommand,
  { hold, units }: CaptureUnits,
): Outcome | undefined {
  const sides = sidesOf(ledger, hold.tenant, hold.legs);
  if (!sides) return;
  const { leg, from, to } = sides;
  const taken = { from: leg.from, to: leg.to, amount: units };
  const refused = judgeSide(to, { leg: taken, asset: from.asset, pays: false });
  if (refused) return refusedOutcome(ledger, command, refused);

  const left = hold.left - units;
  const captured: Hold = { ...hold, left, captured: hold.captured + units };
  if (command.final) endHold(ledger, captured, "captured");
  else ledger.putHold(captured);
  const held = command.final ? -hold.left : -units;
  const changes: WalletChange[] = [
    { wallet: from, posted: -units, held, incoming: 0n, leg: 0, counterparty: leg.to },
    { wallet: to, posted: units, held: 0n, incoming: 0n, leg: 0, counterparty: leg.from },
  ];
  const { id, op } = command;
  const balances = ledger.append(
    holdStep(hold, { kind: "capture", command: id, op, status: "captured", changes }),
  );
  return settledOutcome(ledger, command, "captured", balances);
}

/** Releases an open hold. @returns undefined as `capturePlainHold` does. Errors: the ledger's only. */
export function releasePlainHold(ledger: Ledger, command: ReleaseCommand, hold: Hold): Outcome | undefined {
  const sides = sidesOf(ledger, hold.tenant, hold.legs);
  if (!sides) return;
  const { leg, from, to } = sides;
  endHold(ledger, hold, "released");
  if (hold.left > 0n) {
    const changes: WalletChange[] = [
      { wallet: from, posted: 0n, held: -hold.left, incoming: 0n, leg: 0, counterparty: leg.to },
    ];
    const { id, op } = command;
    ledger.append(holdStep(hold, { kind: "release", command: id, op, status: "released", changes }));
  }
  return settledOutcome(ledger, command, "released", [balancesOf(from), balancesOf(to)]);
}

/**
 * Moves `units` of what was moved back.
 * @returns undefined as `capturePlainHold` does
 * Errors: the ledger's only.
 */
export function reversePlainMove(
  ledger: Ledger,
  { tenant, command }: { readonly tenant: TenantName; readonly command: ReverseCommand },
  { target, units }: { readonly target: Reversible; readonly units: bigint },
): Outcome | undefined {
  const sides = sidesOf(ledger, tenant, target.legs);
  if (!sides) return;
  const { leg, from, to } = sides;
  const back = { from: leg.to, to: leg.from, amount: units };
  const refused = judgeLeg(to, from, back, null);
  if (refused) return refusedOutcome(ledger, command, refused);

  putReversed(ledger, target, target.reversed + units);
  const changes: WalletChange[] = [
    { wallet: to, posted: -units, held: 0n, incoming: 0n, leg: 0, counterparty: leg.from },
    { wallet: from, posted: units, held: 0n, incoming: 0n, leg: 0, counterparty: leg.to },
  ];
  const balances = ledger.append(reverseStep(target, { tenant, command, changes }));
  return settledOutcome(ledger, command, "reversed", balances);
}

/** The one leg of a move and its two wallets, or undefined when it has more or one is not a wallet of this shard. */
function sidesOf(
  ledger: Ledger,
  tenant: TenantName,
  legs: readonly Leg[],
): { leg: Leg; from: Wallet; to: Wallet } | undefined {
  const [leg] = legs;
  if (leg === undefined || legs.length > 1) return;
  assert(leg.from !== leg.to, "the two wallets of a leg differ");
  const from = walletHere(ledger, tenant, leg.from);
  const to = walletHere(ledger, tenant, leg.to);
  return from && to && { leg, from, to };
}

/** A wallet that the ledger has in memory is of this shard: only the place of one that it has not needs its owner's hash. */
function walletHere(ledger: Ledger, tenant: TenantName, name: WalletName): Wallet | undefined {
  const loaded = ledger.loadedWallet(tenant, name);
  if (loaded !== undefined || !isHere(ledger, tenant, name)) return loaded;
  return ledger.wallet(tenant, name);
}
