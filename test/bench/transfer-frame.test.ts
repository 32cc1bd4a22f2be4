// Frames that are made by patching a template are those of the protocol's codec, byte for byte.
// Guards against a load generator that measures something else than what clients send.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BenchIds } from "../../bench/bench-ids.ts";
import { Fleet } from "../../bench/fleet.ts";
import { AMOUNT_MAX, TransferFrame, transferCommand } from "../../bench/transfer-frame.ts";
import { JSON_AMOUNT_MAX, JSON_AMOUNT_MIN, TransferJson } from "../../bench/transfer-json.ts";
import { encodeCommandFrame } from "../../protocol/command-frame.ts";
import { commandToJson } from "../../protocol/command-json.ts";
import { parseTenant } from "../../protocol/names.ts";

const tenant = parseTenant("demo");
assert.ok(tenant);
const fleet = new Fleet({
  tenant,
  shards: 4,
  shardsUsed: [0, 1, 2, 3],
  walletsPerShard: 30,
  token: "0a1b2c3d",
});
const wallets = fc.nat(fleet.wallets.length - 1).map((number) => fleet.wallet(number));
const transfers = fc.array(
  fc.record({
    number: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    from: wallets,
    to: wallets,
    amount: fc.integer({ min: 1, max: AMOUNT_MAX }),
  }),
  { minLength: 1, maxLength: 120 },
);

test("a patched frame equals the encoded one", () => {
  const ids = new BenchIds(Uint8Array.of(9, 8, 7, 6, 5));
  fc.assert(
    fc.property(transfers, fc.integer({ min: 0, max: 2 ** 45 }), (list, wallMs) => {
      const reply = "coffer.res.demo.bench";
      const frame = new TransferFrame(ids, { reply, count: list.length }, [fleet.wallet(0), fleet.wallet(1)]);
      const bytes = frame.copy(wallMs);
      for (const [index, { from, to, ...rest }] of list.entries())
        frame.write(bytes, index, { ...rest, from: from.serial, to: to.serial });
      const commands = list.map((transfer) => transferCommand(ids, transfer, wallMs));
      assert.deepEqual(bytes, Buffer.from(encodeCommandFrame({ reply, commands })));
    }),
  );
});

test("a patched JSON command equals the encoded one", () => {
  const ids = new BenchIds(Uint8Array.of(9, 8, 7, 6, 5));
  const json = new TransferJson(ids, [fleet.wallet(0), fleet.wallet(1)]);
  const amounts = fc.integer({ min: JSON_AMOUNT_MIN, max: JSON_AMOUNT_MAX });
  fc.assert(
    fc.property(
      fc.nat(2 ** 32 - 1),
      fc.tuple(wallets, wallets),
      amounts,
      fc.integer({ min: 0, max: 2 ** 45 }),
      (number, [from, to], amount, wallMs) => {
        const bytes = json.message({ number, from: from.serial, to: to.serial, amount }, wallMs);
        const command = transferCommand(ids, { number, from, to, amount }, wallMs);
        assert.equal(bytes.toString(), JSON.stringify(commandToJson(command)));
      },
    ),
  );
});
