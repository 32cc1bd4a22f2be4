// Entries as a table (RFC 4180): a row each, amounts as they are in JSON.
// Guards against: text of callers that a spreadsheet would run as a formula. Such cells get a quote in front.

import type { Entry } from "../protocol/entry.ts";
import { entryToJson } from "../protocol/read-answer.ts";

const COLUMNS = ["version", "time", "kind", "amount", "held"] as const;
const BALANCE = ["posted", "held", "incoming"] as const;
const OTHERS = ["command", "transfer", "leg", "counterparty", "code", "ref", "position"] as const;
/** Cells whose text a caller chose. */
const FREE: ReadonlySet<string> = new Set(["code", "ref"]);

/** The table with its head. */
export function entriesCsv(entries: readonly Entry[]): string {
  const head = [...COLUMNS, ...BALANCE.map((name) => `balance_${name}`), ...OTHERS];
  return `${[head.join(","), ...entries.map(rowOf)].join("\r\n")}\r\n`;
}

function rowOf(entry: Entry): string {
  const json = entryToJson(entry);
  const balance = BALANCE.map((name) => entry.balance[name].toString());
  const cells = (names: readonly string[]): string[] => names.map((name) => cellOf(name, json[name]));
  return [...cells(COLUMNS), ...balance, ...cells(OTHERS)].join(",");
}

function cellOf(name: string, value: unknown): string {
  if (value === undefined || value === null) return "";
  const text = String(value);
  const safe = FREE.has(name) && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
