// What must be true of a wallet after every step: each sentence of it is broken once and must be noticed,
// because this is the last line before wrong money would be written.

import assert from "node:assert/strict";
import { test } from "node:test";
import { assertWallet } from "../../actors/wallet-invariant.ts";
import { INT64_MAX, INT64_MIN } from "../../protocol/money.ts";
import { rowsOf, walletOf } from "./test-wallets.ts";

const CASES = `
  # wallet                       | broken
  0                              | nothing
  100 h100 i5 max105             | nothing
  -50 min-50                     | nothing
  ${INT64_MIN} min*              | nothing
  ${INT64_MAX}                   | nothing
  100 h40 frozen                 | nothing
  closed v3                      | nothing
  100 h-1                        | held is not negative
  100 i-1                        | incoming is not negative
  5 h${INT64_MAX + 1n} min*      | held stays within int64
  -5 i${INT64_MAX + 1n} min*     | incoming stays within int64
  ${INT64_MIN} h1 min*           | posted - held stays within int64
  ${INT64_MAX} i1                | posted + incoming stays within int64
  -1                             | stays at or above min
  100 h101                       | stays at or above min
  11 max10                       | stays at or below max
  10 i1 max10                    | stays at or below max
  0 v0                           | has a version
  1 closed                       | closed wallet is empty
  0 i1 closed                    | closed wallet is empty
  0 h1 min* closed               | closed wallet is empty
`;

test("a wallet that breaks an invariant is a bug, and every other wallet passes", () => {
  for (const [text = "", broken = ""] of rowsOf(CASES)) {
    const wallet = walletOf("a:usd", text);
    assert.ok(wallet);
    if (broken === "nothing") assertWallet(wallet);
    else
      assert.throws(
        () => assertWallet(wallet),
        { name: "AssertionFailure", message: new RegExp(broken.replace("+", "\\+")) },
        text,
      );
  }
});
