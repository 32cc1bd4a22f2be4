// The body that makes a campaign, judged by the rules that hold for transfers, since each claim will be one.
// Does not own: whether the wallet exists (routes/campaigns.ts), nor the id, which may stand in a header.

import { JSON_FORMS } from "../../protocol/command-json.ts";
import { CODE_BYTES_MAX, REF_BYTES_MAX } from "../../protocol/limits.ts";
import { purseOf } from "../../protocol/names.ts";
import { ShapeCheck } from "../../protocol/shape-check.ts";
import { TIME_MS_MAX } from "../../protocol/time-text.ts";
import { Problem } from "../problem.ts";
import { type CampaignTerms, parseOrdinal, parsePurse } from "./campaign.ts";

const FIELDS = new Set(["id", "wallet", "amount", "capPerOwner", "purse", "code", "ref", "from", "to"]);
/** RFC 3339, section 5.6. */
const RFC_3339 =
  /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})$/i;

/** The terms that a body names. Errors: Problem with the codes of commands. */
export function campaignTermsIn(body: Readonly<Record<string, unknown>>): CampaignTerms {
  const unknown = Object.keys(body).find((field) => !FIELDS.has(field));
  if (unknown !== undefined) throw malformed(unknown.slice(0, 64));
  const check = new ShapeCheck(JSON_FORMS);
  const wallet = check.wallet(body["wallet"], "wallet");
  const amount = check.amount(body["amount"], "amount");
  const code = check.textOrNull(body["code"], "code", CODE_BYTES_MAX);
  const ref = check.textOrNull(body["ref"], "ref", REF_BYTES_MAX);
  if (check.refusal !== null) throw new Problem(check.refusal.code, { detail: check.refusal.detail });
  if (wallet === undefined || amount === undefined || code === undefined || ref === undefined)
    throw malformed("terms");
  const capPerOwner = parseOrdinal(body["capPerOwner"]);
  if (capPerOwner === undefined) throw malformed("capPerOwner");
  const purse = body["purse"] === undefined ? purseOf(wallet) : parsePurse(body["purse"]);
  if (purse === undefined) throw malformed("purse");
  const [fromMs, toMs] = [timeIn(body, "from"), timeIn(body, "to")];
  if (fromMs !== null && toMs !== null && fromMs >= toMs) throw malformed("to");
  return { wallet, amount, capPerOwner, purse, code, ref, fromMs, toMs };
}

function timeIn(body: Readonly<Record<string, unknown>>, name: string): number | null {
  const text = body[name];
  if (text === undefined) return null;
  const timeMs = typeof text === "string" && RFC_3339.test(text) ? Date.parse(text) : Number.NaN;
  if (!(timeMs >= 0 && timeMs <= TIME_MS_MAX)) throw malformed(name);
  return timeMs;
}

function malformed(detail: string): Problem {
  return new Problem("malformed", { detail });
}
