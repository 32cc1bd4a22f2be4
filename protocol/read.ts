// Reads: what `coffer.get` may ask about one owner. Decoding judges form only; whether the wallet or the
// outcome exists is for the shard to say. A wallet of another owner than the addressed one is refused here as
// `wallet_not_found`, the same as a missing one, so that nobody learns what other owners have.

import { isJsonObject, parseJson } from "./canonical-json.ts";
import { type CommandId, parseCommandId } from "./command-id.ts";
import { type Cursor, decodeCursor, encodeCursor } from "./cursor.ts";
import { parseDecimal } from "./decimal.ts";
import { ENTRIES_PAGE_MAX, HOLDS_PAGE_MAX, PAGE_DEFAULT } from "./limits.ts";
import { type OwnerName, ownerOf, parseWallet, type TenantName, type WalletName } from "./names.ts";
import { failed, ok, type Result } from "./result.ts";
import { detailText } from "./shape-check.ts";

interface AnyRead {
  /** The position (a PubAck's sequence) that must be applied before the answer; null = none. */
  readonly after: number | null;
}

interface PagedRead extends AnyRead {
  /** Where the page starts; null = at the newest. */
  readonly cursor: Cursor | null;
  /** Elements of the page. */
  readonly limit: number;
}

/** One wallet. */
export interface WalletRead extends AnyRead {
  readonly get: "wallet";
  readonly wallet: WalletName;
}

/** All wallets of the owner at one instant. */
export interface OwnerRead extends AnyRead {
  readonly get: "owner";
}

/** What a command came to. */
export interface OutcomeRead extends AnyRead {
  readonly get: "outcome";
  readonly id: CommandId;
}

/** The owner's holds, newest first. */
export interface HoldsRead extends PagedRead {
  readonly get: "holds";
}

/** A wallet's entries, newest first. */
export interface EntriesRead extends PagedRead {
  readonly get: "entries";
  readonly wallet: WalletName;
}

/** Any read. */
export type ReadRequest = WalletRead | OwnerRead | OutcomeRead | HoldsRead | EntriesRead;

/** Why a read was not even looked at. */
export interface ReadRefusal {
  readonly code: "malformed" | "wallet_not_found";
  /** The field that caused it, or what is wrong with the whole. */
  readonly detail: string;
}

/** The fields that each read may have beside `get` and `after`. */
const FIELDS: Readonly<Record<ReadRequest["get"], readonly string[]>> = {
  wallet: ["wallet"],
  owner: [],
  outcome: ["id"],
  holds: ["cursor", "limit"],
  entries: ["wallet", "cursor", "limit"],
};

/** Bytes of one read; more is `malformed`. */
const READ_BYTES_MAX = 4096;

type Fields = Readonly<Record<string, unknown>>;

/** Reads a request about the addressed owner. Errors: `malformed`, `wallet_not_found`. Never throws. */
export function decodeRead(
  bytes: Uint8Array,
  { owner }: { readonly tenant: TenantName; readonly owner: OwnerName },
): Result<ReadRequest, ReadRefusal> {
  if (bytes.length > READ_BYTES_MAX) return malformed("message");
  const parsed = parseJson(bytes);
  if (!parsed.ok) return malformed(parsed.error);
  const fields = parsed.value;
  if (!isJsonObject(fields)) return malformed("not an object");
  const { get } = fields;
  if (!isGet(get)) return malformed("get");
  for (const field of Object.keys(fields)) {
    if (field !== "get" && field !== "after" && !FIELDS[get].includes(field))
      return malformed(detailText(field));
  }
  const after = fields["after"] === undefined ? null : parseDecimal(fields["after"]);
  if (after === undefined) return malformed("after");
  return decodeFields(get, fields, { after, owner });
}

/** The JSON of a request, as services and the gateway send it. */
export function encodeRead(request: ReadRequest): Uint8Array {
  const { after, ...fields } = request;
  const cursor = "cursor" in fields && fields.cursor !== null ? { cursor: encodeCursor(fields.cursor) } : {};
  const { cursor: _, ...others } = { cursor: null, ...fields };
  const json = { ...others, ...cursor, ...(after === null ? {} : { after: after.toString() }) };
  return Buffer.from(JSON.stringify(json), "utf8");
}

function decodeFields(
  get: ReadRequest["get"],
  fields: Fields,
  { after, owner }: { readonly after: number | null; readonly owner: OwnerName },
): Result<ReadRequest, ReadRefusal> {
  switch (get) {
    case "owner":
      return ok({ get, after });
    case "outcome": {
      const id = parseCommandId(fields["id"]);
      return id === undefined ? malformed("id") : ok({ get, id, after });
    }
    case "wallet": {
      const wallet = decodeWallet(fields, owner);
      return wallet.ok ? ok({ get, wallet: wallet.value, after }) : wallet;
    }
    case "holds": {
      const page = decodePage(fields, HOLDS_PAGE_MAX);
      return page.ok ? ok({ get, ...page.value, after }) : page;
    }
    case "entries": {
      const wallet = decodeWallet(fields, owner);
      const page = decodePage(fields, ENTRIES_PAGE_MAX);
      if (!page.ok) return page;
      return wallet.ok ? ok({ get, wallet: wallet.value, ...page.value, after }) : wallet;
    }
  }
}

function decodeWallet(fields: Fields, owner: OwnerName): Result<WalletName, ReadRefusal> {
  const wallet = parseWallet(fields["wallet"]);
  if (wallet === undefined) return malformed("wallet");
  return ownerOf(wallet) === owner ? ok(wallet) : failed({ code: "wallet_not_found", detail: "wallet" });
}

function decodePage(
  fields: Fields,
  limitMax: number,
): Result<Pick<PagedRead, "cursor" | "limit">, ReadRefusal> {
  const cursor = fields["cursor"] === undefined ? null : decodeCursor(fields["cursor"]);
  if (cursor === undefined) return malformed("cursor");
  const limit = fields["limit"] === undefined ? PAGE_DEFAULT : fields["limit"];
  if (typeof limit !== "number" || !Number.isInteger(limit) || limit < 1 || limit > limitMax)
    return malformed("limit");
  return ok({ cursor, limit });
}

function isGet(value: unknown): value is ReadRequest["get"] {
  return typeof value === "string" && Object.hasOwn(FIELDS, value);
}

function malformed(detail: string): Result<never, ReadRefusal> {
  return failed({ code: "malformed", detail });
}
