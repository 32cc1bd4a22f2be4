// How long an installation takes from the start of its engine to its outcomes: a command is sent to each shard again
// and again, under one id, until all have answered. The command opens a wallet that is open, so it moves nothing.

import type { NatsConnection } from "@nats-io/transport-node";
import { commandIdAt } from "../protocol/command-id.ts";
import { commandToJson } from "../protocol/command-json.ts";
import { callSubject } from "../protocol/subject.ts";
import { BenchFailure } from "./bench-failure.ts";
import type { FleetWallet } from "./fleet.ts";
import { opening } from "./preparation.ts";
import type { StageParts } from "./stage.ts";

const TRY_MS = 500;
const PAUSE_MS = 5;
const WAIT_MS_MAX = 120_000;

/**
 * Waits until every shard that has wallets gave an outcome. @returns ms since the call
 * Errors: BenchFailure when a shard gives none for two minutes.
 */
export async function untilOutcomes(parts: StageParts): Promise<number> {
  const { clock, fleet } = parts;
  const startMs = clock.steadyMs();
  const firsts = fleet.byShard.flatMap(([number]) => (number === undefined ? [] : [fleet.wallet(number)]));
  await Promise.all(firsts.map((wallet) => untilOutcome(parts, wallet, startMs + WAIT_MS_MAX)));
  return Math.round(clock.steadyMs() - startMs);
}

async function untilOutcome(parts: StageParts, wallet: FleetWallet, deadlineMs: number): Promise<void> {
  const { nc, clock, tenant } = parts;
  const command = opening(wallet, false)(commandIdAt(clock.uniqueBytes(16), 0));
  const request = JSON.stringify(commandToJson(command));
  while (clock.steadyMs() < deadlineMs) {
    if (await isAnswered(nc, callSubject(tenant, wallet.owner), request)) return;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  throw new BenchFailure(`shard ${wallet.shard} gave no outcome for ${WAIT_MS_MAX / 1000} s after a restart`);
}

async function isAnswered(nc: NatsConnection, subject: string, request: string): Promise<boolean> {
  try {
    const answer = await nc.request(subject, request, { timeout: TRY_MS });
    return answer.string().includes('"status":"open"');
  } catch {
    return false;
  }
}
