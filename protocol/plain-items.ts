// The short way through a group of items: reads all but those with expected versions or names and texts that need a
// closer look straight from their bytes, with the names that came before. It knows one spelling, the canonical one; at
// the first byte that is anything else it gives up, and item-codec reads the same group the long way.
//
//   [1, 0|1|2, saga, move, tenant?, owner?, command, transfer, code, ref, [[leg, from, to, amount, asset]…], []]
//   [1, 3, saga, of, nil, nil, leg, [[wallet, asset]…]]      [1, 3, saga, of, code, detail, leg, []]      [1, 4|5, saga]
//
// Invariant: what it reads is what the long way reads; it never refuses. A property test compares both for valid,
// mutated and random bytes.

import type { CommandId } from "./command-id.ts";
import { ASSETS, OWNERS, TENANTS } from "./interned-names.ts";
import type { DecisionItem, Item, ItemLeg, MoveItem, MoveKind, ResultItem } from "./item.ts";
import { CODE_BYTES_MAX, ITEM_GROUP_MAX, LEGS_MAX, REF_BYTES_MAX } from "./limits.ts";
import { type AssetName, type OwnerName, ownerOf, type TenantName, type WalletName } from "./names.ts";
import { isRefusalCode, type Refusal } from "./outcome.ts";
import { NIL, NONE, PlainCursor } from "./plain-cursor.ts";
import { hashBytes, tenantHash } from "./shard-map.ts";

const MOVES: readonly MoveKind[] = ["transfer", "capture", "reverse"];
/** Kinds by their numbers, those of decisions from 4. */
const MOVE_KINDS = ["apply", "check", "prepare"] as const;
const DECISION_KINDS = ["commit", "abort"] as const;
const ANSWERED: readonly ResultItem["of"][] = ["apply", "check", "prepare", "commit"];
/** Both wallets of every leg. */
const WALLETS_MAX = 2 * LEGS_MAX;
const CODE_CHARS_MAX = 64;
const DETAIL_CHARS_MAX = 1024;

/** The items of a group, or `undefined` when one of them is not plain. Never throws; about 0.5 µs an item. */
export function readPlainItems(group: Uint8Array): Item[] | undefined {
  return new PlainItemReader(group).items();
}

/** One group; see the file header. Its readers give `undefined` for what is not plain. */
class PlainItemReader extends PlainCursor {
  #tenantName: TenantName | null = null;
  #tenantHash = 0;

  items(): Item[] | undefined {
    const count = this.arrayLength();
    if (count < 1 || count > ITEM_GROUP_MAX) return undefined;
    const items: Item[] = [];
    for (let index = 0; index < count; index += 1) {
      const item = this.#item();
      if (item === undefined) return undefined;
      items.push(item);
    }
    return this.at === this.bytes.length ? items : undefined;
  }

  #item(): Item | undefined {
    const array = this.token;
    const version = this.bytes[this.at + 1];
    const kind = this.bytes[this.at + 2];
    this.at += 3;
    if (version !== 1) return undefined;
    if (array === 0x9c) return this.#move(MOVE_KINDS[kind ?? NONE]);
    if (array === 0x98 && kind === 3) return this.#result();
    return array === 0x93 ? this.#decision(DECISION_KINDS[(kind ?? NONE) - 4]) : undefined;
  }

  #decision(kind: DecisionItem["kind"] | undefined): DecisionItem | undefined {
    const saga = this.unsigned();
    return kind === undefined || saga < 1 ? undefined : { kind, saga };
  }

  #move(kind: MoveItem["kind"] | undefined): MoveItem | undefined {
    if (kind === undefined) return undefined;
    const saga = this.unsigned();
    const move = MOVES[this.unsigned()];
    const tenant = this.#tenant();
    const named = this.take(NIL) ? null : this.#owner();
    const command = this.id();
    const transfer: CommandId | null | undefined = this.take(NIL) ? null : this.id();
    const code = this.textOrNil(CODE_BYTES_MAX);
    const ref = this.textOrNil(REF_BYTES_MAX);
    if (saga < 1 || move === undefined || tenant === undefined || named === undefined) return undefined;
    if (command === undefined || transfer === undefined || code === undefined || ref === undefined)
      return undefined;
    const legs = this.#legs();
    if (legs === undefined || !this.take(0x90)) return undefined;
    const owner = named ?? ownerOf(legs[0].from);
    return { kind, saga, move, tenant, owner, command, transfer, code, ref, legs, ifVersion: [] };
  }

  #legs(): [ItemLeg, ...ItemLeg[]] | undefined {
    const count = this.arrayLength();
    if (count < 1 || count > LEGS_MAX) return undefined;
    const first = this.#leg();
    if (first === undefined) return undefined;
    // Grown from nothing, an array would have room for seventeen.
    const legs: [ItemLeg, ...ItemLeg[]] = [first];
    while (legs.length < count) {
      const leg = this.#leg();
      if (leg === undefined) return undefined;
      legs.push(leg);
    }
    return legs;
  }

  #leg(): ItemLeg | undefined {
    if (!this.take(0x95)) return undefined;
    const leg = this.unsigned();
    const from = this.wallet();
    const to = this.wallet();
    const amount = this.amount();
    const asset = this.#assetOrNil();
    if (leg < 0 || leg >= LEGS_MAX || from === undefined || to === undefined) return undefined;
    return amount === undefined || asset === undefined ? undefined : { leg, from, to, amount, asset };
  }

  #result(): ResultItem | undefined {
    const saga = this.unsigned();
    const of = ANSWERED[this.unsigned()];
    if (saga < 1 || of === undefined) return undefined;
    const refusal = this.#refusal();
    const leg = this.unsigned();
    if (refusal === undefined || leg < 0 || leg >= LEGS_MAX) return undefined;
    const assets = this.#assets();
    return assets && { kind: "result", saga, of, refusal, leg, assets };
  }

  /** Wallets with their assets. */
  #assets(): ResultItem["assets"] | undefined {
    const count = this.arrayLength();
    if (count < 0 || count > WALLETS_MAX) return undefined;
    const assets: (readonly [WalletName, AssetName])[] = [];
    while (assets.length < count) {
      if (!this.take(0x92)) return undefined;
      const wallet = this.wallet();
      const asset = this.#assetOrNil();
      if (wallet === undefined || asset === undefined || asset === null) return undefined;
      assets.push([wallet, asset]);
    }
    return assets;
  }

  /** A refusal, or null for the two nils of none. */
  #refusal(): Refusal | null | undefined {
    if (this.take(NIL)) return this.take(NIL) ? null : undefined;
    const code = this.textOrNil(CODE_CHARS_MAX);
    const detail = this.textOrNil(DETAIL_CHARS_MAX);
    if (code === undefined || code === null || !isRefusalCode(code) || detail === undefined) return undefined;
    return { code, detail };
  }

  /** The tenant; nil is that of the move before. */
  #tenant(): TenantName | undefined {
    if (this.take(NIL)) return this.#tenantName ?? undefined;
    const start = this.text();
    const name = start === NONE ? undefined : TENANTS.find(this.bytes, start, this.at);
    if (name === undefined || name === this.#tenantName) return name;
    this.#tenantName = name;
    this.#tenantHash = tenantHash(name);
    return name;
  }

  #owner(): OwnerName | undefined {
    const start = this.text();
    if (start === NONE) return undefined;
    return OWNERS.at(this.bytes, start, this.at, hashBytes(this.bytes, start, this.at, this.#tenantHash));
  }

  #assetOrNil(): AssetName | null | undefined {
    if (this.take(NIL)) return null;
    const start = this.text();
    return start === NONE ? undefined : ASSETS.find(this.bytes, start, this.at);
  }
}
