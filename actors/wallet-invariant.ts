// What is true of every wallet after every step. The ledger calls this for each wallet that a step changed,
// before anything is written: a wallet that fails is a bug of ours, and the turn rolls back.

import { assert } from "../protocol/assert.ts";
import { INT64_MAX, INT64_MIN } from "../protocol/money.ts";
import type { Wallet } from "./wallet.ts";

/**
 * Requires that a wallet's balances fit its bounds, int64 and its status. About 0.1 µs.
 * Errors: throws `AssertionFailure`.
 */
export function assertWallet(wallet: Wallet): void {
  const { posted, held, incoming, min, max } = wallet;
  assert(held >= 0n, "a wallet's held is not negative");
  assert(incoming >= 0n, "a wallet's incoming is not negative");
  assert(held <= INT64_MAX, "a wallet's held stays within int64");
  assert(incoming <= INT64_MAX, "a wallet's incoming stays within int64");
  // Taking nothing away would make a new number.
  const lowest = held === 0n ? posted : posted - held;
  const highest = incoming === 0n ? posted : posted + incoming;
  assert(lowest >= INT64_MIN, "posted - held stays within int64");
  assert(highest <= INT64_MAX, "posted + incoming stays within int64");
  assert(min === "unlimited" || lowest >= min, "posted - held stays at or above min");
  assert(max === "unlimited" || highest <= max, "posted + incoming stays at or below max");
  assert(Number.isSafeInteger(wallet.version) && wallet.version >= 1, "a changed wallet has a version");
  if (wallet.status === "closed") {
    assert(posted === 0n && held === 0n && incoming === 0n, "a closed wallet is empty");
  }
}
