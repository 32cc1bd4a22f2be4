// The demonstration of a first start: opens wallets, funds them, moves money among them for a few seconds, then
// proves by reading that nothing was lost and asks the engine to sweep itself.
//
// Owns: its wallets, all of owners that start with `demo-`; a later start uses the same ones again.
// Invariant: the sum over its wallets, their source included, is the same after the burst as before it.

import type { LatencySummary } from "../../bench/latency-histogram.ts";
import { LatencyHistogram } from "../../bench/latency-histogram.ts";
import type { ClientClock } from "../../client/clock.ts";
import type { Coffer } from "../../client/mod.ts";
import { demoOwner, demoWallet } from "./demo-wallet.ts";

/** Wallets that money moves among, beside their source. */
const WALLETS = 200;
/** What each wallet is given before the burst: 100.00 of USD/2. */
const FUNDS = 10_000n;
/** The burst ends after this time (unless told otherwise) or this many transfers, whichever is first. */
const BURST_MS = 5_000;
const TRANSFERS_MAX = 250_000;
/** Transfers on their way at once: enough to fill frames, few enough that latencies mean something. */
const CALLERS = 512;
const AMOUNT_MAX = 500;
const READS_AT_ONCE = 32;
const ASSET = "USD/2";
const SOURCE = demoWallet("bank");

/** What the demonstration works with. */
export interface DemoParts {
  readonly coffer: Pick<Coffer, "send" | "owner">;
  readonly clock: ClientClock;
  readonly signal: AbortSignal;
  /** Length of the burst; default BURST_MS. */
  readonly burstMs?: number;
  onProgress(text: string, milestone?: "milestone"): void;
}

/** What came of it. */
export interface DemoResult {
  readonly wallets: number;
  readonly settled: number;
  readonly refused: number;
  /** Not answered in time; none on a healthy machine. */
  readonly unknown: number;
  readonly seconds: number;
  readonly perSecond: number;
  readonly latencyMs: LatencySummary;
  readonly sumBefore: bigint;
  readonly sumAfter: bigint;
}

/**
 * Runs it. Takes the burst and a second or two more.
 * @returns null when it was interrupted
 * Errors: rejects when a wallet cannot be opened or funded, with what the engine said.
 */
export async function runDemo(parts: DemoParts): Promise<DemoResult | null> {
  const wallets = Array.from({ length: WALLETS }, (_, index) =>
    demoWallet(String(index + 1).padStart(3, "0")),
  );
  parts.onProgress(`Demo: opening and funding ${WALLETS} wallets`, "milestone");
  await prepare(parts, wallets);
  const everyone = [SOURCE, ...wallets];
  const sumBefore = await sumOf(parts, everyone);
  const { burstMs = BURST_MS } = parts;
  parts.onProgress(`Demo: moving money among them for ${burstMs / 1000} s`, "milestone");
  const burst = await runBurst(parts, wallets, burstMs);
  if (parts.signal.aborted) return null;
  parts.onProgress("Demo: reading every wallet", "milestone");
  const sumAfter = await sumOf(parts, everyone);
  return { wallets: everyone.length, ...burst, sumBefore, sumAfter };
}

async function prepare({ coffer, signal }: DemoParts, wallets: readonly string[]): Promise<void> {
  const opened = [
    await coffer.send({ op: "open", wallet: SOURCE, asset: ASSET, min: "unlimited" }),
    ...(await Promise.all(wallets.map((wallet) => coffer.send({ op: "open", wallet, asset: ASSET })))),
  ];
  if (signal.aborted) return;
  const funded = await Promise.all(
    wallets.map((to) => coffer.send({ op: "transfer", from: SOURCE, to, amount: FUNDS, code: "demo" })),
  );
  const failed = [...opened, ...funded].find(({ status }) => status !== "open" && status !== "posted");
  if (failed === undefined || signal.aborted) return;
  const why = "refusal" in failed ? (failed.refusal?.code ?? failed.status) : failed.status;
  throw new Error(`the demo's wallets could not be prepared: ${failed.op ?? "command"} ended as ${why}`);
}

type Burst = Omit<DemoResult, "wallets" | "sumBefore" | "sumAfter">;

async function runBurst(parts: DemoParts, wallets: readonly string[], burstMs: number): Promise<Burst> {
  const { coffer, clock, signal } = parts;
  const next = randomNumbers(clock);
  const latency = new LatencyHistogram();
  const counts = { posted: 0, refused: 0, unknown: 0 };
  const startMs = clock.steadyMs();
  let sent = 0;
  let answered = 0;
  let shownMs = startMs;
  const caller = async (): Promise<void> => {
    while (sent < TRANSFERS_MAX && clock.steadyMs() - startMs < burstMs && !signal.aborted) {
      sent += 1;
      const payer = next(wallets.length);
      const payee = (payer + 1 + next(wallets.length - 1)) % wallets.length;
      const sentMs = clock.steadyMs();
      const { status } = await coffer.send({
        op: "transfer",
        from: wallets[payer] ?? SOURCE,
        to: wallets[payee] ?? SOURCE,
        amount: BigInt(1 + next(AMOUNT_MAX)),
      });
      const nowMs = clock.steadyMs();
      latency.add(nowMs - sentMs, 1);
      answered += 1;
      if (status === "posted" || status === "unknown") counts[status] += 1;
      else counts.refused += 1;
      if (nowMs - shownMs > 250) {
        shownMs = nowMs;
        parts.onProgress(`Demo: ${answered} transfers answered`);
      }
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  const seconds = (clock.steadyMs() - startMs) / 1000;
  const settled = counts.posted;
  return {
    settled,
    refused: counts.refused,
    unknown: counts.unknown,
    seconds: Math.round(seconds * 10) / 10,
    perSecond: Math.round((settled + counts.refused) / seconds),
    latencyMs: latency.summary(),
  };
}

async function sumOf(parts: DemoParts, wallets: readonly string[]): Promise<bigint> {
  let sum = 0n;
  for (let start = 0; start < wallets.length; start += READS_AT_ONCE) {
    const some = wallets.slice(start, start + READS_AT_ONCE);
    const pages = await Promise.all(some.map((wallet) => parts.coffer.owner(demoOwner(wallet))));
    for (const { posted } of pages.flatMap((page) => page.wallets)) sum += posted;
  }
  return sum;
}

/** Whole numbers below a bound, spread well enough for a demonstration: xorshift32 from a random seed. */
function randomNumbers(clock: ClientClock): (below: number) => number {
  const seed = new Uint32Array(1);
  clock.fillRandom(new Uint8Array(seed.buffer));
  let state = (seed[0] ?? 0) || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}
