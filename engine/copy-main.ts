// The entry of the copying thread: copies the write-ahead logs of all shards of a node into their files, one at a
// time, while the workers go on with their turns. A copy costs 1.4 ms of CPU a MiB and waits for the disk: in a
// worker every shard of that thread stood still meanwhile.
//
// Owns a connection a file from the first copy until the worker says `close`. Knows nothing of shards or turns.

import { type MessagePort, parentPort } from "node:worker_threads";
import { StorageFault, storageFaultOf } from "../storage/storage-error.ts";
import { WalCopier } from "../storage/wal-copier.ts";
import type { CopyAnswer, CopyOrder } from "./copy-protocol.ts";

const copiers = new Map<string, WalCopier>();

function obey({ kind, path, number }: CopyOrder): CopyAnswer {
  try {
    if (kind === "copy") copierOf(path).copy();
    else close(path);
    return { number, fault: null };
  } catch (error) {
    // A file that is refused at the door is as unusable to its shard as a disk that fails.
    const { code, message } = storageFaultOf(error) ?? new StorageFault("unusable", String(error));
    return { number, fault: { code, message } };
  }
}

function copierOf(path: string): WalCopier {
  const known = copiers.get(path);
  if (known) return known;
  const copier = new WalCopier(path);
  copiers.set(path, copier);
  return copier;
}

function close(path: string): void {
  copiers.get(path)?.close();
  copiers.delete(path);
}

parentPort?.on("message", (port: MessagePort) => {
  port.on("message", (order: CopyOrder) => port.postMessage(obey(order)));
});
