// A campaign: who pays, how much a claim is, how often one owner may claim, and when.
//
// Owns: the record and its two forms, as callers see it and as the bucket holds it (version 1).
// Invariant: everything that decides about money or is part of a claim's transfer never changes after the campaign was
// made; only its end and its round do, each in one direction.

import { isJsonObject, parseJson } from "../../protocol/canonical-json.ts";
import { type JsonFields, readJsonFields } from "../../protocol/json-fields.ts";
import { parseAmount } from "../../protocol/money.ts";
import {
  parseAsset,
  parseTenant,
  parseWallet,
  type TenantName,
  type WalletName,
} from "../../protocol/names.ts";
import { timeText } from "../../protocol/time-text.ts";
import { CLAIMS_PER_OWNER_MAX } from "../cache/gateway-cache.ts";

/** Rounds of a campaign: an owner's refused claim may be asked for again once in each. */
export const ROUNDS_MAX = 16;
/** Bytes of a stored record; a longer one is ignored unread. */
export const CAMPAIGN_RECORD_BYTES_MAX = 4 * 1024;

/** What a campaign promises. Times are ms since 1970. */
export interface CampaignTerms {
  /** The wallet that pays. */
  readonly wallet: WalletName;
  /** Minor units of one claim. */
  readonly amount: bigint;
  /** Claims that one owner may be granted, 1..CLAIMS_PER_OWNER_MAX. */
  readonly capPerOwner: number;
  /** Which wallet of a claimant receives. */
  readonly purse: string;
  readonly code: string | null;
  readonly ref: string | null;
  /** No claim before; null = from the beginning. */
  readonly fromMs: number | null;
  /** No new claim from then on; null = until it is closed. */
  readonly toMs: number | null;
}

/** See the file header. */
export interface Campaign extends CampaignTerms {
  readonly tenant: TenantName;
  readonly id: string;
  /** Asset of the wallet that pays, which never changes. */
  readonly asset: string;
  readonly createdMs: number;
  readonly closedMs: number | null;
  /** 1..ROUNDS_MAX; only grows. */
  readonly round: number;
}

const ID = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/;

/** @returns the campaign's id, or `undefined`: 1..64 of `[A-Za-z0-9_.-]`, dots only between others. Never throws. */
export function parseCampaignId(value: unknown): string | undefined {
  return typeof value === "string" && value.length <= 64 && ID.test(value) ? value : undefined;
}

/** @returns a purse's name, or `undefined`. Never throws. */
export function parsePurse(value: unknown): string | undefined {
  return typeof value === "string" && parseWallet(`owner:${value}`) !== undefined ? value : undefined;
}

/** @returns claims of an owner, or `undefined`: 1..CLAIMS_PER_OWNER_MAX. Never throws. */
export function parseOrdinal(value: unknown): number | undefined {
  const fits = typeof value === "number" && Number.isInteger(value);
  return fits && value >= 1 && value <= CLAIMS_PER_OWNER_MAX ? value : undefined;
}

/** Where the bucket holds it. A tenant's name has no dot. */
export function campaignKey(tenant: TenantName, id: string): string {
  return `${tenant}.${id}`;
}

/** What it promises, as JSON: equal texts are equal terms. */
function termsJson(terms: CampaignTerms): Record<string, unknown> {
  const { wallet, amount, capPerOwner, purse, code, ref, fromMs, toMs } = terms;
  return {
    ...{ wallet, amount: amount.toString(), capPerOwner, purse },
    ...(code === null ? {} : { code }),
    ...(ref === null ? {} : { ref }),
    ...(fromMs === null ? {} : { from: timeText(fromMs) }),
    ...(toMs === null ? {} : { to: timeText(toMs) }),
  };
}

/** The first field that differs between two campaigns' terms, or null. */
export function differingTerm(one: CampaignTerms, other: CampaignTerms): string | null {
  const [left, right] = [termsJson(one), termsJson(other)];
  const names = new Set([...Object.keys(left), ...Object.keys(right)]);
  return [...names].find((name) => left[name] !== right[name]) ?? null;
}

/** The campaign as callers see it. */
export function campaignToJson(campaign: Campaign): Record<string, unknown> {
  const { id, asset, createdMs, closedMs, round } = campaign;
  return {
    ...{ id, ...termsJson(campaign), asset, status: closedMs === null ? "open" : "closed", round },
    created: timeText(createdMs),
    ...(closedMs === null ? {} : { closed: timeText(closedMs) }),
  };
}

/** The campaign as it is stored. */
export function encodeCampaign(campaign: Campaign): string {
  const { asset, createdMs, closedMs, round } = campaign;
  const closed = closedMs === null ? {} : { closed: timeText(closedMs) };
  return JSON.stringify({
    v: 1,
    ...termsJson(campaign),
    ...{ asset, round, created: timeText(createdMs), ...closed },
  });
}

/** Reads what the bucket holds under a key; null for anything else, a newer version included. Never throws. */
export function decodeCampaign(key: string, bytes: Uint8Array): Campaign | null {
  if (bytes.length > CAMPAIGN_RECORD_BYTES_MAX) return null;
  const dot = key.indexOf(".");
  const [tenant, id] = [parseTenant(key.slice(0, Math.max(0, dot))), parseCampaignId(key.slice(dot + 1))];
  const parsed = parseJson(bytes);
  if (tenant === undefined || id === undefined || !parsed.ok || !isJsonObject(parsed.value)) return null;
  const read = readJsonFields(parsed.value, (fields) => ({ tenant, id, ...recordIn(fields) }));
  return read.ok ? read.value : null;
}

function recordIn(fields: JsonFields): Omit<Campaign, "tenant" | "id"> {
  fields.parsed("v", (version) => (version === 1 ? version : undefined));
  return {
    wallet: fields.wallet("wallet"),
    amount: fields.parsed("amount", parseAmount),
    capPerOwner: fields.parsed("capPerOwner", parseOrdinal),
    purse: fields.parsed("purse", parsePurse),
    code: fields.textOrNull("code"),
    ref: fields.textOrNull("ref"),
    fromMs: fields.has("from") ? fields.time("from") : null,
    toMs: fields.has("to") ? fields.time("to") : null,
    asset: fields.parsed("asset", parseAsset),
    createdMs: fields.time("created"),
    closedMs: fields.has("closed") ? fields.time("closed") : null,
    round: fields.parsed("round", parseRound),
  };
}

/** @returns a round's number, or `undefined`: 1..ROUNDS_MAX. Never throws. */
export function parseRound(value: unknown): number | undefined {
  const fits = typeof value === "number" && Number.isInteger(value);
  return fits && value >= 1 && value <= ROUNDS_MAX ? value : undefined;
}
