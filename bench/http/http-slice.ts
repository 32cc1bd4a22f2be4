// One slice of a measurement: one system, set up, loaded for some seconds, verified, and taken down before another
// one gets its turn. So systems that are compared have the machine for themselves, and each slice an empty store.
//
//   start ► open and fund wallets ► warm-up ► load ► what was unanswered ► verify ► stop

import type { BenchClock } from "../bench-clock.ts";
import { BenchFailure } from "../bench-failure.ts";
import { usageOfAll } from "../process-usage.ts";
import { campaignId, claimTerms } from "./claim-requests.ts";
import { HttpApi } from "./http-api.ts";
import { FUNDS, HttpFleet } from "./http-fleet.ts";
import { type HttpVerification, verifyLoad } from "./http-verification.ts";
import { type LoadPlan, type LoadResult, type PhaseResult, phaseNamed } from "./load-plan.ts";
import { runLoad } from "./load-process.ts";
import type { LoadedSystem } from "./loaded-system.ts";
import { type MemoryReading, MemoryWatch } from "./memory-watch.ts";

/** What a slice is made of, but for what the system and the run give it. */
export type SlicePlan = Omit<LoadPlan, "url" | "key" | "wallets" | "token"> & {
  readonly walletCount: number;
  /** Name of the phase that the figures are of. */
  readonly measured: string;
  /** Whether requests may be turned away. */
  readonly maySpare: boolean;
};

/** What one process used during the load and its warm-up. */
export interface SliceUsage {
  /** Cores: CPU seconds a second. */
  readonly cpu: number;
  /** At the end. */
  readonly rssBytes: number;
}

/** One slice. */
export interface Slice {
  readonly about: string;
  readonly result: LoadResult;
  /** The phase that is measured. */
  readonly load: PhaseResult;
  readonly settledPerSecond: number;
  readonly usage: Readonly<Record<string, SliceUsage>>;
  /** All phases long. */
  readonly memory: readonly MemoryReading[];
  readonly verification: HttpVerification;
}

/** Who hears of it, and what the slice takes from outside. */
export interface SliceParts {
  /** 16 hex digits that no other slice has. */
  readonly token: string;
  readonly clock: Pick<BenchClock, "wallMs">;
  onProgress(line: string): void;
}

/**
 * Runs one slice. The system is stopped in every case.
 * Errors: BenchFailure
 */
export async function runSlice(system: LoadedSystem, plan: SlicePlan, parts: SliceParts): Promise<Slice> {
  const { about, url, key } = system;
  const { walletCount, measured, maySpare, ...rest } = plan;
  const { token, onProgress } = parts;
  try {
    const api = new HttpApi(url, key);
    const fleet = new HttpFleet(token, walletCount);
    onProgress(`${about}: opening and funding ${walletCount} wallets`);
    await fleet.prepare(api);
    if (plan.load === "claims") await makeCampaign(api, campaignId(parts), fleet.wallets);
    const seconds = plan.phases.map((phase) => `${phase.name} ${phase.seconds} s`).join(", ");
    onProgress(`${about}: ${plan.load}, ${seconds}`);
    const loaded = await loadAndWatch(system, { ...rest, url, key, wallets: fleet.wallets, token }, parts);
    onProgress(`${about}: verifying`);
    const verification = await verifyLoad({ api, fleet, maySpare }, loaded.result);
    const load = phaseNamed(loaded.result, measured);
    return { about, ...loaded, load, settledPerSecond: load.settled / load.seconds, verification };
  } finally {
    await system.stop();
  }
}

async function makeCampaign(api: HttpApi, id: string, wallets: readonly string[]): Promise<void> {
  const { amount } = claimTerms(wallets.length, FUNDS);
  const terms = { id, wallet: wallets[0], amount: String(amount), capPerOwner: 1 };
  const { status, value } = await api.post("/v1/campaigns", JSON.stringify(terms));
  if (status !== 201)
    throw new BenchFailure(`making a campaign got ${status}: ${JSON.stringify(value).slice(0, 300)}`);
}

async function loadAndWatch(
  system: LoadedSystem,
  plan: LoadPlan,
  { clock }: SliceParts,
): Promise<Pick<Slice, "result" | "usage" | "memory">> {
  const watched = await system.processes();
  const before = await usageOfAll(watched);
  const watch = new MemoryWatch(watched, () => clock.wallMs());
  const result = await runLoad(plan).finally(() => watch.pause());
  const memory = await watch.stop();
  const after = await usageOfAll(await system.processes());
  const loadedSeconds = result.phases.reduce((sum, { seconds }) => sum + seconds, 0);
  const usage = [...after].map(([name, { cpuSeconds, rssBytes }]): [string, SliceUsage] => {
    const spent = cpuSeconds - (before.get(name)?.cpuSeconds ?? 0);
    return [name, { cpu: Math.max(0, spent) / loadedSeconds, rssBytes }];
  });
  return { result, usage: Object.fromEntries(usage), memory };
}
