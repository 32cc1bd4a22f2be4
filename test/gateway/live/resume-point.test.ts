// Places to resume at, as text and as what a reader has.
// Guards against: a text that is understood otherwise than it was written, and a reader who is shown a change twice.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ResumePoint, whoseText } from "../../../gateway/live/resume-point.ts";
import { owner, tenant } from "../key-site.ts";

const owners = ["ann", "ben", "cat"].map(owner);
const context = { whose: whoseText({ cluster: "c", tenant: tenant("demo"), owners }), owners };
const asOf = (shard: number, position: number) => ({ shard, position, timeMs: 0 });
const id = (shard: number, position: number, index = 0) => ({ shard, position, index });

const counts = fc.nat(9_000_000_000);
const points = fc
  .record({
    sequence: counts,
    instants: fc.array(fc.tuple(fc.nat(1), counts), { minLength: 3, maxLength: 3 }),
    last: fc.array(fc.tuple(fc.nat(3), counts, fc.nat(9)), { maxLength: 4 }),
  })
  .map(({ sequence, instants, last }) => {
    const read = instants.map(
      ([shard, position], at) => [owners[at] ?? owner("ann"), asOf(shard, position)] as const,
    );
    const point = ResumePoint.ofState(sequence, new Map(read));
    point.advance({ sequence, last: last.map(([shard, position, index]) => id(shard, position, index)) });
    return point;
  });

test("a text names the point that it was made of", () => {
  fc.assert(
    fc.property(points, (point) => {
      const text = point.text(context);
      assert.equal(ResumePoint.parse(text, context)?.text(context), text);
      const partly = ResumePoint.parse(`${text}.+7`, context);
      assert.deepEqual([partly?.takeShown(), partly?.takeShown()], [7, 0]);
    }),
  );
});

test("text of others, of another version, or not quite so, is null", () => {
  const text = ResumePoint.ofState(5, new Map([[owner("ann"), asOf(1, 7)]])).text(context);
  for (const other of [{ cluster: "d" }, { tenant: tenant("acme") }, { owners: owners.slice(1) }]) {
    const whose = whoseText({ cluster: "c", tenant: tenant("demo"), owners, ...other });
    assert.equal(ResumePoint.parse(text, { whose, owners }), null);
  }
  const wrong = ["", "1", `2${text.slice(1)}`, `${text}.`, `${text}.1-2`, `${text}.~9-1-1`, `${text}.+1000`];
  for (const each of [...wrong, `${text}.+`, `${text}.1-2-3-4`, `${text}.01-2-3`, `${text.slice(0, -1)}x`])
    assert.equal(ResumePoint.parse(each, context), null, each);
  assert.equal(ResumePoint.parse(text + ".1-2-3".repeat(2_000), context), null);
  fc.assert(fc.property(fc.string(), (any) => assert.equal(ResumePoint.parse(any, context), null)));
});

test("owners of one shard that were read one after the other have what each was shown", () => {
  const [ann, ben] = [owner("ann"), owner("ben")];
  const point = ResumePoint.ofState(
    5,
    new Map([
      [ann, asOf(1, 10)],
      [ben, asOf(1, 20)],
    ]),
  );
  for (const each of [point, ResumePoint.parse(point.text(context), context)]) {
    assert.ok(each);
    assert.deepEqual([each.has(id(1, 10, 3), ann), each.has(id(1, 11), ann)], [true, false]);
    assert.deepEqual([each.has(id(1, 20, 3), ben), each.has(id(1, 21), ben)], [true, false]);
    each.advance({ sequence: 6, last: [id(1, 15)] });
    assert.deepEqual([each.has(id(1, 16), ann), each.has(id(1, 16), ben)], [false, true]);
    each.advance({ sequence: 7, last: [id(1, 21)] });
    assert.doesNotMatch(each.text(context), /~/);
    each.advance({ sequence: 1, last: [id(1, 2)] });
    assert.equal(each.has(id(1, 21), ann), true);
  }
});
