// Tickets for streams of live events: for browsers, whose EventSource cannot send an Authorization header.
//
//   1.<key, tenant, owners and end, as JSON in base64url>.<HMAC-SHA256 of that, in base64url>
//
// A ticket opens streams until it ends, as often as it is shown; a stream that it opened lives as long as the key does.
// All gateways of an installation share the secret, and none of them remembers a ticket.
// Invariant: a ticket gives no more than its key had (reading, these owners), and nothing once the key has ended.
// Guards against: a ticket in a log. It stands in a query, so nothing in the gateway writes queries down.

import { createHmac, timingSafeEqual } from "node:crypto";
import type { ClientClock } from "../../client/clock.ts";
import { isJsonObject, parseJson } from "../../protocol/canonical-json.ts";
import { type OwnerName, parseOwner, parseTenant } from "../../protocol/names.ts";
import type { KeyDirectory } from "../key-directory.ts";
import { type Principal, withIncluded } from "../principal.ts";
import { STREAM_OWNERS_MAX } from "./live-settings.ts";

const VERSION = "1";
/** How long a ticket opens streams, ms. */
export const TICKET_MS = 60_000;
/** Characters of a ticket: 100 owners with the longest names fit. */
export const TICKET_CHARS_MAX = 9_500;
/** The name of the secret in gateway/shared-secret.ts. */
export const TICKET_SECRET = "tickets";

/** A ticket, and when it ends. */
export interface IssuedTicket {
  readonly ticket: string;
  readonly endMs: number;
}

/** See the file header. */
export class TicketOffice {
  readonly #secret: Uint8Array;
  readonly #keys: KeyDirectory;
  readonly #clock: Pick<ClientClock, "wallMs">;

  constructor(secret: Uint8Array, keys: KeyDirectory, clock: Pick<ClientClock, "wallMs">) {
    this.#secret = secret;
    this.#keys = keys;
    this.#clock = clock;
  }

  /** Makes a ticket of a caller's key. @param owners all of them the caller's; null = all that the key has */
  issue({ keyId, tenant }: Principal, owners: readonly OwnerName[] | null): IssuedTicket {
    const endMs = this.#clock.wallMs() + TICKET_MS;
    const content = Buffer.from(JSON.stringify({ keyId, tenant, owners, endMs })).toString("base64url");
    return { ticket: `${VERSION}.${content}.${this.#sign(content).toString("base64url")}`, endMs };
  }

  /** Who a ticket stands for; null when it was not made here, was changed, or has ended. Never throws. */
  principalOf(ticket: string): Principal | null {
    if (ticket.length > TICKET_CHARS_MAX) return null;
    const [version, content, seal, ...more] = ticket.split(".");
    if (version !== VERSION || content === undefined || seal === undefined || more.length > 0) return null;
    const expected = this.#sign(content);
    const given = Buffer.from(seal, "base64url");
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null;
    return this.#read(Buffer.from(content, "base64url"));
  }

  #read(content: Uint8Array): Principal | null {
    const parsed = parseJson(content);
    if (!parsed.ok || !isJsonObject(parsed.value)) return null;
    const { keyId, tenant: name, owners, endMs } = parsed.value;
    const tenant = parseTenant(name);
    const bound = owners === null ? null : parseOwners(owners);
    if (typeof keyId !== "string" || tenant === undefined || bound === undefined) return null;
    if (typeof endMs !== "number" || this.#clock.wallMs() >= endMs || !this.#keys.isLive(keyId)) return null;
    return { keyId, tenant, scopes: withIncluded(["read"]), owners: bound };
  }

  /** The version is signed, too: no other version's text is this one's. */
  #sign(content: string): Buffer {
    return createHmac("sha256", this.#secret).update(`coffer ticket ${VERSION}.${content}`).digest();
  }
}

/** A list of owners, each once; `undefined` for anything else. Never throws. */
export function parseOwners(value: unknown): ReadonlySet<OwnerName> | undefined {
  if (!Array.isArray(value) || value.length === 0 || value.length > STREAM_OWNERS_MAX) return undefined;
  const owners = value.flatMap((each: unknown) => parseOwner(each) ?? []);
  return owners.length === value.length ? new Set(owners) : undefined;
}
