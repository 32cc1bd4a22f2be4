// Waits until nothing is on its way between shards. A move is settled before the last acknowledgement of its items is
// written, and that is one more record in somebody's log: who counts records must not count it.
import assert from "node:assert/strict";
import { until } from "../support/condition.ts";
import { isObject } from "./json-shape.ts";
import type { Json, OutsideCaller } from "./outside-caller.ts";

const SHARDS = [0, 1, 2, 3];

/** What the engine says of a shard, which must be active. */
export async function statusOf(caller: OutsideCaller, shard: number): Promise<Json> {
  const message = await caller.request(`coffer.admin.status.${shard}`);
  const status: unknown = message.json();
  assert(isObject(status) && status["state"] === "active", message.string());
  return status;
}

/** Returns once every shard's outbox is empty. Errors: rejects when one stays full. */
export async function untilDelivered(caller: OutsideCaller): Promise<void> {
  await until("no item is on its way", async () => {
    const statuses = await Promise.all(SHARDS.map((shard) => statusOf(caller, shard)));
    return statuses.every(({ outboxItems }) => outboxItems === 0);
  });
}
