// Typed access to the fields of parsed JSON that a server of ours sent: getters that refuse what does not fit,
// by path. For answers, outcomes and events; commands have rules of their own (command-shape). Fields that
// nobody asks for are passed over, so that a newer server may add some.

import { isJsonObject } from "./canonical-json.ts";
import { type CommandId, parseCommandId } from "./command-id.ts";
import { parseDecimal } from "./decimal.ts";
import { type Bound, parseInt64 } from "./money.ts";
import { parseWallet, type WalletName } from "./names.ts";
import { failed, ok, type Result } from "./result.ts";
import { parseTimeText } from "./time-text.ts";

class FieldMismatch extends Error {
  override readonly name = "FieldMismatch";
}

/** Runs `read` over an object. @returns its value, or the path of the field that does not fit. */
export function readJsonFields<Value>(
  value: unknown,
  read: (fields: JsonFields) => Value,
): Result<Value, string> {
  try {
    return ok(read(new JsonFields(value, "")));
  } catch (error) {
    if (error instanceof FieldMismatch) return failed(error.message);
    throw error;
  }
}

/** The fields of one JSON object. */
export class JsonFields {
  private readonly fields: Readonly<Record<string, unknown>>;
  private readonly path: string;

  constructor(value: unknown, path: string) {
    if (!isJsonObject(value)) throw new FieldMismatch(path === "" ? "not an object" : path);
    this.fields = value;
    this.path = path;
  }

  /** Whether a field is there. */
  has(name: string): boolean {
    return Object.hasOwn(this.fields, name);
  }

  /** The names of all fields, in their order. */
  names(): string[] {
    return Object.keys(this.fields);
  }

  /** A field through a parser that gives `undefined` for what does not fit. */
  parsed<Value>(name: string, parse: (value: unknown) => Value | undefined): Value {
    const value = this.has(name) ? parse(this.fields[name]) : undefined;
    if (value === undefined) throw new FieldMismatch(this.pathOf(name));
    return value;
  }

  /** The same, or null when the field is absent. */
  parsedOrNull<Value>(name: string, parse: (value: unknown) => Value | undefined): Value | null {
    return this.has(name) ? this.parsed(name, parse) : null;
  }

  text(name: string): string {
    return this.parsed(name, (value) => (typeof value === "string" ? value : undefined));
  }

  textOrNull(name: string): string | null {
    return this.has(name) ? this.text(name) : null;
  }

  bool(name: string): boolean {
    return this.parsed(name, (value) => (typeof value === "boolean" ? value : undefined));
  }

  /** A JSON number that is a non-negative safe integer. */
  count(name: string): number {
    return this.parsed(name, (value) =>
      typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined,
    );
  }

  /** A position, version or other counter: decimal text. */
  decimal(name: string): number {
    return this.parsed(name, parseDecimal);
  }

  money(name: string): bigint {
    return this.parsed(name, parseInt64);
  }

  bound(name: string): Bound {
    return this.parsed(name, parseBound);
  }

  /** What may be debited: twice as wide as a balance, because a lower bound may be far below zero. */
  available(name: string): Bound {
    return this.parsed(name, parseAvailable);
  }

  time(name: string): number {
    return this.parsed(name, parseTimeText);
  }

  id(name: string): CommandId {
    return this.parsed(name, parseCommandId);
  }

  wallet(name: string): WalletName {
    return this.parsed(name, parseWallet);
  }

  /** One of a table of texts. */
  oneOf<Value extends string>(name: string, table: readonly Value[]): Value {
    return this.parsed(name, (value) => table.find((known) => known === value));
  }

  /** A nested object. */
  object(name: string): JsonFields {
    return new JsonFields(this.fields[name], this.pathOf(name));
  }

  /** An array of objects, each read by `read`. */
  list<Value>(name: string, read: (fields: JsonFields) => Value): Value[] {
    const value = this.parsed(name, (list): readonly unknown[] | undefined =>
      Array.isArray(list) ? list : undefined,
    );
    return value.map((element, index) => read(new JsonFields(element, `${this.pathOf(name)}[${index}]`)));
  }

  /** The value of a field as it is. */
  raw(name: string): unknown {
    return this.fields[name];
  }

  private pathOf(name: string): string {
    return this.path === "" ? name : `${this.path}.${name}`;
  }
}

const WIDE = /^(?:0|-?[1-9][0-9]{0,19})$/;

function parseAvailable(value: unknown): Bound | undefined {
  if (value === "unlimited") return value;
  return typeof value === "string" && WIDE.test(value) ? BigInt(value) : undefined;
}

/** @returns a bound from its text, else `undefined`. */
export function parseBound(value: unknown): Bound | undefined {
  return value === "unlimited" ? value : parseInt64(value);
}
