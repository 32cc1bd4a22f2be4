// Fixed values of every format, for the golden files: each kind, status and width at least once. Names of
// cases are keys of the golden files; add new ones at the end, never change old ones.

import type { Command } from "../../protocol/command.ts";
import { parseCommandId } from "../../protocol/command-id.ts";
import { type Entry, type HoldView, STEP_KINDS, type WalletView } from "../../protocol/entry.ts";
import type { Event, EventMessage } from "../../protocol/event.ts";
import { INFO_LIMITS, type Info } from "../../protocol/info.ts";
import type { Item, MoveItem } from "../../protocol/item.ts";
import { INT64_MAX, INT64_MIN } from "../../protocol/money.ts";
import { parseAsset, parseOwner, parseTenant, parseWallet, type WalletName } from "../../protocol/names.ts";
import { type Balances, type Outcome, refusal, STATUSES } from "../../protocol/outcome.ts";
import type { OwnerRecord } from "../../protocol/owner-record.ts";
import type { PeerFrame } from "../../protocol/peer-frame.ts";
import type { ReadRequest } from "../../protocol/read.ts";
import type { ReadAnswer } from "../../protocol/read-answer.ts";
import { must } from "./arbitraries.ts";

const wallet = (name: string): WalletName => must(parseWallet(name));
const id = must(parseCommandId("0190a5d0-1234-7abc-8def-0123456789ab"));
const hold = must(parseCommandId("ffffffff-ffff-4fff-bfff-ffffffffffff"));
const owner = must(parseOwner("alice"));
const tenant = must(parseTenant("demo"));
const usd = must(parseAsset("USD/2"));
const [aliceUsd, bobUsd, shopUsd, fees] = [
  wallet("alice:usd"),
  wallet("bob:usd"),
  wallet("shop:usd"),
  wallet("fees:usd"),
];
const to = { id, owner };
const timeMs = Date.UTC(2026, 10, 22, 8, 0, 0, 123);

const transfer = {
  op: "transfer" as const,
  ...to,
  legs: [{ from: aliceUsd, to: bobUsd, amount: 1250n }],
  holdTtlMs: null,
  code: null,
  ref: null,
  meta: null,
  ifVersion: null,
};

/** One command of each operation, and its variants. */
export const commands: Readonly<Record<string, Command>> = {
  open: { op: "open", ...to, wallet: aliceUsd, asset: usd, min: 0n, max: "unlimited", meta: null },
  openBounded: {
    op: "open",
    ...to,
    wallet: aliceUsd,
    asset: usd,
    min: INT64_MIN,
    max: INT64_MAX,
    meta: '{"a":[1,true,null],"é":"\\n"}',
  },
  openWorld: { op: "open", ...to, wallet: aliceUsd, asset: usd, min: "unlimited", max: 0n, meta: "{}" },
  transfer,
  transferFull: {
    ...transfer,
    legs: [
      { from: aliceUsd, to: shopUsd, amount: INT64_MAX },
      { from: aliceUsd, to: fees, amount: 30n },
    ],
    holdTtlMs: 31_536_000_000,
    code: "sale",
    ref: `${"\ufeff"}order-7 ${"😀".repeat(20)}`,
    meta: '{"note":"long enough for a str 16 header"}',
    ifVersion: [
      [aliceUsd, 9_007_199_254_740_991],
      [shopUsd, 0],
    ],
  },
  transferManyLegs: {
    ...transfer,
    legs: Array.from({ length: 17 }, (_, place) => ({
      from: aliceUsd,
      to: bobUsd,
      amount: 2n ** BigInt(place * 3),
    })),
  },
  capture: { op: "capture", ...to, hold, amount: null, final: true },
  capturePart: { op: "capture", ...to, hold, amount: 400n, final: false },
  release: { op: "release", ...to, hold },
  reverse: { op: "reverse", ...to, transfer: hold, amount: null },
  reversePart: { op: "reverse", ...to, transfer: hold, amount: 1n },
  freeze: { op: "freeze", ...to, wallet: aliceUsd, reason: "court order" },
  unfreeze: { op: "unfreeze", ...to, wallet: aliceUsd, reason: "lifted" },
  close: { op: "close", ...to, wallet: aliceUsd, reason: "left" },
  limitMin: { op: "limit", ...to, wallet: aliceUsd, min: -500n, max: null },
  limitMax: { op: "limit", ...to, wallet: aliceUsd, min: null, max: "unlimited" },
};

const balances: readonly Balances[] = [
  { wallet: aliceUsd, posted: 8750n, held: 0n, incoming: 0n, available: 8750n, version: 12 },
  {
    wallet: bobUsd,
    posted: INT64_MIN,
    held: 5n,
    incoming: INT64_MAX,
    available: "unlimited",
    version: 70_000,
  },
  {
    wallet: shopUsd,
    posted: INT64_MAX,
    held: 0n,
    incoming: 0n,
    available: 2n * INT64_MAX,
    version: 5_000_000_000,
  },
];

const posted: Outcome = {
  id,
  op: "transfer",
  status: "posted",
  refusal: null,
  replayed: false,
  shard: 3,
  position: 1742,
  timeMs,
  balances,
};

/** One outcome of each status, refused ones with and without a detail, and echoes of what was no id. */
export const outcomes: Readonly<Record<string, Outcome>> = {
  ...Object.fromEntries(STATUSES.map((status) => [status, { ...posted, status }])),
  replayed: { ...posted, replayed: true, position: 5_000_000_000, balances: [] },
  insufficient: { ...posted, status: "refused", refusal: refusal("insufficient_funds"), balances: null },
  malformed: {
    ...posted,
    id: "Not-A-UUID",
    op: "fly",
    status: "refused",
    refusal: refusal("unknown_op", "op"),
    position: 0,
    timeMs: 0,
    balances: null,
  },
  nothingEchoed: {
    ...posted,
    id: null,
    op: null,
    status: "refused",
    refusal: refusal("malformed"),
    balances: null,
  },
  upperCaseEcho: {
    ...posted,
    id: id.toUpperCase(),
    status: "refused",
    refusal: refusal("malformed"),
    balances: null,
  },
};

const apply: MoveItem = {
  kind: "apply",
  saga: 7,
  move: "transfer",
  tenant,
  owner,
  command: id,
  transfer: null,
  code: null,
  ref: null,
  legs: [{ leg: 0, from: aliceUsd, to: bobUsd, amount: 1250n, asset: usd }],
  ifVersion: [],
};

/** One item of each kind, and its variants. */
export const items: Readonly<Record<string, Item>> = {
  apply,
  applyReverse: { ...apply, move: "reverse", transfer: hold, code: "refund", ref: "order-7" },
  check: {
    ...apply,
    kind: "check",
    legs: [{ leg: 63, from: bobUsd, to: shopUsd, amount: INT64_MAX, asset: null }],
  },
  prepare: { ...apply, kind: "prepare", move: "capture", ifVersion: [[bobUsd, 5_000_000_000]] },
  resultOk: { kind: "result", saga: 300, of: "apply", refusal: null, leg: 0, assets: [] },
  resultAssets: {
    kind: "result",
    saga: 70_000,
    of: "prepare",
    refusal: null,
    leg: 0,
    assets: [[bobUsd, usd]],
  },
  resultRefused: {
    kind: "result",
    saga: 5_000_000_000,
    of: "check",
    refusal: refusal("wallet_not_found", "bob:usd"),
    leg: 2,
    assets: [],
  },
  resultCommit: { kind: "result", saga: 1, of: "commit", refusal: null, leg: 0, assets: [] },
  commit: { kind: "commit", saga: 1 },
  abort: { kind: "abort", saga: 1 },
};

const mark = (number: number, byte: number) => ({ number, hash: new Uint8Array(16).fill(byte) });

/** A frame with items, an acknowledgement alone, and a request to send again. */
export const peerFrames: Readonly<Record<string, PeerFrame>> = {
  items: {
    cluster: "c-1",
    from: 3,
    to: 12,
    epoch: 4,
    acked: mark(9, 0xaa),
    resend: false,
    before: mark(300, 0xbb),
    lowestKept: 290,
    groups: [Uint8Array.from([1, 2, 3]), new Uint8Array(256).fill(7)],
  },
  acknowledgement: {
    cluster: "c-1",
    from: 0,
    to: 1,
    epoch: 1,
    acked: mark(0, 0),
    resend: false,
    before: mark(0, 0),
    lowestKept: 1,
    groups: [],
  },
  resend: {
    cluster: "c-1",
    from: 0,
    to: 1,
    epoch: 70_000,
    acked: mark(5_000_000_000, 1),
    resend: true,
    before: mark(0, 0),
    lowestKept: 1,
    groups: [],
  },
};

const stamp = { cluster: "c-1", shard: 3, epoch: 4 };

/** One owner record of each kind and unit. */
export const ownerRecords: Readonly<Record<string, OwnerRecord>> = {
  epoch: { kind: "epoch", ...stamp, node: "node-a", codeVersion: 1 },
  tick: { kind: "tick", ...stamp, touches: [] },
  tickTouches: { kind: "tick", ...stamp, touches: [{ tenant, owner }] },
  quarantineCommand: {
    kind: "quarantine",
    ...stamp,
    position: 1742,
    unit: { kind: "command", index: 3 },
    codeVersion: 1,
  },
  quarantineItem: {
    kind: "quarantine",
    ...stamp,
    position: 1742,
    unit: { kind: "item", number: 300 },
    codeVersion: 1,
  },
  quarantineTimer: {
    kind: "quarantine",
    ...stamp,
    position: 1742,
    unit: { kind: "timer", id: 70_000 },
    codeVersion: 1,
  },
};

const event: Event = {
  id: { shard: 3, position: 1742, index: 0 },
  command: id,
  op: "transfer",
  status: "posted",
  ref: "order-7",
  wallets: balances,
  timeMs,
};

/** The first message of a tenant, and one that follows. */
export const eventMessages: Readonly<Record<string, EventMessage>> = {
  first: { from: event.id, to: event.id, previous: null, events: [event] },
  next: {
    from: { ...event.id, position: 1750 },
    to: { ...event.id, position: 1750, index: 1 },
    previous: event.id,
    events: [
      { ...event, id: { ...event.id, position: 1750 }, status: "pending", ref: null },
      { ...event, id: { ...event.id, position: 1750, index: 1 }, op: "expire", status: "expired", ref: null },
    ],
  },
};

/** One request of each kind. */
export const reads: Readonly<Record<string, ReadRequest>> = {
  wallet: { get: "wallet", wallet: aliceUsd, after: 1742 },
  owner: { get: "owner", after: null },
  outcome: { get: "outcome", id, after: null },
  holds: { get: "holds", cursor: null, limit: 50, after: null },
  entries: { get: "entries", wallet: aliceUsd, cursor: [1742, 3], limit: 500, after: 9 },
};

const view: WalletView = {
  wallet: aliceUsd,
  asset: usd,
  posted: 8750n,
  held: 100n,
  incoming: 0n,
  available: 8650n,
  min: 0n,
  max: "unlimited",
  status: "open",
  version: 12,
  meta: '{"tier":1}',
};

const entry: Entry = {
  version: 12,
  kind: "transfer",
  amount: -1250n,
  held: 0n,
  balance: { posted: 8750n, held: 100n, incoming: 0n },
  command: id,
  transfer: null,
  leg: 0,
  counterparty: bobUsd,
  code: "sale",
  ref: "order-7",
  position: 1742,
  timeMs,
};

const placed: HoldView = {
  id: hold,
  status: "open",
  legs: [{ from: aliceUsd, to: shopUsd, amount: 900n, remaining: 500n, captured: 400n }],
  expiresMs: timeMs,
  code: null,
  ref: "order-7",
  meta: '{"a":1}',
};

const asOf = { shard: 3, position: 1742, timeMs };

/** One answer of each kind; an entry of each step kind. */
export const readAnswers: Readonly<Record<string, ReadAnswer>> = {
  wallet: { kind: "wallet", wallet: view, asOf },
  owner: { kind: "owner", wallets: [view, { ...view, wallet: bobUsd, status: "frozen", meta: null }], asOf },
  outcome: { kind: "outcome", outcome: posted, asOf },
  pending: { kind: "outcome", outcome: { id, status: "pending" }, asOf },
  holds: { kind: "holds", holds: [placed], next: "next-page", asOf },
  entries: {
    kind: "entries",
    entries: [
      entry,
      ...STEP_KINDS.map((kind) => ({
        ...entry,
        kind,
        transfer: hold,
        leg: null,
        counterparty: null,
        code: null,
        ref: null,
      })),
    ],
    next: null,
    asOf,
  },
  missing: { kind: "failed", code: "wallet_not_found", detail: null },
  malformed: { kind: "failed", code: "malformed", detail: "cursor" },
};

/** The answer of `coffer.info`. */
export const info: Info = {
  version: "0.1.0",
  cluster: "c-1",
  shards: 4,
  durability: "strict",
  limits: INFO_LIMITS,
};
