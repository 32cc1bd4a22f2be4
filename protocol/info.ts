// The answer of `coffer.info`: what a caller needs to know about the installation before it sends anything,
// the number of shards (for frames) and the limits that messages must keep.

import { parseJson } from "./canonical-json.ts";
import type { JsonFields } from "./json-fields.ts";
import { readJsonFields } from "./json-fields.ts";
import {
  CODE_BYTES_MAX,
  COMMANDS_PER_MESSAGE_MAX,
  ENTRIES_PAGE_MAX,
  HOLD_TTL_MS_MAX,
  HOLDS_PAGE_MAX,
  LEGS_MAX,
  MESSAGE_BYTES_MAX,
  META_BYTES_MAX,
  REASON_BYTES_MAX,
  REF_BYTES_MAX,
  WALLETS_PER_OWNER_MAX,
} from "./limits.ts";
import { failed, type Result } from "./result.ts";

/** Durability profiles: `strict` loses nothing that was accepted, `relaxed` nothing that was settled. */
export const DURABILITIES = ["strict", "relaxed"] as const;

/** One durability profile. */
export type Durability = (typeof DURABILITIES)[number];

/** The limits of messages and pages, as of the contract. */
export const INFO_LIMITS = {
  codeBytes: CODE_BYTES_MAX,
  refBytes: REF_BYTES_MAX,
  reasonBytes: REASON_BYTES_MAX,
  metaBytes: META_BYTES_MAX,
  legs: LEGS_MAX,
  commands: COMMANDS_PER_MESSAGE_MAX,
  messageBytes: MESSAGE_BYTES_MAX,
  holdTtlMs: HOLD_TTL_MS_MAX,
  walletsPerOwner: WALLETS_PER_OWNER_MAX,
  entriesPage: ENTRIES_PAGE_MAX,
  holdsPage: HOLDS_PAGE_MAX,
} as const;

/** Limits by name. */
export type InfoLimits = { readonly [Name in keyof typeof INFO_LIMITS]: number };

/** See the file header. */
export interface Info {
  /** Version of the engine. */
  readonly version: string;
  /** Cluster id. */
  readonly cluster: string;
  readonly shards: number;
  readonly durability: Durability;
  readonly limits: InfoLimits;
}

/** The answer as UTF-8 JSON. */
export function encodeInfo({ version, cluster, shards, durability, limits }: Info): Uint8Array {
  return Buffer.from(JSON.stringify({ version, cluster, shards, durability, limits }), "utf8");
}

/** Reads what {@link encodeInfo} gave; unknown fields are passed over. Never throws. */
export function decodeInfo(bytes: Uint8Array): Result<Info, string> {
  const parsed = parseJson(bytes);
  return parsed.ok ? readJsonFields(parsed.value, readInfo) : failed(parsed.error);
}

function readInfo(fields: JsonFields): Info {
  return {
    version: fields.text("version"),
    cluster: fields.text("cluster"),
    shards: fields.parsed("shards", shardCount),
    durability: fields.oneOf("durability", DURABILITIES),
    limits: readLimits(fields.object("limits")),
  };
}

function readLimits(limits: JsonFields): InfoLimits {
  return {
    codeBytes: limits.count("codeBytes"),
    refBytes: limits.count("refBytes"),
    reasonBytes: limits.count("reasonBytes"),
    metaBytes: limits.count("metaBytes"),
    legs: limits.count("legs"),
    commands: limits.count("commands"),
    messageBytes: limits.count("messageBytes"),
    holdTtlMs: limits.count("holdTtlMs"),
    walletsPerOwner: limits.count("walletsPerOwner"),
    entriesPage: limits.count("entriesPage"),
    holdsPage: limits.count("holdsPage"),
  };
}

function shardCount(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 1 ? value : undefined;
}
