// Contract 3, stages 4 and 5 for what refers to something earlier: captures, releases and reverses that are refused,
// with the money in one shard, in two, and in three. A refused capture leaves the hold as it was; a refused reverse
// leaves what can be reversed as it was.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Installation, install } from "./installation.ts";
import { assertQuiet } from "./money-sums.ts";
import { type Json, newId, type OutsideCaller, ownerOn } from "./outside-caller.ts";

const HOUR = { ttlMs: 3_600_000 };
let installation: Installation;
let caller: OutsideCaller;
const alice = ownerOn(0, "alice");
const mine = `${alice}:usd`;
const spare = `${alice}:spare`;

/** Owners that receive, by place: in alice's shard, in one other, in two others. */
const PLACES = [
  { place: "one shard", receivers: [ownerOn(0, "ann")] },
  { place: "two shards", receivers: [ownerOn(1, "bob")] },
  { place: "three shards", receivers: [ownerOn(1, "bea"), ownerOn(2, "cleo")] },
] as const;

before(async () => {
  installation = await install();
  caller = await installation.caller();
  await caller.must("open", { op: "open", wallet: `${alice}:mint`, asset: "USD/2", min: "unlimited" });
  for (const wallet of [mine, spare]) await caller.must("open", { op: "open", wallet, asset: "USD/2" });
  await caller.must("posted", pay(`${alice}:mint`, mine, "100000"));
  for (const { receivers } of PLACES) {
    for (const owner of receivers) {
      for (const purse of ["usd", "limited"]) {
        await caller.must("open", { op: "open", wallet: `${owner}:${purse}`, asset: "USD/2" });
      }
    }
  }
});

after(() => installation.stop());

function pay(from: string, to: string, amount: string, more: Json = {}): Json {
  return { op: "transfer", from, to, amount, ...more };
}

/** A transfer of `amount` from alice to a wallet of each receiver. */
function payAll(receivers: readonly string[], amount: string, more: Json = {}, purse = "usd"): Json {
  const legs = receivers.map((owner) => ({ from: mine, to: `${owner}:${purse}`, amount }));
  return { op: "transfer", legs, ...more };
}

/** Does a command that must succeed. @returns its id */
async function settle(status: string, command: Json): Promise<string> {
  const { id } = await caller.must(status, command, alice);
  assert(id !== null);
  return id;
}

/** Refused with this code; recorded; told again equal; and nothing of alice's has changed. */
async function assertRefused(code: string, command: Json, detail?: string): Promise<void> {
  const before = await wholeState();
  const sent = { ...command, id: newId() };
  const first = await caller.must(code, sent, alice);
  if (detail !== undefined) assert.equal(first.detail, detail);
  assert.deepEqual(await caller.do(sent, alice), { ...first, replayed: true });
  assert.deepEqual(await caller.outcome(alice, sent.id), first);
  assert.deepEqual(await wholeState(), before);
}

async function wholeState(): Promise<unknown> {
  const wallets = await caller.wallets(alice);
  const amounts = wallets.map(({ wallet, posted, held }) => `${wallet} ${posted} ${held}`);
  return [amounts, (await caller.holds(alice)).rows];
}

for (const { place, receivers } of PLACES) {
  const [receiver] = receivers;
  const theirs = `${receiver}:usd`;
  const isOneLeg = receivers.length === 1;

  describe(`holds, ${place}`, () => {
    test("an unknown hold, an id of something else and another owner's hold are hold_not_found", async () => {
      const posted = await settle("posted", payAll(receivers, "1"));
      const refused = newId();
      await caller.must("insufficient_funds", {
        ...payAll(receivers, "900000", { hold: HOUR }),
        id: refused,
      });
      for (const hold of [newId(), posted, refused]) {
        await assertRefused("hold_not_found", { op: "capture", hold }, hold);
        await assertRefused("hold_not_found", { op: "release", hold }, hold);
      }
      const hold = await settle("held", payAll(receivers, "1", { hold: HOUR }));
      await caller.must("hold_not_found", { op: "capture", hold }, receiver);
      await caller.must("hold_not_found", { op: "release", hold }, receiver);
      await settle("released", { op: "release", hold });
    });

    test("a captured and a released hold are hold_settled", async () => {
      const captured = await settle("held", payAll(receivers, "2", { hold: HOUR }));
      await settle("captured", { op: "capture", hold: captured });
      const released = await settle("held", payAll(receivers, "2", { hold: HOUR }));
      await settle("released", { op: "release", hold: released });
      for (const hold of [captured, released]) {
        await assertRefused("hold_settled", { op: "capture", hold }, hold);
        await assertRefused("hold_settled", { op: "release", hold }, hold);
        if (isOneLeg) await assertRefused("hold_settled", { op: "capture", hold, amount: "9" }, hold);
      }
    });

    test("a hold past its time to live is hold_expired, without anybody having looked", async () => {
      const hold = newId();
      const outcomes = await caller.sendInOrder(alice, [
        { ...payAll(receivers, "3", { hold: { ttlMs: 1 } }), id: hold },
      ]);
      assert.equal(outcomes[0]?.status, "held");
      const heldAt = Date.parse(outcomes[0]?.time ?? "");
      // A second command's stamp is later; time passes by itself until it is later by more than the time to live.
      while (Date.now() <= heldAt + 1) await caller.read(alice, { get: "outcome", id: hold });
      await assertRefused("hold_expired", { op: "capture", hold }, hold);
      await assertRefused("hold_expired", { op: "release", hold }, hold);
    });

    test("an amount of a several-leg hold is legs_invalid; more than is left is capture_exceeds_hold", async () => {
      const hold = await settle("held", payAll(receivers, "10", { hold: HOUR }));
      if (!isOneLeg) await assertRefused("legs_invalid", { op: "capture", hold, amount: "1" }, "amount");
      if (isOneLeg) {
        await assertRefused("capture_exceeds_hold", { op: "capture", hold, amount: "11" }, hold);
        await settle("captured", { op: "capture", hold, amount: "4", final: false });
        await assertRefused("capture_exceeds_hold", { op: "capture", hold, amount: "7" }, hold);
      }
      await settle("captured", { op: "capture", hold, final: false });
      await assertRefused("capture_exceeds_hold", { op: "capture", hold }, hold);
      await settle("released", { op: "release", hold });
    });

    test("a destination that is frozen, closed or full refuses the capture and the hold stays", async () => {
      const limited = `${receiver}:limited`;
      const purse = "limited";
      const reason = "a test";
      const hold = await settle("held", payAll(receivers, "10", { hold: HOUR }, purse));
      await caller.must("done", { op: "freeze", wallet: limited, reason });
      await assertRefused("wallet_frozen", { op: "capture", hold }, limited);
      await caller.must("done", { op: "unfreeze", wallet: limited, reason });
      await caller.must("done", { op: "limit", wallet: limited, max: "9" });
      await assertRefused("max_exceeded", { op: "capture", hold }, limited);
      await caller.must("done", { op: "close", wallet: limited, reason });
      await assertRefused("wallet_closed", { op: "capture", hold }, limited);
      await settle("released", { op: "release", hold });
      await assertRefused("hold_settled", { op: "capture", hold }, hold);
    });
  });

  describe(`reverses, ${place}`, () => {
    test("what is no settled transfer is transfer_not_found", async () => {
      const refused = newId();
      await caller.must("insufficient_funds", { ...payAll(receivers, "900000"), id: refused });
      const posted = await settle("posted", payAll(receivers, "5"));
      const reversed = await settle("reversed", { op: "reverse", transfer: posted });
      const hold = await settle("held", payAll(receivers, "5", { hold: HOUR }));
      await assertRefused("transfer_not_found", { op: "reverse", transfer: hold }, hold);
      const capture = await settle("captured", { op: "capture", hold });
      const empty = await settle("held", payAll(receivers, "5", { hold: HOUR }));
      await settle("released", { op: "release", hold: empty });
      for (const transfer of [newId(), refused, reversed, capture, empty]) {
        await assertRefused("transfer_not_found", { op: "reverse", transfer }, transfer);
      }
      await caller.must("transfer_not_found", { op: "reverse", transfer: posted }, receiver);
      await assertRefused("already_reversed", { op: "reverse", transfer: posted }, posted);
    });

    test("more than is left is reverse_exceeds, also after a part; nothing left is already_reversed", async () => {
      const transfer = await settle("posted", payAll(receivers, "10"));
      if (isOneLeg) {
        await assertRefused("reverse_exceeds", { op: "reverse", transfer, amount: "11" }, transfer);
        await settle("reversed", { op: "reverse", transfer, amount: "4" });
        await assertRefused("reverse_exceeds", { op: "reverse", transfer, amount: "7" }, transfer);
      } else await assertRefused("legs_invalid", { op: "reverse", transfer, amount: "1" }, "amount");
      await settle("reversed", { op: "reverse", transfer });
      await assertRefused("already_reversed", { op: "reverse", transfer }, transfer);
    });

    test("a wallet that is frozen or has not enough refuses the reverse, and it can be done later", async () => {
      const transfer = await settle("posted", payAll(receivers, "50"));
      const reason = "a test";
      await caller.must("done", { op: "freeze", wallet: theirs, reason });
      await assertRefused("wallet_frozen", { op: "reverse", transfer }, theirs);
      await caller.must("done", { op: "unfreeze", wallet: theirs, reason });
      const { posted } = await caller.wallet(theirs);
      await caller.must("posted", pay(theirs, spare, (BigInt(posted) - 49n).toString()));
      await assertRefused("insufficient_funds", { op: "reverse", transfer }, theirs);
      await caller.must("posted", pay(spare, theirs, "1"));
      await settle("reversed", { op: "reverse", transfer });
      await assertRefused("already_reversed", { op: "reverse", transfer }, transfer);
    });
  });
}

describe("what is not settled yet counts as not found", () => {
  const far = PLACES[1].receivers;

  test("a hold that other shards are still checking", async () => {
    const hold = newId();
    const [placed, capture, release] = await caller.sendInOrder(alice, [
      { ...payAll(far, "1", { hold: HOUR }), id: hold },
      { op: "capture", hold },
      { op: "release", hold },
    ]);
    assert.deepEqual(
      [placed?.status, capture?.code, release?.code],
      ["held", "hold_not_found", "hold_not_found"],
    );
    await settle("captured", { op: "capture", hold });
  });

  test("a transfer that the other shard is still applying", async () => {
    const transfer = newId();
    const [moved, reverse] = await caller.sendInOrder(alice, [
      { ...payAll(far, "1"), id: transfer },
      { op: "reverse", transfer },
    ]);
    assert.deepEqual([moved?.status, reverse?.code], ["posted", "transfer_not_found"]);
    await settle("reversed", { op: "reverse", transfer });
  });

  test("a capture under way has taken its amount: a second one finds nothing left", async () => {
    const hold = await settle("held", payAll(far, "8", { hold: HOUR }));
    const [part, rest, nothing] = await caller.sendInOrder(alice, [
      { op: "capture", hold, amount: "5", final: false },
      { op: "capture", hold, final: false },
      { op: "capture", hold, amount: "1", final: false },
    ]);
    assert.deepEqual(
      [part?.status, rest?.status, nothing?.code],
      ["captured", "captured", "capture_exceeds_hold"],
    );
    await settle("released", { op: "release", hold });
  });

  test("a reverse under way counts as reversed, and gives back when it is refused", async () => {
    const theirs = `${far[0]}:usd`;
    const transfer = await settle("posted", payAll(far, "8"));
    const both = await caller.sendInOrder(alice, [
      { op: "reverse", transfer, amount: "5" },
      { op: "reverse", transfer, amount: "5" },
    ]);
    assert.deepEqual(
      both.map(({ code, status }) => code ?? status),
      ["reversed", "reverse_exceeds"],
    );
    await caller.must("done", { op: "freeze", wallet: theirs, reason: "a test" });
    const refused = await caller.sendInOrder(alice, [
      { op: "reverse", transfer },
      { op: "reverse", transfer },
    ]);
    assert.deepEqual(
      refused.map(({ code, status }) => code ?? status),
      ["wallet_frozen", "already_reversed"],
    );
    await caller.must("done", { op: "unfreeze", wallet: theirs, reason: "a test" });
    await settle("reversed", { op: "reverse", transfer });
  });
});

test("everything that was refused leaves every asset at zero and nothing reserved", async () => {
  await assertQuiet(caller);
});
