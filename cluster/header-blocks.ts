/**
 * Header blocks that came before, found by their bytes: a sender gives all its records the same one, and decoding it
 * costs ten times as much as finding it. Equal blocks then have one array, which others may know by its identity.
 *
 * Only a cache: one place for each hash, the newest block stays. Bounded: 256 places, and long blocks are not kept.
 */
import { hashBytes } from "../protocol/shard-map.ts";

const PLACES = 256;
/** Bytes of a block that is kept, at most. */
const BLOCK_BYTES_MAX = 512;

interface KnownBlock<Headers> {
  readonly bytes: Uint8Array;
  readonly headers: Headers;
}

/** See the file header. */
export class HeaderBlocks<Headers> {
  readonly #decode: (block: Uint8Array) => Headers;
  readonly #known = new Array<KnownBlock<Headers> | undefined>(PLACES).fill(undefined);
  /** The block found last: records of one sender often follow one another, and this one needs no hash. */
  #last: KnownBlock<Headers> | undefined;

  /** @param decode gives equal headers for equal blocks */
  constructor(decode: (block: Uint8Array) => Headers) {
    this.#decode = decode;
  }

  /** The headers of the block that the first `length` of `bytes` are. Errors: those of `decode`. */
  decoded(bytes: Uint8Array, length: number): Headers {
    if (length > BLOCK_BYTES_MAX) return this.#decode(bytes.subarray(0, length));
    if (this.#last !== undefined && isAtStart(this.#last.bytes, bytes, length)) return this.#last.headers;
    const place = hashBytes(bytes, 0, length) & (PLACES - 1);
    let known = this.#known[place];
    if (known === undefined || !isAtStart(known.bytes, bytes, length)) {
      const block = Uint8Array.from(bytes.subarray(0, length));
      known = { bytes: block, headers: this.#decode(block) };
      this.#known[place] = known;
    }
    this.#last = known;
    return known.headers;
  }
}

/** Whether the first `length` bytes are the block. */
function isAtStart(block: Uint8Array, bytes: Uint8Array, length: number): boolean {
  if (block.length !== length) return false;
  for (let index = 0; index < length; index += 1) if (block[index] !== bytes[index]) return false;
  return true;
}
