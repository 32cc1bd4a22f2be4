// Random values of the protocol for property tests: valid commands, outcomes, items, frames and records, and
// bytes that were valid before something changed them. Edge values (2^63-1, 64 legs, texts at their limits,
// characters beyond the BMP, a leading byte order mark) are mixed in on purpose.

import fc from "fast-check";
import { canonicalJson } from "../../protocol/canonical-json.ts";
import type { Command, Leg } from "../../protocol/command.ts";
import { type CommandId, parseCommandId } from "../../protocol/command-id.ts";
import { type Entry, type HoldView, STEP_KINDS, type WalletView } from "../../protocol/entry.ts";
import type { Event, EventId, EventMessage } from "../../protocol/event.ts";
import type { DecisionItem, Item, MoveItem, ResultItem } from "../../protocol/item.ts";
import { HOLD_TTL_MS_MAX } from "../../protocol/limits.ts";
import { type Bound, INT64_MAX, INT64_MIN } from "../../protocol/money.ts";
import {
  type AssetName,
  type OwnerName,
  parseAsset,
  parseOwner,
  parseTenant,
  parseWallet,
  type TenantName,
  type WalletName,
} from "../../protocol/names.ts";
import { type Balances, type Outcome, REFUSALS, type Refusal, STATUSES } from "../../protocol/outcome.ts";
import type { OwnerRecord } from "../../protocol/owner-record.ts";
import type { PairMark, PeerFrame } from "../../protocol/peer-frame.ts";
import { TIME_MS_MAX } from "../../protocol/time-text.ts";

/** The value of a parser that must accept its input. */
export function must<Value>(value: Value | undefined | null): Value {
  if (value === undefined || value === null) throw new Error("the test's own value is not valid");
  return value;
}

/** Tenants of every allowed length. */
export const tenant: fc.Arbitrary<TenantName> = fc
  .stringMatching(/^[a-z0-9-]{1,32}$/)
  .map((text) => must(parseTenant(text)));
/** Owners of every allowed length. */
export const owner: fc.Arbitrary<OwnerName> = fc
  .stringMatching(/^[A-Za-z0-9_-]{1,64}$/)
  .map((text) => must(parseOwner(text)));
const purse = fc.stringMatching(/^[a-z0-9_-]{1,32}$/);
/** Wallets of any owner. */
export const wallet: fc.Arbitrary<WalletName> = fc
  .tuple(owner, purse)
  .map(([name, part]) => must(parseWallet(`${name}:${part}`)));
/** Assets of every scale. */
export const asset: fc.Arbitrary<AssetName> = fc
  .tuple(fc.stringMatching(/^[A-Z][A-Z0-9]{0,11}$/), fc.integer({ min: 0, max: 18 }))
  .map(([code, scale]) => must(parseAsset(`${code}/${scale}`)));
/** Command ids of every UUID version. */
export const id: fc.Arbitrary<CommandId> = fc.uuid().map((text) => must(parseCommandId(text)));
/** Amounts 1..2^63-1, the widths of integers at their edges. */
export const amount = fc.oneof(
  fc.bigInt({ min: 1n, max: INT64_MAX }),
  fc.constantFrom(1n, 127n, 128n, 255n, 256n, 65_535n, 65_536n, 4_294_967_295n, 4_294_967_296n, INT64_MAX),
  fc.constantFrom(9_007_199_254_740_991n, 9_007_199_254_740_992n, 9_007_199_254_740_993n),
);
/** Signed balances, the widths of integers at their edges. */
export const money = fc.oneof(
  fc.bigInt({ min: INT64_MIN, max: INT64_MAX }),
  fc.constantFrom(
    0n,
    -1n,
    -32n,
    -33n,
    -128n,
    -129n,
    -32_768n,
    -32_769n,
    -2_147_483_648n,
    -2_147_483_649n,
    INT64_MIN,
  ),
);
const bound: fc.Arbitrary<Bound> = fc.oneof(money, fc.constant("unlimited" as const));
const available: fc.Arbitrary<Bound> = fc.oneof(bound, fc.constant(2n * INT64_MAX));
/** Lower bounds: at most 0, or none. */
export const min: fc.Arbitrary<Bound> = fc.oneof(
  fc.constant("unlimited" as const),
  amount.map((value) => -value),
  fc.constant(0n),
);
/** Upper bounds: at least 0, or none. */
export const max: fc.Arbitrary<Bound> = fc.oneof(fc.constant("unlimited" as const), amount, fc.constant(0n));
/** Positions, versions and numbers: 0..2^53-1. */
export const counter = fc.oneof(fc.maxSafeNat(), fc.nat(300), fc.constantFrom(4_294_967_295, 4_294_967_296));
const ttlMs = fc.oneof(fc.integer({ min: 1, max: HOLD_TTL_MS_MAX }), fc.constantFrom(1, HOLD_TTL_MS_MAX));
const timeMs = fc.integer({ min: 0, max: TIME_MS_MAX });
const shard = fc.nat(63);

/** Text without control characters, of at most `bytesMax` bytes of UTF-8, never empty. */
export function text(bytesMax: number): fc.Arbitrary<string> {
  const random = fc.string({ unit: "binary", minLength: 1, maxLength: bytesMax });
  const edge = fc.constantFrom(
    "a",
    "é",
    "\u{1f600}",
    `\ufeff${"b".repeat(bytesMax - 3)}`,
    "\ufffd",
    "x".repeat(bytesMax),
  );
  return fc
    .oneof(random, edge)
    .map((value) => fitting(value.toWellFormed().replace(/\p{Cc}/gu, "_"), bytesMax))
    .filter((value) => value !== "");
}

function fitting(value: string, bytesMax: number): string {
  const points = [...value];
  while (Buffer.byteLength(points.join("")) > bytesMax) points.pop();
  return points.join("");
}

/** Canonical JSON of an object within the limits of `meta`. */
export const meta: fc.Arbitrary<string> = fc
  .dictionary(fc.string({ unit: "binary" }), fc.jsonValue({ maxDepth: 4, stringUnit: "binary" }), {
    maxKeys: 5,
  })
  .map((value) => canonicalJson(JSON.parse(wellFormed(JSON.stringify(value)))))
  .filter((json) => Buffer.byteLength(json) <= 2048);

/** Lone surrogates are escaped by JSON.stringify: they become U+FFFD here, keys that fall together are lost. */
function wellFormed(json: string): string {
  return json.replace(/\\ud[89a-f][0-9a-f]{2}/g, "\\ufffd");
}

function orNull<Value>(arbitrary: fc.Arbitrary<Value>): fc.Arbitrary<Value | null> {
  return fc.option(arbitrary, { nil: null });
}

function walletOf(name: OwnerName): fc.Arbitrary<WalletName> {
  return purse.map((part) => must(parseWallet(`${name}:${part}`)));
}

function legsOf(name: OwnerName, ownSources: boolean): fc.Arbitrary<Leg[]> {
  const source = (first: boolean) =>
    first || ownSources ? walletOf(name) : fc.oneof(walletOf(name), wallet);
  const leg = (first: boolean) =>
    fc
      .record({ from: source(first), to: fc.oneof(walletOf(name), wallet), amount })
      .filter(({ from, to }) => from !== to);
  const others = fc.oneof(
    { weight: 3, arbitrary: fc.constant<Leg[]>([]) },
    { weight: 3, arbitrary: fc.array(leg(false), { minLength: 1, maxLength: 4 }) },
    { weight: 1, arbitrary: fc.array(leg(false), { minLength: 63, maxLength: 63 }) },
  );
  return fc.tuple(leg(true), others).map(([head, rest]) => [head, ...rest]);
}

function versionsOf(legs: readonly Leg[]): fc.Arbitrary<(readonly [WalletName, number])[] | null> {
  const wallets = [...new Set(legs.flatMap(({ from, to }) => [from, to]))].sort();
  return fc
    .subarray(wallets, { maxLength: Math.min(8, wallets.length) })
    .chain((some) =>
      fc.tuple(fc.constant(some), fc.array(counter, { minLength: some.length, maxLength: some.length })),
    )
    .map(([some, versions]) =>
      some.length === 0
        ? null
        : some.map((name, index): readonly [WalletName, number] => [name, versions[index] ?? 0]),
    );
}

function transferOf(name: OwnerName): fc.Arbitrary<Command> {
  return fc
    .tuple(orNull(ttlMs), fc.boolean())
    .chain(([holdTtlMs, own]) => fc.tuple(fc.constant(holdTtlMs), legsOf(name, own || holdTtlMs !== null)))
    .chain(([holdTtlMs, legs]) =>
      fc.record({
        op: fc.constant("transfer" as const),
        id,
        owner: fc.constant(name),
        legs: fc.constant(legs),
        holdTtlMs: fc.constant(holdTtlMs),
        code: orNull(text(64)),
        ref: orNull(text(128)),
        meta: orNull(meta),
        ifVersion: versionsOf(legs),
      }),
    );
}

function otherOf(name: OwnerName): fc.Arbitrary<Command> {
  const to = { id, owner: fc.constant(name) };
  return fc.oneof<fc.Arbitrary<Command>[]>(
    fc.record({
      op: fc.constant("open" as const),
      ...to,
      wallet: walletOf(name),
      asset,
      min,
      max,
      meta: orNull(meta),
    }),
    fc.record({
      op: fc.constant("capture" as const),
      ...to,
      hold: id,
      amount: orNull(amount),
      final: fc.boolean(),
    }),
    fc.record({ op: fc.constant("release" as const), ...to, hold: id }),
    fc.record({ op: fc.constant("reverse" as const), ...to, transfer: id, amount: orNull(amount) }),
    fc.record({
      op: fc.constantFrom("freeze" as const, "unfreeze" as const, "close" as const),
      ...to,
      wallet: walletOf(name),
      reason: text(256),
    }),
    fc
      .record({
        op: fc.constant("limit" as const),
        ...to,
        wallet: walletOf(name),
        min: orNull(min),
        max: orNull(max),
      })
      .filter((limit) => limit.min !== null || limit.max !== null),
  );
}

/** Any valid command. */
export const command: fc.Arbitrary<Command> = owner.chain((name) =>
  fc.oneof(transferOf(name), otherOf(name)),
);

/** Refusals of every code. */
export const refused: fc.Arbitrary<Refusal> = fc.record({
  code: fc.constantFrom(...REFUSALS.map(({ code }) => code)),
  detail: orNull(text(80)),
});

const balances: fc.Arbitrary<Balances> = fc.record({
  wallet,
  posted: money,
  held: money,
  incoming: money,
  available,
  version: counter,
});

const wallets = fc.uniqueArray(balances, { selector: (each) => each.wallet, maxLength: 4 });

/** Outcomes in every combination, also ones that never occur. */
export const outcome: fc.Arbitrary<Outcome> = fc.record({
  id: fc.oneof<fc.Arbitrary<string | null>[]>(
    id,
    orNull(text(64)),
    fc.uuid().map((value) => value.toUpperCase()),
  ),
  op: fc.oneof<fc.Arbitrary<string | null>[]>(fc.constantFrom("open", "transfer", "limit"), orNull(text(64))),
  status: fc.constantFrom(...STATUSES),
  refusal: orNull(refused),
  replayed: fc.boolean(),
  shard,
  position: counter,
  timeMs,
  balances: orNull(wallets),
});

/** An item that is judged. */
export const moveItem: fc.Arbitrary<MoveItem> = fc.record({
  kind: fc.constantFrom("apply" as const, "check" as const, "prepare" as const),
  saga: fc.integer({ min: 1 }),
  move: fc.constantFrom("transfer" as const, "capture" as const, "reverse" as const),
  tenant,
  owner,
  command: id,
  transfer: orNull(id),
  code: orNull(text(64)),
  ref: orNull(text(128)),
  legs: fc.array(fc.record({ leg: fc.nat(63), from: wallet, to: wallet, amount, asset: orNull(asset) }), {
    minLength: 1,
    maxLength: 5,
  }),
  ifVersion: fc.array(fc.tuple(wallet, counter), { maxLength: 3 }),
});

/** An answer. */
export const resultItem: fc.Arbitrary<ResultItem> = fc.record({
  kind: fc.constant("result" as const),
  saga: fc.integer({ min: 1 }),
  of: fc.constantFrom("apply" as const, "check" as const, "prepare" as const, "commit" as const),
  refusal: orNull(refused),
  leg: fc.nat(63),
  assets: fc.array(fc.tuple(wallet, asset), { maxLength: 3 }),
});

const decisionItem: fc.Arbitrary<DecisionItem> = fc.record({
  kind: fc.constantFrom("commit" as const, "abort" as const),
  saga: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
});

/** Items of every kind. */
export const item: fc.Arbitrary<Item> = fc.oneof<fc.Arbitrary<Item>[]>(moveItem, resultItem, decisionItem);

const hash = fc.uint8Array({ minLength: 16, maxLength: 16 });
const mark: fc.Arbitrary<PairMark> = fc.record({ number: counter, hash });

/** Items of one group. */
export const items: fc.Arbitrary<Item[]> = fc.array(item, { minLength: 1, maxLength: 4 });

/** Frames between any shards. */
export const peerFrame: fc.Arbitrary<PeerFrame> = fc.record({
  cluster: fc.stringMatching(/^[a-z0-9-]{1,64}$/),
  from: shard,
  to: shard,
  epoch: counter,
  acked: mark,
  resend: fc.boolean(),
  before: mark,
  lowestKept: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  groups: fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 4 }),
});

const stamp = { cluster: fc.stringMatching(/^[a-z0-9-]{1,64}$/), shard, epoch: fc.integer({ min: 1 }) };

/** Owner records of every kind. */
export const ownerRecord: fc.Arbitrary<OwnerRecord> = fc.oneof<fc.Arbitrary<OwnerRecord>[]>(
  fc.record({ kind: fc.constant("epoch" as const), ...stamp, node: text(32), codeVersion: fc.nat() }),
  fc.record({
    kind: fc.constant("tick" as const),
    ...stamp,
    touches: fc.array(fc.record({ tenant, owner })),
  }),
  fc.record({
    kind: fc.constant("quarantine" as const),
    ...stamp,
    position: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    unit: fc.oneof(
      fc.record({ kind: fc.constant("command" as const), index: fc.nat() }),
      fc.record({ kind: fc.constant("item" as const), number: counter }),
      fc.record({ kind: fc.constant("timer" as const), id: counter }),
    ),
    codeVersion: fc.nat(),
  }),
);

const eventId: fc.Arbitrary<EventId> = fc.record({ shard, position: counter, index: fc.nat() });

const event: fc.Arbitrary<Event> = fc.record({
  id: eventId,
  command: id,
  op: fc.constantFrom("open" as const, "transfer" as const, "expire" as const),
  status: fc.constantFrom("posted" as const, "pending" as const, "expired" as const),
  ref: orNull(text(128)),
  wallets,
  timeMs,
});

/** Event messages, also empty ones. */
export const eventMessage: fc.Arbitrary<EventMessage> = fc.record({
  from: eventId,
  to: eventId,
  previous: orNull(eventId),
  events: fc.array(event, { maxLength: 4 }),
});

/** Wallets as reads show them. */
export const walletView: fc.Arbitrary<WalletView> = fc.record({
  wallet,
  asset,
  posted: money,
  held: money,
  incoming: money,
  available,
  min,
  max,
  status: fc.constantFrom("open" as const, "frozen" as const, "closed" as const),
  version: counter,
  meta: orNull(meta),
});

/** Entries of every kind. */
export const entry: fc.Arbitrary<Entry> = fc.record({
  version: counter,
  kind: fc.constantFrom(...STEP_KINDS),
  amount: money,
  held: money,
  balance: fc.record({ posted: money, held: money, incoming: money }),
  command: id,
  transfer: orNull(id),
  leg: orNull(fc.nat(63)),
  counterparty: orNull(wallet),
  code: orNull(text(64)),
  ref: orNull(text(128)),
  position: counter,
  timeMs,
});

/** Holds as reads show them. */
export const holdView: fc.Arbitrary<HoldView> = fc.record({
  id,
  status: fc.constantFrom("open" as const, "captured" as const, "released" as const, "expired" as const),
  legs: fc.array(fc.record({ from: wallet, to: wallet, amount, remaining: money, captured: money }), {
    maxLength: 3,
  }),
  expiresMs: timeMs,
  code: orNull(text(64)),
  ref: orNull(text(128)),
  meta: orNull(meta),
});

/** Bytes that a random hand changed: replaced, cut out, put in, or cut off. */
export function mutated(valid: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  const change = fc.record({
    at: fc.nat(),
    kind: fc.constantFrom("set", "flip", "insert", "remove", "cut"),
    byte: fc.oneof(
      fc.nat(255),
      fc.constantFrom(0xc0, 0xc1, 0xc6, 0xca, 0xcb, 0xd4, 0xdb, 0xdd, 0xdf, 0x81, 0x22, 0x5c),
    ),
  });
  return fc.tuple(valid, fc.array(change, { minLength: 1, maxLength: 3 })).map(([bytes, changes]) => {
    const out = [...bytes];
    for (const { at, kind, byte } of changes) {
      const place = out.length === 0 ? 0 : at % out.length;
      if (kind === "insert") out.splice(place, 0, byte);
      else if (kind === "remove") out.splice(place, 1);
      else if (kind === "cut") out.length = place;
      else out[place] = kind === "flip" ? (out[place] ?? 0) ^ (1 << (byte & 7)) : byte;
    }
    return Uint8Array.from(out);
  });
}
