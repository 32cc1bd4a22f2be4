// What the gateway publishes of its values: one TypeBox schema each, from which the OpenAPI document is made and the
// query and path of requests are checked. Bodies of commands are not checked against them at run time: the engine's own
// rules judge those, with the contract's codes, and a property test holds the two against each other.

import { type TSchema, Type } from "typebox";
import { OPS } from "../protocol/command.ts";
import { STEP_KINDS } from "../protocol/entry.ts";
import { DURABILITIES } from "../protocol/info.ts";
import {
  CODE_BYTES_MAX,
  COMMANDS_PER_MESSAGE_MAX,
  ENTRIES_PAGE_MAX,
  HOLD_TTL_MS_MAX,
  HOLDS_PAGE_MAX,
  LEGS_MAX,
  REASON_BYTES_MAX,
  REF_BYTES_MAX,
} from "../protocol/limits.ts";
import { STATUSES } from "../protocol/outcome.ts";
import { CLAIMS_PER_OWNER_MAX } from "./cache/gateway-cache.ts";
import { CacheableConsistency, CacheHeaders, PastTime } from "./cache-schemas.ts";
import { ROUNDS_MAX } from "./campaigns/campaign.ts";
import { STREAM_OWNERS_MAX } from "./live/live-settings.ts";
import { TICKET_CHARS_MAX } from "./live/ticket-office.ts";
import { PROBLEM_MEDIA_TYPE, PROBLEMS } from "./problem.ts";
import type { RouteSchema } from "./route.ts";

const closed = { additionalProperties: false } as const;
const Id = Type.String({ format: "uuid", description: "128 bits, chosen by the caller; UUIDv7 advised" });
const Owner = Type.String({ pattern: "^[A-Za-z0-9_-]{1,64}$" });
const Wallet = Type.String({ pattern: "^[A-Za-z0-9_-]{1,64}:[a-z0-9_-]{1,32}$", description: "owner:purse" });
const Asset = Type.String({ pattern: "^[A-Z][A-Z0-9]{0,11}/[0-9]{1,2}$", examples: ["USD/2"] });
const Amount = Type.String({ pattern: "^[1-9][0-9]{0,18}$", description: "minor units, 1..2^63-1" });
const Signed = Type.String({ pattern: "^(0|-?[1-9][0-9]{0,18})$", description: "minor units" });
const Bound = Type.Union([Signed, Type.Literal("unlimited")]);
const Min = Type.Union([Type.String({ pattern: "^(0|-[1-9][0-9]{0,18})$" }), Type.Literal("unlimited")]);
const Max = Type.Union([Type.String({ pattern: "^(0|[1-9][0-9]{0,18})$" }), Type.Literal("unlimited")]);
const Count = Type.String({ pattern: "^(0|[1-9][0-9]{0,15})$" });
const Time = Type.String({ format: "date-time" });
const Meta = Type.Record(Type.String(), Type.Unknown(), {
  description: "at most 2,048 bytes as canonical JSON",
});
const Code = Type.String({ minLength: 1, maxLength: CODE_BYTES_MAX });
const Ref = Type.String({ minLength: 1, maxLength: REF_BYTES_MAX });
const Reason = Type.String({ minLength: 1, maxLength: REASON_BYTES_MAX });

const CampaignId = Type.String({
  pattern: "^[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*$",
  minLength: 1,
  maxLength: 64,
  description: "chosen by the caller",
});
const Purse = Type.String({ pattern: "^[a-z0-9_-]{1,32}$" });
const Ordinal = Type.Integer({ minimum: 1, maximum: CLAIMS_PER_OWNER_MAX });
const Round = Type.Integer({ minimum: 1, maximum: ROUNDS_MAX });
const campaignTerms = {
  wallet: Wallet,
  amount: Amount,
  capPerOwner: Ordinal,
  code: Type.Optional(Code),
  ref: Type.Optional(Ref),
  from: Type.Optional(Time),
  to: Type.Optional(Time),
};
const claimOf = { campaign: CampaignId, ordinal: Ordinal };

const EXAMPLE_ID = "0190c0de-0000-7000-8000-00000000e001";
const OptionalId = Type.Optional(Id);
const Leg = Type.Object({ from: Wallet, to: Wallet, amount: Amount }, closed);
const Legs = Type.Array(Leg, { minItems: 1, maxItems: LEGS_MAX });
const transferFields = {
  id: OptionalId,
  hold: Type.Optional(Type.Object({ ttlMs: Type.Integer({ minimum: 1, maximum: HOLD_TTL_MS_MAX }) }, closed)),
  code: Type.Optional(Code),
  ref: Type.Optional(Ref),
  meta: Type.Optional(Meta),
  ifVersion: Type.Optional(Type.Record(Type.String(), Count, { description: "expected versions by wallet" })),
};

const balances = Type.Record(
  Type.String(),
  Type.Object({ posted: Signed, held: Signed, incoming: Signed, available: Bound, version: Count }),
);
const Outcome = Type.Object({
  id: Type.Union([Type.String(), Type.Null()]),
  op: Type.Union([Type.String(), Type.Null()]),
  status: Type.Enum([...STATUSES]),
  code: Type.Optional(Type.String()),
  detail: Type.Optional(Type.String()),
  replayed: Type.Boolean(),
  shard: Type.Integer(),
  position: Count,
  time: Time,
  balances: Type.Optional(balances),
});
const Pending = Type.Object({ id: Id, op: Type.Optional(Type.String()), status: Type.Literal("pending") });
const WalletView = Type.Object({
  wallet: Wallet,
  asset: Asset,
  posted: Signed,
  held: Signed,
  incoming: Signed,
  available: Bound,
  min: Bound,
  max: Bound,
  status: Type.Enum(["open", "frozen", "closed"]),
  version: Count,
  meta: Type.Optional(Meta),
});
const Entry = Type.Object({
  version: Count,
  kind: Type.Enum([...STEP_KINDS]),
  amount: Signed,
  held: Signed,
  balance: Type.Object({ posted: Signed, held: Signed, incoming: Signed }),
  command: Id,
  transfer: Type.Optional(Id),
  leg: Type.Optional(Type.Integer()),
  counterparty: Type.Optional(Wallet),
  code: Type.Optional(Code),
  ref: Type.Optional(Ref),
  position: Count,
  time: Time,
});
const Hold = Type.Object({
  id: Id,
  status: Type.Enum(["open", "captured", "released", "expired"]),
  legs: Type.Array(
    Type.Object({ from: Wallet, to: Wallet, amount: Amount, remaining: Signed, captured: Signed }),
  ),
  expires: Time,
  code: Type.Optional(Code),
  ref: Type.Optional(Ref),
  meta: Type.Optional(Meta),
});
const Next = Type.Optional(Type.String({ description: "cursor of the page after; absent at the end" }));
const Cursor = Type.String({ minLength: 1, maxLength: 256, description: "`next` of an earlier page" });
const Consistency = Type.Optional(Type.Literal("strong"));
const balanceThen = { wallet: Wallet, asset: Asset, posted: Signed, held: Signed, incoming: Signed };
const PastBalance = Type.Object({ ...balanceThen, version: Count, at: Time, time: Time });
const BatchCommand = Type.Object(
  { op: Type.Enum([...OPS]), id: OptionalId, owner: Type.Optional(Owner) },
  {
    additionalProperties: true,
    description: "a command as of the contract; capture, release and reverse with `owner`",
  },
);

/** Schemas by name. */
export const schemas = {
  open: Type.Object(
    {
      id: OptionalId,
      wallet: Wallet,
      asset: Asset,
      min: Type.Optional(Min),
      max: Type.Optional(Max),
      meta: Type.Optional(Meta),
    },
    { ...closed, examples: [{ id: EXAMPLE_ID, wallet: "alice:usd", asset: "USD/2" }] },
  ),
  limit: Type.Object({ id: OptionalId, min: Type.Optional(Min), max: Type.Optional(Max) }, closed),
  status: Type.Object({ id: OptionalId, reason: Reason }, closed),
  transfer: Type.Union(
    [
      Type.Object({ from: Wallet, to: Wallet, amount: Amount, ...transferFields }, closed),
      Type.Object({ legs: Legs, ...transferFields }, closed),
    ],
    { examples: [{ id: EXAMPLE_ID, from: "alice:usd", to: "bob:usd", amount: "1250", ref: "order-7" }] },
  ),
  capture: Type.Object(
    { id: OptionalId, amount: Type.Optional(Amount), final: Type.Optional(Type.Boolean()) },
    { ...closed, examples: [{ id: EXAMPLE_ID, amount: "400" }] },
  ),
  release: Type.Object({ id: OptionalId }, closed),
  reverse: Type.Object({ id: OptionalId, amount: Type.Optional(Amount) }, closed),
  batch: Type.Object(
    { commands: Type.Array(BatchCommand, { minItems: 1, maxItems: COMMANDS_PER_MESSAGE_MAX }) },
    closed,
  ),
  campaign: Type.Object(
    {
      id: Type.Optional(CampaignId),
      ...campaignTerms,
      purse: Type.Optional(Purse),
    },
    {
      ...closed,
      description:
        "terms, which never change; `wallet` pays, `purse` of a claimant receives (default: as `wallet`)",
      examples: [{ id: "spring-2026", wallet: "promo:usd", amount: "500", capPerOwner: 1 }],
    },
  ),
  claim: Type.Object(
    { owner: Owner, ordinal: Type.Optional(Ordinal) },
    {
      ...closed,
      description: "`ordinal` says which of an owner's claims it is; needed where the cap is above 1",
      examples: [{ owner: "alice", ordinal: 1 }],
    },
  ),
  round: Type.Object({ round: Round }, closed),
  campaignView: Type.Object({
    id: CampaignId,
    ...campaignTerms,
    purse: Purse,
    asset: Asset,
    status: Type.Enum(["open", "closed"]),
    round: Round,
    created: Time,
    closed: Type.Optional(Time),
  }),
  claimOutcome: Type.Intersect([Type.Object(claimOf), Outcome]),
  claimPending: Type.Intersect([Type.Object(claimOf), Pending]),
  claimOutcomeOrPending: Type.Intersect([Type.Object(claimOf), Type.Union([Outcome, Pending])]),
  outcome: Outcome,
  outcomeOrPending: Type.Union([Outcome, Pending]),
  pending: Pending,
  outcomes: Type.Object({ outcomes: Type.Array(Type.Union([Outcome, Pending, Type.Object({})])) }),
  walletOrPast: Type.Union([WalletView, PastBalance]),
  owner: Type.Object({ owner: Owner, wallets: Type.Array(WalletView) }),
  entries: Type.Object({ data: Type.Array(Entry), next: Next }),
  holds: Type.Object({ data: Type.Array(Hold), next: Next }),
  state: Type.Object({ status: Type.String() }),
  version: Type.Object({ gateway: Type.String(), engine: Type.Union([Type.String(), Type.Null()]) }),
  guarantees: Type.Object(
    {
      durability: Type.Enum([...DURABILITIES]),
      shards: Type.Integer(),
      guarantees: Type.Record(Type.String(), Type.String()),
      notPromised: Type.Array(Type.String()),
    },
    { additionalProperties: true },
  ),
  document: Type.Object({}, { additionalProperties: true }),
  campaignParams: Type.Object({ id: CampaignId }),
  claimParams: Type.Object({
    id: CampaignId,
    ordinal: Type.String({ pattern: "^(?:[1-9][0-9]{0,2}|1000)$" }),
  }),
  idParams: Type.Object({ id: Type.String({ format: "uuid" }) }),
  walletParams: Type.Object({ wallet: Wallet }),
  ownerParams: Type.Object({ owner: Owner }),
  ownerQuery: Type.Object({ owner: Owner }, closed),
  readQuery: Type.Object({ consistency: CacheableConsistency }, closed),
  walletQuery: Type.Object({ consistency: CacheableConsistency, at: PastTime }, closed),
  cacheHeaders: CacheHeaders,
  noQuery: Type.Object({}, closed),
  holdsQuery: Type.Object(
    {
      cursor: Type.Optional(Cursor),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: HOLDS_PAGE_MAX, default: 50 })),
      consistency: Consistency,
    },
    closed,
  ),
  entriesQuery: Type.Object(
    {
      cursor: Type.Optional(Cursor),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: ENTRIES_PAGE_MAX, default: 50 })),
      from: Type.Optional(Type.String({ format: "date-time", description: "not before" })),
      to: Type.Optional(Type.String({ format: "date-time", description: "before" })),
      ref: Type.Optional(Ref),
      consistency: Consistency,
    },
    closed,
  ),
  eventsQuery: Type.Object(
    {
      owner: Type.Optional(
        Type.Union([Owner, Type.Array(Owner, { minItems: 1, maxItems: STREAM_OWNERS_MAX })], {
          description: "repeated for several; without it those that the key or ticket is bound to",
        }),
      ),
      ticket: Type.Optional(
        Type.String({
          maxLength: TICKET_CHARS_MAX,
          description: "of POST /v1/tickets, in place of Authorization",
        }),
      ),
      lastEventId: Type.Optional(
        Type.String({
          description: "as the header Last-Event-ID, which comes first: the id to go on behind",
        }),
      ),
    },
    closed,
  ),
  ticketOrder: Type.Object(
    {
      owners: Type.Optional(
        Type.Array(Owner, {
          minItems: 1,
          maxItems: STREAM_OWNERS_MAX,
          description:
            "without it those that the key is bound to; all of the tenant when it is bound to none",
        }),
      ),
    },
    closed,
  ),
  ticket: Type.Object({ ticket: Type.String(), expires: Time }),
  problem: Type.Object({
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    instance: Type.String(),
    code: Type.Enum([...PROBLEMS.keys()]),
    final: Type.Boolean({ description: "whether the same request would fail again for ever" }),
    id: Type.Union([Type.String(), Type.Null()]),
  }),
} as const;

/** What differs between routes. */
export interface Published {
  readonly summary: string;
  readonly tags: readonly string[];
  readonly params?: TSchema;
  readonly querystring?: TSchema;
  readonly headers?: TSchema;
}

const problemStatuses = {
  400: "the request's shape does not fit",
  401: "no valid API key",
  403: "the API key does not allow this",
  404: "it does not exist, or not for this caller",
  406: "the answer does not exist in an accepted form",
  409: "another version than expected",
  413: "the body exceeds 512 KiB",
  415: "the body is not application/json",
  422: "refused; final and recorded",
  429: "more commands than the rate of the key, tenant or owner; see Retry-After",
  503: "not taken now, or no answer in time; `final` is false",
} as const;

const commandHeaders = Type.Object({
  "idempotency-key": Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 512,
      description: "in place of `id`: 1-255 printable characters",
    }),
  ),
  prefer: Type.Optional(Type.String({ description: "wait=N (seconds, at most 30) or respond-async" })),
});

/** The published side of a route that sends a command. */
export function commandSchema(
  about: Published & { readonly body: TSchema; readonly created: boolean },
): RouteSchema {
  const { created, ...published } = about;
  const settled = { description: "settled", ...json(schemas.outcome) };
  return {
    querystring: schemas.noQuery,
    ...published,
    headers: commandHeaders,
    response: {
      ...(created ? { 201: settled } : {}),
      200: settled,
      202: { description: "accepted and not settled yet; see Location", ...json(schemas.pending) },
      ...problems(400, 401, 403, 404, 409, 413, 415, 422, 429, 503),
    },
  };
}

/** The published side of a route that sends many commands. */
export function batchSchema(about: Published & { readonly body: TSchema }): RouteSchema {
  return {
    querystring: schemas.noQuery,
    ...about,
    headers: commandHeaders,
    response: {
      200: { description: "an element for each command, in order", ...json(schemas.outcomes) },
      ...problems(400, 401, 403, 413, 415, 429, 503),
    },
  };
}

/** The published side of a route that reads. @param csv whether the answer exists as text/csv too */
export function readSchema(
  about: Published & { readonly answer: TSchema; readonly csv?: boolean; readonly isTagged?: boolean },
): RouteSchema {
  const { answer, csv = false, isTagged = false, ...published } = about;
  const also = [...(csv ? ([406] as const) : []), ...(isTagged ? ([422] as const) : [])];
  const { content } = json(answer);
  const table = csv ? { "text/csv": { schema: Type.String() } } : {};
  return {
    querystring: schemas.readQuery,
    ...published,
    response: {
      200: { description: "what is there now", content: { ...content, ...table } },
      ...(isTagged ? { 304: { description: "as If-None-Match says" } } : {}),
      ...problems(400, 401, 403, 404, ...also, 429, 503),
    },
  };
}

/** The published side of a route that streams. */
export function streamSchema(about: Published): RouteSchema {
  return {
    ...about,
    headers: Type.Object({ "last-event-id": Type.Optional(Type.String()) }),
    response: {
      200: {
        description: "server-sent events: snapshot, then change after change",
        content: { "text/event-stream": { schema: Type.String() } },
      },
      ...problems(400, 401, 403, 404, 429, 503),
    },
  };
}

/** The published side of the route that makes tickets. */
export function ticketSchema(about: Published & { readonly body: TSchema }): RouteSchema {
  return {
    querystring: schemas.noQuery,
    ...about,
    response: {
      201: { description: "made", ...json(schemas.ticket) },
      ...problems(400, 401, 403, 404, 413, 415, 429, 503),
    },
  };
}

/** The published side of a route that tells about the gateway. */
export function serviceSchema(about: Published & { readonly answer: TSchema }): RouteSchema {
  const { answer, ...published } = about;
  return {
    querystring: schemas.noQuery,
    ...published,
    response: { 200: { description: "yes", ...json(answer) }, ...problems(400, 503) },
  };
}

/** The published side of the route of metrics. */
export function metricsSchema(about: Published): RouteSchema {
  const content = { "text/plain": { schema: Type.String() } };
  return {
    querystring: schemas.noQuery,
    ...about,
    response: { 200: { description: "Prometheus's text form", content }, ...problems(400) },
  };
}

/** The published side of a route that makes or changes a campaign. */
export function campaignSchema(
  about: Published & { readonly body?: TSchema; readonly created: boolean },
): RouteSchema {
  const { created, ...published } = about;
  const there = json(schemas.campaignView);
  return {
    querystring: schemas.noQuery,
    ...published,
    ...(created ? { headers: commandHeaders } : {}),
    response: {
      ...(created ? { 201: { description: "made", ...there } } : {}),
      200: { description: created ? "it was there, with the same terms" : "as it is now", ...there },
      ...problems(400, 401, 403, 404, 409, 413, 415, 422, 429, 503),
    },
  };
}

/** The published side of a claim. */
export function claimSchema(about: Published & { readonly body: TSchema }): RouteSchema {
  return {
    querystring: schemas.noQuery,
    ...about,
    headers: Type.Object({ prefer: commandHeaders.properties.prefer }),
    response: {
      201: { description: "granted", ...json(schemas.claimOutcome) },
      202: { description: "accepted and not settled yet; see Location", ...json(schemas.claimPending) },
      ...problems(400, 401, 403, 404, 409, 413, 415, 422, 429, 503),
    },
  };
}

function json(schema: TSchema): { content: Record<string, { schema: TSchema }> } {
  return { content: { "application/json": { schema } } };
}

function problems(...statuses: (keyof typeof problemStatuses)[]): Record<string, object> {
  const content = { [PROBLEM_MEDIA_TYPE]: { schema: schemas.problem } };
  return Object.fromEntries(
    statuses.map((status) => [status, { description: problemStatuses[status], content }]),
  );
}
