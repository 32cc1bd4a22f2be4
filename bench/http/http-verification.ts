// After a load: that every wallet holds exactly what the answers said, that nothing was made or lost, and that no
// request was answered with anything but what was asked for.
//
// Requests that had no answer when the load ended are sent again with the same ids: whatever became of them, this
// settles them once. Only then are balances read.
// Guards against: a fast system that answers what it did not do.

import { forAll, type HttpApi } from "./http-api.ts";
import { FUNDS, type HttpFleet, outcomesIn } from "./http-fleet.ts";
import type { LoadResult } from "./load-plan.ts";
import type { RequestSource } from "./request-source.ts";

const CALLS_AT_ONCE = 32;
/** Wrong wallets that are named. */
const NAMED_MAX = 5;

/** What was proved. */
export interface HttpVerification {
  readonly ok: boolean;
  /** Requests answered with another status than that of success, the warm-up included. */
  readonly unexpectedAnswers: number;
  /** Connections that broke and requests that took too long. */
  readonly errors: number;
  /** Requests without an answer at the end of the load, settled by sending them again. */
  readonly sentAgain: number;
  /** Wallets that were read, the source of money included. */
  readonly wallets: number;
  readonly wrongWallets: number;
  readonly wrong: readonly string[];
  /** Of all wallets, the source included; "0" when nothing was made or lost. */
  readonly sum: string;
}

/** Verifies. Errors: BenchFailure when the system does not answer. */
export async function verifyLoad(
  { api, fleet }: { readonly api: HttpApi; readonly fleet: HttpFleet },
  result: LoadResult,
  source: Pick<RequestSource, "path" | "settledStatus">,
): Promise<HttpVerification> {
  const expected = fleet.wallets.map((_, index) => FUNDS + (result.changes[index] ?? 0));
  let unexpectedAnswers = unexpectedIn(result, source.settledStatus);
  await forAll(result.unanswered, CALLS_AT_ONCE, async ({ body, changes }) => {
    const { status, value } = await api.post(source.path, body);
    const isRefused = outcomesIn(value).some((outcome) => outcome.status !== "posted");
    if (status !== source.settledStatus || isRefused) unexpectedAnswers += 1;
    else for (const [wallet, change] of changes) expected[wallet] = (expected[wallet] ?? 0) + change;
  });
  const { wrong, sum } = await readAll(api, fleet, expected);
  const { errors, unanswered } = result;
  return {
    ok: unexpectedAnswers === 0 && errors === 0 && wrong.length === 0 && sum === 0n,
    ...{ unexpectedAnswers, errors, sentAgain: unanswered.length },
    ...{ wallets: fleet.wallets.length + 1, wrongWallets: wrong.length, wrong: wrong.slice(0, NAMED_MAX) },
    sum: String(sum),
  };
}

function unexpectedIn({ statuses, warmUpStatuses }: LoadResult, settledStatus: number): number {
  return [statuses, warmUpStatuses]
    .flatMap((each) => Object.entries(each))
    .filter(([status]) => status !== String(settledStatus))
    .reduce((sum, [, count]) => sum + count, 0);
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
