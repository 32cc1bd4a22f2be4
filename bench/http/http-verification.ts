// After a load: that every wallet holds exactly what the answers said, that nothing was made or lost, and that no
// request was answered with anything but what was asked for. What was shed moved nothing, and where nothing is to be
// shed it is no answer either.
//
// Requests without an answer, and those that were told to be pending or unknown, are sent again with the same ids:
// whatever became of them, this settles them once. Only then are balances read.
// Guards against: a fast system that answers what it did not do.

import { setTimeout as delay } from "node:timers/promises";
import { forAll, type HttpApi } from "./http-api.ts";
import { FUNDS, type HttpFleet, outcomesIn } from "./http-fleet.ts";
import type { LoadResult, UnansweredRequest } from "./load-plan.ts";

const CALLS_AT_ONCE = 32;
/** How often and after what time an outcome that is pending is read again, ms. */
const [OUTCOME_TRIES_MAX, OUTCOME_AGAIN_MS] = [100, 100];
/** Wrong wallets that are named. */
const NAMED_MAX = 5;

/** What was proved. */
export interface HttpVerification {
  readonly ok: boolean;
  /** Requests that were answered with what should not have come, in all phases. */
  readonly unexpectedAnswers: number;
  /** What some of them said. */
  readonly examples: readonly string[];
  /** Connections that broke and requests that took too long. */
  readonly errors: number;
  /** Requests whose fate was unknown at the end of the load, settled by sending them again. */
  readonly sentAgain: number;
  /** Wallets that were read, the source of money included. */
  readonly wallets: number;
  readonly wrongWallets: number;
  readonly wrong: readonly string[];
  /** Of all wallets, the source included; "0" when nothing was made or lost. */
  readonly sum: string;
}

/** What is verified. */
export interface Verifiable {
  readonly api: HttpApi;
  readonly fleet: HttpFleet;
  /** Whether requests may be turned away, or not settle in time. */
  readonly maySpare: boolean;
}

/** Verifies. Errors: BenchFailure when the system does not answer. */
export async function verifyLoad(
  { api, fleet, maySpare }: Verifiable,
  result: LoadResult,
): Promise<HttpVerification> {
  const expected = fleet.wallets.map((_, index) => FUNDS + (result.changes[index] ?? 0));
  let unexpectedAnswers = unexpectedIn(result, maySpare);
  await forAll(result.unanswered, CALLS_AT_ONCE, async (request) => {
    const became = await askAgain(api, request);
    if (became === "wrong") unexpectedAnswers += 1;
    if (became === "settled")
      for (const [wallet, change] of request.changes) expected[wallet] = (expected[wallet] ?? 0) + change;
  });
  const { wrong, sum } = await readAll(api, fleet, expected);
  const { errors, unanswered, examples } = result;
  return {
    ok: unexpectedAnswers === 0 && errors === 0 && wrong.length === 0 && sum === 0n,
    ...{ unexpectedAnswers, examples, errors, sentAgain: unanswered.length },
    ...{ wallets: fleet.wallets.length + 1, wrongWallets: wrong.length, wrong: wrong.slice(0, NAMED_MAX) },
    sum: String(sum),
  };
}

async function askAgain(
  api: HttpApi,
  { path, body, settledStatus, mayConflict, outcomePath }: UnansweredRequest,
): Promise<"settled" | "refused" | "wrong"> {
  if (outcomePath !== undefined) {
    // Whatever is said to it: it arrives after the one in question, which has its outcome then.
    await api.post(path, body, 1);
    return await outcomeAt(api, outcomePath);
  }
  const { status, value } = await api.post(path, body);
  if (mayConflict && status === 422) return "refused";
  const isRefused = outcomesIn(value).some((outcome) => outcome.status !== "posted");
  return status === settledStatus && !isRefused ? "settled" : "wrong";
}

async function outcomeAt(api: HttpApi, path: string): Promise<"settled" | "refused" | "wrong"> {
  for (let tries = 0; tries < OUTCOME_TRIES_MAX; tries += 1) {
    const { status, value } = await api.get(path);
    if (status === 404) return "refused";
    if (status !== 200) return "wrong";
    const said = new Map(Object.entries(value ?? {})).get("status");
    if (said === "posted") return "settled";
    if (said === "refused") return "refused";
    await delay(OUTCOME_AGAIN_MS);
  }
  return "wrong";
}

function unexpectedIn({ phases }: LoadResult, maySpare: boolean): number {
  const unexpected = phases.map(
    ({ verdicts: { wrong, shed, open } }) => wrong + (maySpare ? 0 : shed + open),
  );
  return unexpected.reduce((sum, count) => sum + count, 0);
}

async function readAll(
  api: HttpApi,
  { wallets, source }: HttpFleet,
  expected: readonly number[],
): Promise<{ wrong: string[]; sum: bigint }> {
  const wrong: string[] = [];
  let sum = 0n;
  await forAll([...wallets, source], CALLS_AT_ONCE, async (wallet, index) => {
    const { status, value } = await api.get(`/v1/wallets/${wallet}`);
    const { posted, held, incoming } = balanceIn(value);
    if (posted !== null) sum += BigInt(posted);
    const wanted = String(expected[index] ?? -FUNDS * wallets.length);
    if (status !== 200 || posted !== wanted || held !== "0" || incoming !== "0")
      wrong.push(
        `${wallet}: ${status}, posted ${posted}, held ${held}, incoming ${incoming}; expected ${wanted}, 0, 0`,
      );
  });
  return { wrong, sum };
}

function balanceIn(value: unknown): Record<"posted" | "held" | "incoming", string | null> {
  const fields = new Map(typeof value === "object" && value !== null ? Object.entries(value) : []);
  const text = (name: string): string | null => {
    const field: unknown = fields.get(name);
    return typeof field === "string" && /^-?\d+$/.test(field) ? field : null;
  };
  return { posted: text("posted"), held: text("held"), incoming: text("incoming") };
}
