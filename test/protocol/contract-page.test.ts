// docs/contract.md against the code: its tables of codes and limits are the code's, its examples are accepted, and the
// names in its text exist. Guards against a page that was right once.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { inspect } from "node:util";
import { decodeCommandMessage } from "../../protocol/command-json.ts";
import { isRefusedShape } from "../../protocol/decoded-command.ts";
import { STEP_KINDS } from "../../protocol/entry.ts";
import { INFO_LIMITS } from "../../protocol/info.ts";
import { parseOwner, parseTenant } from "../../protocol/names.ts";
import { REFUSALS, STATUSES } from "../../protocol/outcome.ts";
import { outcomeFromJson } from "../../protocol/outcome-json.ts";
import { decodeRead } from "../../protocol/read.ts";
import { READ_FAILURE_CODES } from "../../protocol/read-answer.ts";

const page = readFileSync(new URL("../../docs/contract.md", import.meta.url), "utf8");
const examples = [...page.matchAll(/^```json\n(.*?)^```$/gms)].flatMap(([, block = ""]) =>
  block.trim().split("\n"),
);
const tenant = parseTenant("demo");
const owner = parseOwner("alice");
assert.ok(tenant !== undefined && owner !== undefined);

test("its table of refusals is the code's, in the order of precedence", () => {
  const rows = [...page.matchAll(/^\| (\d) \| `(\w+)` \| (.+) \|$/gm)];
  assert.deepEqual(
    rows.map(([, stage, code, meaning]) => ({ code, stage: Number(stage), meaning })),
    REFUSALS.map((refusal) => ({ ...refusal })),
  );
});

test("its limits are those that coffer.info tells", () => {
  const [, section = ""] = page.split("## Limits");
  const rows = [...section.matchAll(/^\| `(\w+)` \| (\d+) \|$/gm)];
  assert.deepEqual(Object.fromEntries(rows.map(([, name, value]) => [name, Number(value)])), {
    ...INFO_LIMITS,
  });
});

test("every example of a command is a command, and every operation has one", () => {
  const seen = new Set<string>();
  for (const example of examples.filter((line) => !line.includes('"status"'))) {
    const [decoded] = decodeCommandMessage(Buffer.from(example), { tenant, owner, shard: 0, shards: 1 });
    assert.ok(decoded !== undefined && !isRefusedShape(decoded), `${example}: ${inspect(decoded)}`);
    seen.add(decoded.command.op);
  }
  const listed = [...page.matchAll(/^\| ((?:`\w+`(?:, )?)+) \|/gm)].flatMap(([, cell = ""]) =>
    [...cell.matchAll(/`(\w+)`/g)].map(([, op = ""]) => op),
  );
  for (const op of seen) assert.ok(listed.includes(op), op);
  assert.equal(seen.size, 9);
});

test("its example of an outcome is one", () => {
  const [example = ""] = examples.filter((line) => line.includes('"status"'));
  const decoded = outcomeFromJson(JSON.parse(example));
  assert.ok(decoded.ok, inspect(decoded));
});

test("its reads are reads", () => {
  const reads = [...page.matchAll(/^\| `(\{"get".+?\})` \|/gm)].map(([, read = ""]) => read);
  assert.equal(reads.length, 5);
  for (const read of reads) assert.ok(decodeRead(Buffer.from(read), { tenant, owner }).ok, read);
});

test("every status, kind of entry and code of a failed read is named", () => {
  for (const name of [...STATUSES, ...STEP_KINDS, ...READ_FAILURE_CODES])
    assert.ok(page.includes(`\`${name}\``), name);
});
