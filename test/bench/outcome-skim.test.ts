// The skimmer sees in an answer what the codec sees.
// Guards against an answer that is counted as done without being so.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { skimJsonOutcomes } from "../../bench/outcome-json-skim.ts";
import { skimOutcomes } from "../../bench/outcome-skim.ts";
import { OPS } from "../../protocol/command.ts";
import { parseCommandId } from "../../protocol/command-id.ts";
import { INT64_MAX, INT64_MIN } from "../../protocol/money.ts";
import { parseWallet } from "../../protocol/names.ts";
import { type Outcome, REFUSALS, STATUSES } from "../../protocol/outcome.ts";
import { encodeOutcomes } from "../../protocol/outcome-codec.ts";
import { encodeOutcomesJson } from "../../protocol/outcome-json.ts";

const amounts = fc.bigInt({ min: INT64_MIN, max: INT64_MAX });
const wallets = fc.stringMatching(/^[a-z0-9]{1,64}:[a-z]{1,32}$/).map((name) => {
  const wallet = parseWallet(name);
  assert.ok(wallet);
  return wallet;
});
const balances = fc.record({
  wallet: wallets,
  posted: amounts,
  held: amounts,
  incoming: amounts,
  available: fc.oneof(amounts, fc.constant("unlimited" as const)),
  version: fc.nat(),
});
const outcomes: fc.Arbitrary<Outcome> = fc.record({
  id: fc.uuid().map((text) => parseCommandId(text) ?? null),
  op: fc.constantFrom(...OPS),
  status: fc.constantFrom(...STATUSES),
  refusal: fc.option(
    fc.record({
      code: fc.constantFrom(...REFUSALS.map(({ code }) => code)),
      detail: fc.option(fc.string({ maxLength: 300 })),
    }),
  ),
  replayed: fc.boolean(),
  shard: fc.nat(70_000),
  position: fc.maxSafeNat(),
  timeMs: fc.integer({ min: 0, max: 253_402_300_799_999 }),
  balances: fc.option(fc.array(balances, { maxLength: 20 })),
});

const skimmers = [
  ["MessagePack", skimOutcomes, encodeOutcomes],
  ["JSON", skimJsonOutcomes, encodeOutcomesJson],
] as const;

for (const [name, skim, encode] of skimmers) {
  test(`in ${name} the skimmer tells of each outcome its id's tail, status, replay and code`, () => {
    fc.assert(
      fc.property(fc.array(outcomes, { maxLength: 40 }), (list) => {
        const seen: [number, number, boolean, string | null][] = [];
        const count = skim(encode(list), (...outcome) => seen.push(outcome));
        assert.equal(count, list.length);
        const expected = list.map(({ id, status, replayed, refusal }) => [
          Number.parseInt((id ?? "").slice(28), 16),
          STATUSES.indexOf(status),
          replayed,
          refusal?.code ?? null,
        ]);
        assert.deepEqual(seen, expected);
      }),
    );
  });

  test(`any bytes end the skimmer of ${name} with a number or null, and never with an exception`, () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void skim(bytes, () => undefined)));
  });
}

test("an answer that was cut ends with null", () => {
  fc.assert(
    fc.property(fc.array(outcomes, { minLength: 1, maxLength: 5 }), fc.nat(), (list, cut) => {
      const bytes = encodeOutcomes(list);
      assert.equal(
        skimOutcomes(bytes.subarray(0, cut % bytes.length), () => undefined),
        null,
      );
      const text = encodeOutcomesJson(list);
      assert.equal(
        skimJsonOutcomes(text.subarray(0, cut % text.length), () => undefined),
        null,
      );
    }),
  );
});
