// How large a shard's SQLite file is, what still waits in its write-ahead log included, while the engine writes it: the
// log's last commit says how many pages the database has. Reads headers only, so it costs little and disturbs nobody.
// Source: the SQLite file format (sqlite.org/fileformat2.html), sections 1.3 and 4.1.

import { type FileHandle, open } from "node:fs/promises";

const WAL_HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
/** Offsets in the log's header and in a frame's. */
const PAGE_SIZE_AT = 8;
const SALTS_AT = 16;
const FRAME_PAGES_AT = 4;
const FRAME_SALTS_AT = 8;
const SALTS_BYTES = 8;

/** Bytes of the database at `path` as of its last commit. 0 when it cannot be read; never rejects. */
export async function shardFileBytes(path: string): Promise<number> {
  const pending = await walBytes(`${path}-wal`).catch(() => 0);
  if (pending > 0) return pending;
  const file = await open(path).catch(() => null);
  try {
    return (await file?.stat())?.size ?? 0;
  } finally {
    await file?.close();
  }
}

/** What the last commit in the log says; 0 when there is none. */
async function walBytes(path: string): Promise<number> {
  const file = await open(path);
  try {
    const header = await read(file, WAL_HEADER_BYTES, 0);
    if (header === null) return 0;
    const pageBytes = header.readUInt32BE(PAGE_SIZE_AT);
    const salts = header.subarray(SALTS_AT, SALTS_AT + SALTS_BYTES);
    let pages = 0;
    for (let at = WAL_HEADER_BYTES; ; at += FRAME_HEADER_BYTES + pageBytes) {
      const frame = await read(file, FRAME_HEADER_BYTES, at);
      const isCurrent = frame?.subarray(FRAME_SALTS_AT, FRAME_SALTS_AT + SALTS_BYTES).equals(salts);
      if (frame === null || !isCurrent) return pages * pageBytes;
      pages = frame.readUInt32BE(FRAME_PAGES_AT) || pages;
    }
  } finally {
    await file.close();
  }
}

async function read(file: FileHandle, length: number, position: number): Promise<Buffer | null> {
  const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, position);
  return bytesRead === length ? buffer : null;
}
