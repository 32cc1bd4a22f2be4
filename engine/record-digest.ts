// The digest of a log record: what the log chain, the kept record hashes and the identity checks compare.
// Every part is length-prefixed, so that no two different records share an encoding.

import { createHash } from "node:crypto";
import type { LogRecord } from "../cluster/log-record.ts";

/** SHA-256 (32 bytes) over sequence, timestamp in ns, subject, headers and body. Never throws. */
export function recordDigest(record: LogRecord): Buffer {
  const hash = createHash("sha256");
  const head = Buffer.allocUnsafe(24);
  head.writeBigUInt64BE(BigInt(record.sequence), 0);
  head.writeBigUInt64BE(record.timestampNs, 8);
  const subject = Buffer.from(record.subject);
  const headers = record.headers ? Buffer.from(JSON.stringify(record.headers)) : EMPTY;
  head.writeUInt32BE(subject.length, 16);
  head.writeUInt32BE(headers.length, 20);
  return hash.update(head).update(subject).update(headers).update(record.data).digest();
}

const EMPTY = Buffer.alloc(0);
