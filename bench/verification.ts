// After the run: reads every wallet and source back through the ordinary reads and compares it with what the outcomes
// say, and adds everything up. Money that was made, lost, moved twice or left reserved shows here.

import { assert } from "../protocol/assert.ts";
import type { WalletView } from "../protocol/entry.ts";
import { encodeRead } from "../protocol/read.ts";
import { decodeReadAnswer } from "../protocol/read-answer.ts";
import { getSubject } from "../protocol/subject.ts";
import { BenchFailure } from "./bench-failure.ts";
import type { FleetWallet } from "./fleet.ts";
import type { LoadGenerator } from "./load-generator.ts";
import type { LoadResult } from "./load-run.ts";
import type { Verification } from "./report.ts";
import type { StageParts } from "./stage.ts";

/** Reads under way at once. */
const READS_AT_ONCE = 64;
const READ_WAIT_MS = 5_000;
const TRIES_MAX = 10;
const NAMED_MAX = 5;
const TELL_EVERY = 1_000;

/** What verification works with: the wallets' book, and every load of the run. */
export interface Verifiable {
  readonly parts: Pick<StageParts, "nc" | "tenant" | "fleet" | "progress" | "clock"> & {
    readonly generator: Pick<LoadGenerator, "strays">;
  };
  readonly results: readonly LoadResult[];
}

/** Reads and compares all wallets. Errors: BenchFailure when a wallet cannot be read. */
export async function verifyFleet({ parts, results }: Verifiable): Promise<Verification> {
  const { fleet } = parts;
  const all = [...fleet.wallets, ...fleet.sources, ...fleet.opened.map(({ wallet }) => wallet)];
  const parties = fleet.wallets.length + fleet.sources.length;
  const tell = teller(parts, all.length);
  const wrong: string[] = [];
  let sum = 0n;
  let read = 0;
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < all.length; index = next++) {
      const wallet = all[index];
      if (wallet === undefined) return;
      const view = await readWallet(parts, wallet);
      sum += view.posted;
      const expected = fleet.expected[index] ?? fleet.opened[index - parties]?.expected;
      assert(expected !== undefined, "the book has every wallet");
      if (!holds(view, BigInt(expected))) wrong.push(describe(view, expected));
      read += 1;
      if (read % TELL_EVERY === 0) tell(read);
    }
  };
  tell(0);
  await Promise.all(Array.from({ length: READS_AT_ONCE }, worker));
  return proofOf(results, { read, wrong, sum, strays: parts.generator.strays });
}

function proofOf(
  results: readonly LoadResult[],
  books: {
    readonly read: number;
    readonly wrong: readonly string[];
    readonly sum: bigint;
    readonly strays: number;
  },
): Verification {
  const add = (of: (result: LoadResult) => number): number =>
    results.reduce((total, result) => total + of(result), 0);
  const { read, wrong, sum, strays } = books;
  const outcomesOnce =
    strays === 0 &&
    results.every(({ settled, published, repeated }) => settled === published && repeated === 0);
  const unexpectedOutcomes = add(({ unexpected }) => unexpected);
  return {
    ok: outcomesOnce && unexpectedOutcomes === 0 && wrong.length === 0 && sum === 0n,
    outcomesOnce,
    unexpectedOutcomes,
    firstUnexpected: results.find(({ firstUnexpected }) => firstUnexpected !== null)?.firstUnexpected ?? null,
    commands: add(({ published }) => published),
    wallets: read,
    wrongWallets: wrong.length,
    wrong: wrong.slice(0, NAMED_MAX),
    sum: sum.toString(),
    sweep: null,
  };
}

function teller({ clock, progress }: Verifiable["parts"], total: number): (read: number) => void {
  const startMs = clock.steadyMs();
  return (done) => {
    const seconds = (clock.steadyMs() - startMs) / 1000;
    const perSecond = seconds > 0 ? Math.round(done / seconds) : 0;
    progress({ phase: "verify", done, total, perSecond, seconds, ofSeconds: null });
  };
}

function holds(view: WalletView, expected: bigint): boolean {
  return view.posted === expected && view.held === 0n && view.incoming === 0n;
}

function describe({ wallet, posted, held, incoming }: WalletView, expected: number): string {
  return `${wallet}: posted ${posted}, held ${held}, incoming ${incoming}; expected ${expected}, 0, 0`;
}

async function readWallet(
  { nc, tenant }: Verifiable["parts"],
  { owner, wallet }: FleetWallet,
): Promise<WalletView> {
  const request = encodeRead({ get: "wallet", wallet, after: null });
  let problem = "";
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    try {
      const answer = await nc.request(getSubject(tenant, owner), request, { timeout: READ_WAIT_MS });
      const decoded = decodeReadAnswer(answer.data);
      if (decoded.ok && decoded.value.kind === "wallet") return decoded.value.wallet;
      problem = Buffer.from(answer.data).toString("utf8", 0, 200);
    } catch (thrown) {
      problem = thrown instanceof Error ? thrown.message : String(thrown);
    }
    if (nc.isClosed()) break;
  }
  throw new BenchFailure(`${wallet} could not be read back: ${problem}`);
}
