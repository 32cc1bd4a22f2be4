// JSON as it is read and compared: what parseJson refuses although JSON.parse would not, and the canonical
// text. Guards against two readers of one message seeing two values under one key.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { canonicalJson, canonicalJsonOf, parseJson } from "../../protocol/canonical-json.ts";

const parse = (text: string) => parseJson(Buffer.from(text));
const deep = (depth: number) => "[".repeat(depth) + "]".repeat(depth);

const refused: readonly (readonly [string, string])[] = [
  ['{"a":1,"a":1}', "duplicate field"],
  ['{"a":1,"\\u0061":2}', "duplicate field"],
  ['{"a":{"b":1,"c":[{"d":1,"d":2}]}}', "duplicate field"],
  ['[{"a":1},{"a":1,"b":{},"a":[]}]', "duplicate field"],
  ['{"\\"":1,"\\u0022":2}', "duplicate field"],
  ['{"":1,"":2}', "duplicate field"],
  ['{"__proto__":1,"__proto__":2}', "duplicate field"],
  [`{${Array.from({ length: 40 }, (_, place) => `"k${place}":0`).join(",")},"k33":1}`, "duplicate field"],
  ['"\\ud800"', "ill-formed text"],
  ['"\\udc00\\ud800"', "ill-formed text"],
  ['{"\\ud83d":1}', "ill-formed text"],
  ['["\\ud83d", "\\ude00"]', "ill-formed text"],
  ["1e400", "number out of range"],
  ["[-1E+999]", "number out of range"],
  ["9".repeat(400), "number out of range"],
  [deep(33), "too deep"],
  ["", "not JSON"],
  ["{a:1}", "not JSON"],
  ["[1,]", "not JSON"],
  ["NaN", "not JSON"],
  ["01", "not JSON"],
  ['"\t"', "not JSON"],
  ["\ufeff1", "not JSON"],
];
for (const [text, reason] of refused) {
  test(`${text.slice(0, 60)} is refused: ${reason}`, () =>
    assert.deepEqual(parse(text), { ok: false, error: reason }));
}

const accepted = [
  '{"a":{"a":1},"b":[{"a":1},{"a":2}]}',
  '["a","a",{"a":"a","b":"a"}]',
  '{"a,b":"{\\"a\\":1,\\"a\\":2}","c":"\\\\"}',
  '"\\ud83d\\ude00"',
  '"\\\\ud800"',
  '["\\ud83d\\ude00","😀"]',
  "1e308",
  deep(32),
  ' \n\t\r{ "a" : [ 1 , true , null ] } ',
];
for (const text of accepted) {
  test(`${text.slice(0, 60).trim()} is read as JSON.parse reads it`, () => {
    assert.deepEqual(parse(text), { ok: true, value: JSON.parse(text) });
  });
}

test("bytes that are not UTF-8 are refused", () => {
  for (const bytes of [
    [0x22, 0xff, 0x22],
    [0x22, 0xc0, 0x80, 0x22],
    [0x22, 0xed, 0xa0, 0x80, 0x22],
    [0x22, 0xe2, 0x82, 0x22],
  ]) {
    assert.deepEqual(parseJson(Uint8Array.from(bytes)), { ok: false, error: "not UTF-8" });
  }
});

test("half a megabyte of brackets or of keys is judged without a stack overflow, in linear time", () => {
  assert.deepEqual(parse(deep(250_000)), { ok: false, error: "too deep" });
  const keys = Array.from({ length: 50_000 }, (_, place) => `"${place}":0`).join(",");
  assert.equal(parse(`{${keys}}`).ok, true);
  assert.deepEqual(parse(`{${keys},"77":0}`), { ok: false, error: "duplicate field" });
});

test("canonical text sorts keys by UTF-16 code units and writes numbers and strings as JavaScript does", () => {
  // The sorting example of RFC 8785, section 3.2.3, and numbers of its appendix B.
  const value = { "\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\u{1f600}": 5, "\u0080": 6, "\u00f6": 7 };
  const keys = [...canonicalJson(value).matchAll(/:([0-9])/g)].map(([, digit]) => digit);
  assert.deepEqual(keys, ["2", "4", "6", "7", "1", "5", "3"]);
  assert.equal(
    canonicalJson([333_333_333.333_333_3, 1e30, 4.5, 0.002, 1e-27, -0]),
    "[333333333.3333333,1e+30,4.5,0.002,1e-27,0]",
  );
  assert.equal(
    canonicalJson({ b: [true, null, '\u000f\n"\\/é'], a: {} }),
    '{"a":{},"b":[true,null,"\\u000f\\n\\"\\\\/é"]}',
  );
});

test("the canonical text of a canonical text is itself, whatever the order of keys", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6, stringUnit: "binary" }), (value) => {
      const text = canonicalJsonOf(value, 32);
      if (text === undefined) return;
      const parsed = parse(text);
      assert.ok(parsed.ok);
      assert.equal(canonicalJson(parsed.value), text);
    }),
  );
});

test("values that are not JSON have no canonical text", () => {
  const cyclic: unknown[] = [];
  cyclic.push(cyclic);
  for (const value of [
    undefined,
    1n,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    "\ud800",
    { "\ud800": 1 },
    [undefined],
    () => 1,
    cyclic,
  ]) {
    assert.equal(canonicalJsonOf(value, 32), undefined);
  }
  assert.throws(() => canonicalJson({ a: undefined }), /only JSON values/);
});
