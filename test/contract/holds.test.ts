// Contract 2, 3 and 4: holds within a shard, over two and over three. What placing, capturing, releasing, expiring and
// reversing do to posted, held and incoming on every side, as a read sent after the answer shows it.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Json, newId, type OutsideCaller } from "./outside-caller.ts";
import { codes, legs, ownerOf, pay, Scene } from "./scene.ts";

const HOUR = { ttlMs: 3_600_000 };
const reason = "a test";
let scene: Scene;
let caller: OutsideCaller;
let reader: OutsideCaller;

before(async () => {
  scene = await Scene.open();
  ({ caller, reader } = scene);
});

after(() => scene.close());

/** Where a hold's money goes: in the same shard, in one other, in two others. */
const PLACES: readonly (readonly [string, readonly number[]])[] = [
  ["one shard", [0]],
  ["two shards", [1]],
  ["three shards", [1, 2]],
];

for (const [place, shards] of PLACES) {
  describe(`holds, ${place}`, () => {
    const isOneLeg = shards.length === 1;
    const placed = async (
      amount: number,
      hold: Json = HOUR,
    ): Promise<{ id: string; from: string; to: string[] }> => {
      const from = await scene.wallet(0, 1000);
      const to = await Promise.all(shards.map((shard) => scene.wallet(shard)));
      const { id } = await caller.must(
        "held",
        legs(
          to.map((each) => [from, each, amount]),
          { hold },
        ),
      );
      assert(id !== null);
      return { id, from, to };
    };
    const all = (from: string, list: readonly string[]) => scene.seen(from, ...list);
    const each = (list: readonly string[], text: string): string[] => list.map(() => text);
    const total = shards.length;

    test("placing reserves the source and nothing at the destination", async () => {
      const { id, from, to } = await placed(100);
      assert.deepEqual(await all(from, to), [`1000 ${100 * total} 0`, ...each(to, "0 0 0")]);
      const { rows } = await reader.holds(ownerOf(from));
      assert.deepEqual(
        rows.map((hold) => [
          hold.id,
          hold.status,
          hold.legs.map(({ remaining, captured }) => [remaining, captured]),
        ]),
        [[id, "open", to.map(() => ["100", "0"])]],
      );
    });

    test("a capture of the whole moves it, also from a frozen source", async () => {
      const { id, from, to } = await placed(100);
      await caller.must("done", { op: "freeze", wallet: from, reason });
      await caller.must("captured", { op: "capture", hold: id }, ownerOf(from));
      assert.deepEqual(await all(from, to), [`${1000 - 100 * total} 0 0`, ...each(to, "100 0 0")]);
      const { rows } = await reader.holds(ownerOf(from));
      assert.deepEqual(rows[0]?.status, "captured");
      assert.deepEqual(rows[0]?.legs[0]?.captured, "100");
    });

    test("release gives it back, also on a frozen wallet", async () => {
      const { id, from, to } = await placed(100);
      await caller.must("done", { op: "freeze", wallet: from, reason });
      await caller.must("released", { op: "release", hold: id }, ownerOf(from));
      assert.deepEqual(await all(from, to), ["1000 0 0", ...each(to, "0 0 0")]);
      assert.equal((await reader.holds(ownerOf(from))).rows[0]?.status, "released");
    });

    test("captures that are not final leave the hold open; what is left can be released", async () => {
      const { id, from, to } = await placed(100);
      if (isOneLeg) {
        await caller.must("captured", { op: "capture", hold: id, amount: "30", final: false }, ownerOf(from));
        assert.deepEqual(await all(from, to), ["970 70 0", "30 0 0"]);
        await caller.must("captured", { op: "capture", hold: id, amount: "20", final: false }, ownerOf(from));
        await caller.must("released", { op: "release", hold: id }, ownerOf(from));
        assert.deepEqual(await all(from, to), ["950 0 0", "50 0 0"]);
        return;
      }
      await caller.must("captured", { op: "capture", hold: id, final: false }, ownerOf(from));
      assert.equal((await reader.holds(ownerOf(from))).rows[0]?.status, "open");
      await caller.must("released", { op: "release", hold: id }, ownerOf(from));
      assert.deepEqual(await all(from, to), ["800 0 0", ...each(to, "100 0 0")]);
    });

    test("a time to live that has passed gives it back, and a read does not show it any more", async () => {
      const { id, from, to } = await placed(100, { ttlMs: 40 });
      const expires = Date.parse((await reader.holds(ownerOf(from))).rows[0]?.expires ?? "");
      while (Date.now() <= expires) await reader.read(ownerOf(from), { get: "outcome", id });
      assert.deepEqual(await all(from, to), ["1000 0 0", ...each(to, "0 0 0")]);
      assert.equal((await reader.holds(ownerOf(from))).rows[0]?.status, "expired");
      assert.equal((await scene.history(from))[0], `expire 0 ${-100 * total}`);
    });

    test("a release while a capture is in flight gives back only what the capture has not taken", async () => {
      const { id, from, to } = await placed(100);
      const capture = { op: "capture", hold: id, final: false, ...(isOneLeg ? { amount: "60" } : {}) };
      const outcomes = await caller.sendInOrder(ownerOf(from), [capture, { op: "release", hold: id }]);
      assert.deepEqual(codes(outcomes), ["captured", "released"]);
      const taken = isOneLeg ? 60 : 100;
      assert.deepEqual(await all(from, to), [`${1000 - taken * total} 0 0`, ...each(to, `${taken} 0 0`)]);
    });

    test("what captures moved can be reversed by the hold's id, in all and no more", async () => {
      const { id, from, to } = await placed(100);
      await caller.must("captured", { op: "capture", hold: id }, ownerOf(from));
      if (isOneLeg) {
        await caller.must("reversed", { op: "reverse", transfer: id, amount: "30" }, ownerOf(from));
        assert.deepEqual(await all(from, to), ["930 0 0", "70 0 0"]);
      }
      await caller.must("reversed", { op: "reverse", transfer: id }, ownerOf(from));
      assert.deepEqual(await all(from, to), ["1000 0 0", ...each(to, "0 0 0")]);
      await caller.must("already_reversed", { op: "reverse", transfer: id }, ownerOf(from));
    });

    if (isOneLeg) {
      test("a final capture of a part releases the rest", async () => {
        const { id, from, to } = await placed(100);
        await caller.must("captured", { op: "capture", hold: id, amount: "30", final: false }, ownerOf(from));
        await caller.must("captured", { op: "capture", hold: id, amount: "20" }, ownerOf(from));
        assert.deepEqual(await all(from, to), ["950 0 0", "50 0 0"]);
        assert.equal((await reader.holds(ownerOf(from))).rows[0]?.status, "captured");
      });

      test("a capture that the destination refuses after a release gives its amount back to available", async () => {
        const { id, from, to } = await placed(100);
        await caller.must("done", { op: "freeze", wallet: to[0], reason }, ownerOf(to[0] ?? ""));
        const outcomes = await caller.sendInOrder(ownerOf(from), [
          { op: "capture", hold: id, amount: "60", final: false },
          { op: "release", hold: id },
        ]);
        assert.deepEqual(codes(outcomes), ["wallet_frozen", "released"]);
        assert.deepEqual(await all(from, to), ["1000 0 0", "0 0 0"]);
      });
    }
  });

  describe(`reverses, ${place}`, () => {
    test("a whole transfer once; the second time nothing is left; the same id again is the first outcome", async () => {
      const from = await scene.wallet(0, 1000);
      const to = await Promise.all(shards.map((shard) => scene.wallet(shard)));
      const { id } = await caller.must("posted", legs(to.map((each) => [from, each, 100])));
      const reverse = { op: "reverse", transfer: id, id: newId() };
      const first = await caller.must("reversed", reverse, ownerOf(from));
      assert.deepEqual(await scene.seen(from, ...to), ["1000 0 0", ...to.map(() => "0 0 0")]);
      assert.deepEqual(await caller.do(reverse, ownerOf(from)), { ...first, replayed: true });
      await caller.must("already_reversed", { op: "reverse", transfer: id }, ownerOf(from));
      const [entry] = (await reader.entries(to[0] ?? "", { limit: 1 })).rows;
      assert.deepEqual([entry?.kind, entry?.transfer, entry?.command], ["reverse", id, reverse.id]);
    });

    if (shards.length === 1) {
      test("parts add up to what was moved", async () => {
        const [from, to] = [await scene.wallet(0, 1000), await scene.wallet(shards[0] ?? 0)];
        const { id } = await caller.must("posted", pay(from, to, 100));
        for (const [amount, left] of [
          ["30", 70],
          ["50", 20],
          ["20", 0],
        ] as const) {
          await caller.must("reversed", { op: "reverse", transfer: id, amount }, ownerOf(from));
          assert.deepEqual(await scene.seen(from, to), [`${1000 - left} 0 0`, `${left} 0 0`]);
        }
        await caller.must("already_reversed", { op: "reverse", transfer: id }, ownerOf(from));
      });
    }
  });
}
