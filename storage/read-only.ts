// The one door of storage for rooms that never import the rest of it (the command line): snapshots of shard
// files, sweeps and dumps over them, and the lock of a data directory. Nothing behind it changes a shard file.
//
// Owns no code: each name is described where it is defined.

export { dumpHash, dumpShard } from "./dump.ts";
export { DataLock, type LockHolder, readHolder } from "./lock.ts";
export { openCut, ReadOnlyShard } from "./read-only-shard.ts";
export { StorageFault, StorageRefused } from "./storage-error.ts";
export { retakeUntilConclusive, type VerifyOptions, type VerifyReport, verifyShards } from "./verify.ts";
export type { Violation } from "./violation.ts";
