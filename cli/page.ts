// The two flags of paged lists, and what they mean.
// A cursor is opaque: it is given back as it came, and one that does not parse is a usage error.

import { decodeCursor } from "../protocol/cursor.ts";
import { PAGE_DEFAULT } from "../protocol/limits.ts";
import type { FlagSpec } from "./command.ts";
import { usageFailure } from "./failure.ts";
import type { Parsed } from "./parsed.ts";
import { wholeIn } from "./value.ts";

/** Flags of a paged list. */
export const PAGE_FLAGS: readonly FlagSpec[] = [
  { name: "--limit", value: "N", summary: `how many at most (default: ${PAGE_DEFAULT})` },
  { name: "--cursor", value: "CURSOR", summary: 'go on after a page: the "next" that it ended with' },
];

/** The page that the flags ask for. Errors: CliFailure `usage`. */
export function pageOf(
  parsed: Parsed,
  limitMax: number,
): { readonly cursor?: string; readonly limit: number } {
  const limit = parsed.text("--limit");
  const text = parsed.text("--cursor");
  const isUsable = text === null || decodeCursor(text) !== undefined;
  if (!isUsable) throw usageFailure("--cursor is not one that a page ended with.");
  return {
    limit: limit === null ? PAGE_DEFAULT : wholeIn(limit, { min: 1, max: limitMax }),
    ...(text === null ? {} : { cursor: text }),
  };
}
