// What a read showed, as the contract's JSON: the same object that the engine sent.
// Also the one way in which a missing wallet ends a call, and how a number of shards is written.

import type { ReadAnswer } from "../protocol/read-answer.ts";
import { readAnswerToJson } from "../protocol/read-answer.ts";
import { CliFailure } from "./failure.ts";
import type { Json } from "./output.ts";

/** The answer as JSON. */
export function shownJson(answer: ReadAnswer): Json {
  return JSON.parse(JSON.stringify(readAnswerToJson(answer)));
}

/** There is no such wallet: exit 1. */
export function walletNotFound(wallet: string): CliFailure {
  return new CliFailure("wallet_not_found", `There is no wallet ${wallet} here.`);
}

/** `1 shard`, `4 shards`. */
export function shardsText(shards: number): string {
  return `${shards} ${shards === 1 ? "shard" : "shards"}`;
}

/** `3 copies of each log, `, or nothing when there is one. */
export function copiesText(replicas: number): string {
  return replicas === 1 ? "" : `${replicas} copies of each log, `;
}
