// Tables as CSV by RFC 4180: CRLF after each line, the first line names the columns with their units, and fields are
// quoted when they hold a comma, a quote or a line break.
//
// Invariant: `csvTable(csvText(table))` is the table again.

/** A field that has no value is empty. */
export type CsvField = string | number | null;

/** A table as text. */
export function csvText(heading: readonly string[], rows: readonly (readonly CsvField[])[]): string {
  return [heading, ...rows].map(csvLine).join("");
}

/** One line with its end. */
export function csvLine(fields: readonly CsvField[]): string {
  return `${fields.map((field) => quoted(field === null ? "" : String(field))).join(",")}\r\n`;
}

/**
 * The fields of a table, line by line, the heading first. Line ends may be LF alone; a last line without its end, as
 * a run that was cut leaves it, is left out.
 */
export function csvTable(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  for (const [, bare = "", inQuotes, after] of text.matchAll(FIELD)) {
    row.push(inQuotes === undefined ? bare : inQuotes.replaceAll('""', '"'));
    if (after === ",") continue;
    rows.push(row);
    row = [];
  }
  return rows;
}

/** One field and what ends it. */
const FIELD = /(?:([^",\r\n]*)|"((?:[^"]|"")*)")(,|\r?\n)/gy;

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
