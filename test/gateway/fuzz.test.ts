// Random requests, made out of the published document: what it allows and what it does not, on every route.
// No answer has a status that the document does not name, none is a fault of the gateway, every error is a problem
// document; and what the document allows is never refused for its shape.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { type Answer, type GatewaySite, startGatewaySite } from "./gateway-site.ts";

/** Requests of each kind; the seed of a failure is in its message. */
const RUNS = 400;

type Json = Readonly<Record<string, unknown>>;

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly statuses: readonly string[];
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly schema: Json }[];
  readonly body: Json | null;
}

let site: GatewaySite;
let operations: readonly Operation[] = [];

before(async () => {
  site = await startGatewaySite();
  const { json } = await site.call("GET", "/openapi.json");
  operations = operationsOf(json["paths"] as Record<string, Record<string, Json>>);
  assert.ok(operations.length >= 18, `${operations.length} operations`);
});
after(() => site.stop());

function operationsOf(paths: Readonly<Record<string, Readonly<Record<string, Json>>>>): Operation[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, about]) => ({
      method: method.toUpperCase(),
      path,
      statuses: Object.keys(about["responses"] as Json),
      parameters: (about["parameters"] ?? []) as Operation["parameters"],
      body: bodySchema(about),
    })),
  );
}

function bodySchema({ requestBody }: Json): Json | null {
  if (requestBody === undefined) return null;
  const { content } = requestBody as { content: Record<string, { schema: Json }> };
  return content["application/json"]?.schema ?? null;
}

/** Few names, so that commands meet the same wallets. */
const NAMES: readonly (readonly [string, readonly string[]])[] = [
  ["^[A-Za-z0-9_-]{1,64}:", ["ann:usd", "ben:usd", "ben:eur", "mint:usd"]],
  ["^[A-Za-z0-9_-]{1,64}$", ["ann", "ben", "mint"]],
  ["^[A-Za-z0-9_-]+(", ["spring", "autumn.2026", "winter"]],
  ["^[a-z0-9_-]{1,32}$", ["usd", "eur"]],
  ["^(?:[1-9]", ["1", "2"]],
  ["^[A-Z][A-Z0-9]", ["USD/2", "EUR/2"]],
  ["^[1-9]", ["1", "5", "100", "9223372036854775807"]],
  ["^(0|-[", ["0", "-5"]],
  ["^(0|[1-9]", ["0", "1", "2"]],
];

/** Values that a schema allows. */
function valid(schema: Json): fc.Arbitrary<unknown> {
  const { anyOf, enum: values, const: only, type, format, pattern } = schema;
  if (Array.isArray(anyOf)) return fc.oneof(...anyOf.map((each) => valid(each as Json)));
  if (Array.isArray(values)) return fc.constantFrom(...(values as unknown[]));
  if (only !== undefined) return fc.constant(only);
  if (type === "boolean") return fc.boolean();
  if (type === "integer")
    return fc.integer({ min: Number(schema["minimum"] ?? 0), max: Number(schema["maximum"]) });
  if (type === "array") return fc.array(valid(schema["items"] as Json), { minLength: 1, maxLength: 4 });
  if (type === "object") return validObject(schema);
  if (format === "uuid")
    return fc.oneof({ weight: 9, arbitrary: fc.uuid() }, fc.constant("0190c0de-0000-7000-8000-000000000001"));
  if (format === "date-time") return fc.constant("2026-11-22T08:00:00.000Z");
  const names = NAMES.find(([start]) => String(pattern ?? "").startsWith(start))?.[1];
  if (names !== undefined) return fc.constantFrom(...names);
  return fc.string({ minLength: 1, maxLength: 20, unit: "grapheme-ascii" });
}

function validObject(schema: Json): fc.Arbitrary<unknown> {
  const properties = (schema["properties"] ?? {}) as Readonly<Record<string, Json>>;
  const required = (schema["required"] ?? []) as string[];
  if (Object.keys(properties).length === 0) return fc.constant({});
  const model = Object.fromEntries(Object.entries(properties).map(([name, each]) => [name, valid(each)]));
  return fc.record(model, { requiredKeys: required });
}

/** Values that it mostly does not. */
const nonsense = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom(
    "",
    "0",
    "-1",
    "1e3",
    " 1",
    "unlimited",
    "ann:usd",
    "\u0000",
    "é".repeat(300),
    -1,
    1.5,
    1e300,
  ),
);

/** An object with some of its fields replaced, left out or added. */
function broken(schema: Json | null): fc.Arbitrary<unknown> {
  const good = schema === null ? fc.constant({}) : valid(schema);
  const change = fc.array(fc.tuple(fc.nat(12), nonsense), { minLength: 1, maxLength: 3 });
  return fc.oneof(
    nonsense,
    fc.tuple(good, change).map(([value, changes]) => {
      const fields: Record<string, unknown> = { ...(value as Json) };
      const names = [...Object.keys(fields), "extra", "op", "id"];
      for (const [index, other] of changes) fields[names[index % names.length] ?? "extra"] = other;
      return fields;
    }),
  );
}

interface Sent {
  readonly operation: Operation;
  readonly path: string;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;
}

/** Requests to one operation. */
function requests(operation: Operation, isValid: boolean): fc.Arbitrary<Sent> {
  const inPathOrQuery = operation.parameters.filter((each) => each.in !== "header");
  const value = (schema: Json): fc.Arbitrary<unknown> =>
    isValid ? valid(schema) : fc.oneof(valid(schema), nonsense);
  const values = fc.tuple(...inPathOrQuery.map(({ schema }) => value(schema)));
  const body = operation.body === null ? fc.constant(undefined) : bodies(operation, isValid);
  const headers = isValid ? fc.constant({}) : hostileHeaders;
  return fc.tuple(values, body, headers, fc.uuid()).map(([chosen, sent, extra, id]) => {
    const named = isValid && takesId(operation.body) ? { id, ...(sent as Json) } : sent;
    return { operation, path: pathWith(operation, inPathOrQuery, chosen), body: named, headers: extra };
  });
}

/** Whether a body may name an id: not that of a batch, nor of a claim, whose owner and ordinal are its id. */
function takesId(body: Json | null): boolean {
  const forms = (body?.["anyOf"] ?? [body ?? {}]) as readonly Json[];
  return forms.every(({ properties }) => Object.hasOwn((properties ?? {}) as Json, "id"));
}

function bodies(operation: Operation, isValid: boolean): fc.Arbitrary<unknown> {
  const schema = operation.body ?? {};
  return isValid ? valid(schema) : broken(schema);
}

const hostileHeaders: fc.Arbitrary<Record<string, string>> = fc.oneof(
  fc.constant({}),
  fc.constantFrom<Record<string, string>>(
    { "idempotency-key": '"' },
    { "idempotency-key": "k" },
    { prefer: "wait=abc, respond-async" },
    { prefer: "wait=0" },
    { "if-none-match": "*" },
    { accept: "text/csv" },
    { accept: "image/png" },
    { "content-type": "text/xml" },
  ),
);

function pathWith(
  operation: Operation,
  parameters: Operation["parameters"],
  values: readonly unknown[],
): string {
  const query = new URLSearchParams();
  let { path } = operation;
  for (const [index, { name, in: place }] of parameters.entries()) {
    const value = values[index];
    const isList = place === "query" && Array.isArray(value) && value.length > 0;
    for (const each of isList ? (value as unknown[]) : [value]) {
      const well = (typeof each === "string" ? each : (JSON.stringify(each) ?? "")).toWellFormed();
      if (place === "path")
        path = path.replace(`{${name}}`, encodeURIComponent(well).replaceAll(".", "%2E") || "x");
      else if (isList) query.append(name, well);
      else query.set(name, well);
    }
  }
  return query.size === 0 ? path : `${path}?${query}`;
}

async function send({ operation, path, body, headers }: Sent): Promise<Answer> {
  const answer = await site.call(operation.method, path, {
    headers,
    ...(body === undefined ? {} : { body }),
  });
  const told = `${operation.method} ${path} ${JSON.stringify(body)} -> ${answer.status} ${answer.text.slice(0, 300)}`;
  assert.ok(operation.statuses.includes(String(answer.status)), `not documented: ${told}`);
  assert.ok(answer.status < 500 || answer.json["code"] === "campaign_exhausted", told);
  assert.deepEqual(site.problems, [], told);
  if (answer.status >= 400)
    assert.equal(answer.headers.get("content-type"), "application/problem+json", told);
  return answer;
}

const anyRequest = (isValid: boolean): fc.Arbitrary<Sent> =>
  fc.constantFrom(...operations).chain((operation) => requests(operation, isValid));

test("broken requests are answered with a documented status, and never with a fault", async () => {
  await fc.assert(
    fc.asyncProperty(anyRequest(false), async (sent) => {
      await send(sent);
    }),
    { numRuns: RUNS },
  );
});

/** Whether a code is of a rule between fields, which schemas do not say. */
function isBetweenFields(code: unknown, { operation, path }: Sent): boolean {
  const isCachedPast = path.includes("at=") && path.includes("consistency=cached");
  const isOfQuery = path.includes("cursor=") || isCachedPast;
  if (code === "malformed")
    return operation.method === "PATCH" || isOfQuery || path.startsWith("/v1/campaigns");
  return code === "legs_invalid" || code === "same_wallet";
}

test("what the document allows is carried out, or refused for what only rules between fields say", async () => {
  await fc.assert(
    fc.asyncProperty(anyRequest(true), async (sent) => {
      const answer = await send(sent);
      const isShape = answer.status === 400;
      const isBatch = sent.operation.path === "/v1/batches";
      if (isShape && !isBatch)
        assert.ok(
          isBetweenFields(answer.json["code"], sent),
          `${sent.path} ${JSON.stringify(sent.body)} ${answer.text}`,
        );
    }),
    { numRuns: RUNS },
  );
});
