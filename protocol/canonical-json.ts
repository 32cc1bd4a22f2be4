// JSON as Coffer reads and compares it. Reading is strict where JSON.parse is lenient (UTF-8, duplicate keys,
// lone surrogates, depth, numbers beyond double). Writing is canonical after RFC 8785: keys sorted by UTF-16
// code units, numbers and strings in JavaScript's own form, no space, so that equal values are equal texts.

import { assert } from "./assert.ts";
import type { JsonFault } from "./json-scan.ts";
import { findJsonFaults } from "./json-scan.ts";
import { JSON_DEPTH_MAX } from "./limits.ts";
import { failed, ok, type Result } from "./result.ts";

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A message that is JSON, with what is wrong inside its elements. */
export interface JsonMessage {
  readonly value: unknown;
  /** The first fault of each element of an outermost array; a value that is no array is element 0. */
  readonly faults: ReadonlyMap<number, JsonFault>;
}

/**
 * Reads JSON strictly, whole or not at all.
 * @returns the value, or what is wrong in a few words. Never throws.
 */
export function parseJson(bytes: Uint8Array): Result<unknown, string> {
  const message = parse(bytes, false);
  if (!message.ok) return message;
  for (const fault of message.value.faults.values()) return failed(fault.reason);
  return ok(message.value.value);
}

/**
 * Reads a message whose outermost array holds independent elements: faults inside one do not fail the others,
 * and nesting is counted per element.
 * @returns value and faults, or why nothing of it can be read. Never throws.
 */
export function parseJsonMessage(bytes: Uint8Array): Result<JsonMessage, string> {
  return parse(bytes, true);
}

function parse(bytes: Uint8Array, perElement: boolean): Result<JsonMessage, string> {
  let text: string;
  let value: unknown;
  try {
    text = UTF8.decode(bytes);
  } catch {
    return failed("not UTF-8");
  }
  try {
    value = JSON.parse(text);
  } catch {
    return failed("not JSON");
  }
  return ok({ value, faults: findJsonFaults(text, { depthMax: JSON_DEPTH_MAX, perElement }) });
}

/** Whether a value of JSON is an object (not an array, not null). */
export function isJsonObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The canonical text of a JSON value.
 * Errors: asserts that it is one (no undefined, bigint, non-finite number, lone surrogate; at most 32 deep).
 */
export function canonicalJson(value: unknown): string {
  const text = canonicalJsonOf(value, JSON_DEPTH_MAX);
  assert(text !== undefined, "only JSON values have a canonical text");
  return text;
}

/**
 * The canonical text of a value of unknown origin.
 * @param depthMax levels of nesting allowed, this value included
 * @returns `undefined` when it is not JSON, not well-formed Unicode, or nested deeper. Never throws.
 */
export function canonicalJsonOf(value: unknown, depthMax: number): string | undefined {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "number") return Number.isFinite(value) ? JSON.stringify(value) : undefined;
  if (typeof value === "string") return value.isWellFormed() ? JSON.stringify(value) : undefined;
  if (typeof value !== "object" || depthMax < 1) return undefined;
  if (Array.isArray(value)) return joined(value, "[]", (element) => canonicalJsonOf(element, depthMax - 1));
  if (!isJsonObject(value)) return undefined;
  return joined(Object.keys(value).sort(), "{}", (key) => {
    const inner = canonicalJsonOf(value[key], depthMax - 1);
    return inner === undefined || !key.isWellFormed() ? undefined : `${JSON.stringify(key)}:${inner}`;
  });
}

function joined<Part>(
  parts: readonly Part[],
  brackets: "[]" | "{}",
  textOf: (part: Part) => string | undefined,
): string | undefined {
  const texts: string[] = [];
  for (const part of parts) {
    const text = textOf(part);
    if (text === undefined) return undefined;
    texts.push(text);
  }
  return `${brackets[0]}${texts.join(",")}${brackets[1]}`;
}
