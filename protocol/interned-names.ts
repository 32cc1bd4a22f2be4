// Names that came before, found by their bytes: owners and wallets come again and again, and finding one costs a third
// of making the string and judging it once more. Equal names are then the same string in memory, whose hash is known,
// which makes every map that is keyed by names faster too.
//
// Only a cache: one place for each hash, the newest name stays. What it gives is what the parser gives.
// Bounded: places are fixed, and names are short.

import { parseAsset, parseOwner, parseTenant, parseWallet } from "./names.ts";
import { hashBytes, hashText } from "./shard-map.ts";

/** Names that a table holds at most. */
const PLACES = 1 << 16;
/** Of wallets there are more: with every place taken by the longest name, they take 32 MB. With as many places as names, every third one is not there. */
const WALLET_PLACES = 1 << 18;
/** Tenants and assets are few. */
const FEW_PLACES = 1 << 10;
/** Bytes of the longest name, a wallet's; more is no name. */
const NAME_BYTES_MAX = 97;

/** See the file header. */
export class InternedNames<Name extends string> {
  readonly #parse: (text: string) => Name | undefined;
  readonly #names: (Name | undefined)[];
  readonly #lastPlace: number;

  /**
   * @param parse the judge of new names; it accepts ASCII only
   * @param places a power of two
   */
  constructor(parse: (text: string) => Name | undefined, places = PLACES) {
    this.#parse = parse;
    this.#names = new Array<Name | undefined>(places).fill(undefined);
    this.#lastPlace = places - 1;
  }

  /**
   * The name that lies in `bytes` from `start` to `end`, which the caller has checked to be there.
   * @param hash FNV-1a of the name, from any basis, but always from the same one for the cache to help
   * @returns `undefined` when the bytes are no valid name. Never throws.
   */
  at(bytes: Uint8Array, start: number, end: number, hash: number): Name | undefined {
    const place = hash & this.#lastPlace;
    const known = this.#names[place];
    return known !== undefined && isAt(bytes, start, end, known)
      ? known
      : this.#add(bytes, start, end, place);
  }

  /** {@link at} with a hash of its own. */
  find(bytes: Uint8Array, start: number, end: number): Name | undefined {
    return this.at(bytes, start, end, hashBytes(bytes, start, end));
  }

  /** The string that {@link find} gives for a name from here on: the one that came lately, else this one. Never throws. */
  intern(name: Name): Name {
    const place = hashText(name) & this.#lastPlace;
    const known = this.#names[place];
    if (known === name) return known;
    this.#names[place] = name;
    return name;
  }

  #add(bytes: Uint8Array, start: number, end: number, place: number): Name | undefined {
    if (end - start > NAME_BYTES_MAX) return undefined;
    const name = this.#parse(Buffer.prototype.latin1Slice.call(bytes, start, end));
    if (name !== undefined) this.#names[place] = name;
    return name;
  }
}

function isAt(bytes: Uint8Array, start: number, end: number, name: string): boolean {
  if (name.length !== end - start) return false;
  for (let index = 0; index < name.length; index += 1) {
    if (name.charCodeAt(index) !== bytes[start + index]) return false;
  }
  return true;
}

/** The owners that came last, of all tenants. */
export const OWNERS = new InternedNames(parseOwner);
/** The wallets that came last, of all tenants. */
export const WALLETS = new InternedNames(parseWallet, WALLET_PLACES);
/** The tenants that came last. */
export const TENANTS = new InternedNames(parseTenant, FEW_PLACES);
/** The assets that came last. */
export const ASSETS = new InternedNames(parseAsset, FEW_PLACES);
