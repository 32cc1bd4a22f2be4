/**
 * Header blocks that came before, found by their bytes: a sender gives all its records the same one, and decoding it
 * costs ten times as much as finding it. Equal blocks then have one array, which others may know by its identity.
 *
 * Only a cache: one place for each hash, the newest block stays. Bounded: 256 places, and long blocks are not kept.
 */
import { sameBytes } from "../protocol/digest.ts";
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

  /** @param decode gives equal headers for equal blocks */
  constructor(decode: (block: Uint8Array) => Headers) {
    this.#decode = decode;
  }

  /** The headers of the block that the first `length` of `bytes` are. Errors: those of `decode`. */
  decoded(bytes: Uint8Array, length: number): Headers {
    const block = bytes.subarray(0, length);
    if (length > BLOCK_BYTES_MAX) return this.#decode(block);
    const place = hashBytes(block, 0, length) & (PLACES - 1);
    const known = this.#known[place];
    if (known !== undefined && sameBytes(known.bytes, block)) return known.headers;
    const headers = this.#decode(block);
    this.#known[place] = { bytes: Uint8Array.from(block), headers };
    return headers;
  }
}
