// Proves that a shard answers: a read through its owner, and a command through its log. The command names an
// operation that does not exist, so it travels the whole way (mapping, stream, engine, reply) and records nothing.

import type { NatsConnection } from "@nats-io/transport-node";
import { headers as emptyHeaders } from "@nats-io/transport-node";
import { assert } from "../../protocol/assert.ts";
import type { OwnerName, TenantName } from "../../protocol/names.ts";
import { parseOwner } from "../../protocol/names.ts";
import { shardOf } from "../../protocol/shard-map.ts";
import { commandSubject, getSubject, REPLY_HEADER, resultPrefix } from "../../protocol/subject.ts";
import { CliFailure, messageOf } from "../failure.ts";

const TRY_WAIT_MS = 1_000;
const PAUSE_MS = 50;
const OWNERS_TRIED_MAX = 100_000;

/** What to prove. */
export interface ReadinessQuestion {
  readonly nc: NatsConnection;
  readonly tenant: TenantName;
  readonly shards: number;
  /** Unique to this process: answers of other probes stay apart. */
  readonly token: string;
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

/**
 * Returns once every shard has answered a read and a command.
 * Errors: CliFailure `not_ready`, which names the shards that did not, after `waitMs`; `interrupted`.
 */
export async function waitUntilReady(question: ReadinessQuestion): Promise<void> {
  const deadline = AbortSignal.timeout(question.waitMs);
  const waiting = Array.from({ length: question.shards }, (_, shard) => shard);
  let last = "";
  while (waiting.length > 0) {
    if (question.signal.aborted) throw new CliFailure("interrupted", "interrupted before it was ready");
    if (deadline.aborted) {
      throw new CliFailure("not_ready", `shards ${waiting.join(", ")} do not answer yet: ${last}`);
    }
    try {
      await proveShard(question, waiting[0] ?? 0);
      waiting.shift();
    } catch (thrown) {
      last = messageOf(thrown);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}

async function proveShard(question: ReadinessQuestion, shard: number): Promise<void> {
  const { nc, tenant, token } = question;
  const owner = ownerOn(tenant, shard, question.shards);
  const read = await nc.request(getSubject(tenant, owner), JSON.stringify({ get: "owner" }), {
    timeout: TRY_WAIT_MS,
  });
  if (read.string().includes('"busy"')) throw new Error(`shard ${shard} is busy`);
  const result = `${resultPrefix(tenant)}ready.${token}.${shard}`;
  const answer = nc.subscribe(result, { max: 1, timeout: TRY_WAIT_MS });
  const headers = emptyHeaders();
  headers.set(REPLY_HEADER, result);
  nc.publish(commandSubject(tenant, owner), JSON.stringify({ op: "ready" }), { headers });
  try {
    for await (const message of answer) {
      if (message.string().includes('"unknown_op"')) return;
    }
    throw new Error(`shard ${shard} answered something else`);
  } finally {
    answer.unsubscribe();
  }
}

/** An owner whose wallets would live on `shard`; found after about as many tries as there are shards. */
function ownerOn(tenant: TenantName, shard: number, shards: number): OwnerName {
  for (let index = 0; index < OWNERS_TRIED_MAX; index += 1) {
    const owner = parseOwner(`ready-${index}`);
    assert(owner !== undefined, "the probe's owner is a valid name");
    if (shardOf(tenant, owner, shards) === shard) return owner;
  }
  throw new CliFailure("not_ready", `no probe owner was found for shard ${shard}`);
}
