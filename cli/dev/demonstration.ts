// Runs the demonstration of a first start against a dev that serves, and prints what came of it and what to try next.
// A demonstration that fails is said and changes nothing else: the dev goes on serving.

import type { Invocation } from "../command.ts";
import { failureFrom } from "../failure.ts";
import { columns } from "../output.ts";
import type { Session } from "../session.ts";
import { withCoffer, withConnection } from "../session.ts";
import type { VerifyReport } from "../verification.ts";
import { verifyLive } from "../verification.ts";
import type { DemoResult } from "./demo.ts";
import { runDemo } from "./demo.ts";

const ANSWER_MS = 30_000;

/** Runs it and prints the result. Never rejects. */
export async function demonstrate(invocation: Invocation, dev: Session): Promise<void> {
  const { output, surroundings } = invocation;
  const session: Session = { ...dev, timeoutMs: ANSWER_MS };
  const signal = surroundings.interrupted;
  try {
    await withConnection(session, async ({ nc }) => {
      const result = await withCoffer(session, (coffer) =>
        runDemo({
          coffer,
          clock: surroundings.clock,
          signal,
          onProgress: (text, milestone) => output.progress(text, milestone),
        }),
      );
      if (result === null) return;
      const onProgress = (): void => output.progress("Demo: the engine sweeps its invariants");
      const report = await verifyLive(nc, { deep: false, answerMs: ANSWER_MS, signal, onProgress });
      print(invocation, result, report);
    });
  } catch (thrown) {
    if (!signal.aborted) output.failure(failureFrom(thrown));
  }
}

function print({ output, surroundings }: Invocation, result: DemoResult, report: VerifyReport): void {
  const { sumBefore, sumAfter, ...shown } = result;
  const sumsMatch = sumBefore === sumAfter;
  const verified = verdictOf(report);
  const { settled, refused, unknown, seconds, perSecond, latencyMs } = shown;
  const others =
    unknown === 0 ? `${refused} refused for lack of funds` : `${refused} refused, ${unknown} not answered`;
  const rows = [
    ["transfers", `${settled} settled, ${others}, in ${seconds} s: ${perSecond} a second`],
    [
      "latency",
      `p50 ${latencyMs.p50} ms, p95 ${latencyMs.p95} ms, p99 ${latencyMs.p99} ms, from send to settled on disk`,
    ],
    [
      "sums",
      `${sumAfter} over ${shown.wallets} wallets, ${sumsMatch ? "as before the burst" : `but ${sumBefore} before the burst`}`,
    ],
    ["verify", verified],
  ];
  const { program } = surroundings;
  const next = [
    [`${program} wallet show demo-001:usd`, "a wallet of the demonstration"],
    [`${program} wallet open alice:usd USD/2`, "a wallet of your own"],
    [`${program} transfer demo-bank:usd alice:usd 1250`, "12.50 for it"],
    [`${program} status`, "what the shards do"],
    [`${program} guarantees`, "what is promised"],
  ];
  output.result(
    {
      demo: { ...shown, latencyMs: { ...latencyMs }, sum: sumAfter.toString(), sumsMatch, verify: verified },
    },
    `\nDemonstration\n${columns(rows, "  ")}\n\nTry next, in another terminal:\n${columns(next, "  ")}\n\nServing until Ctrl-C.`,
  );
}

function verdictOf(report: VerifyReport): string {
  if (report.violations.length > 0) return `${report.violations.length} violations: run coffer verify`;
  if (report.clean) return "clean";
  return report.inconclusive ? "inconclusive: something kept moving" : "not clean";
}
