// One slice of a measurement: one system, set up, loaded for some seconds, verified, and taken down before another
// one gets its turn. So systems that are compared have the machine for themselves, and each slice an empty store.
//
//   start ► open and fund wallets ► warm-up ► load ► what was unanswered ► verify ► stop

import { usageOfAll } from "../process-usage.ts";
import { HttpApi } from "./http-api.ts";
import { HttpFleet } from "./http-fleet.ts";
import { type HttpVerification, verifyLoad } from "./http-verification.ts";
import type { LoadPlan, LoadResult } from "./load-plan.ts";
import { runLoad } from "./load-process.ts";
import type { LoadedSystem } from "./loaded-system.ts";
import { RequestSource } from "./request-source.ts";

/** What a slice is made of, but for what the system and the run give it. */
export type SlicePlan = Omit<LoadPlan, "url" | "key" | "wallets" | "token"> & {
  readonly walletCount: number;
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
  readonly settledPerSecond: number;
  readonly usage: Readonly<Record<string, SliceUsage>>;
  readonly verification: HttpVerification;
}

/** Who hears of it. */
export interface SliceListener {
  onProgress(line: string): void;
}

/**
 * Runs one slice. The system is stopped in every case.
 * @param token 16 hex digits that no other slice has
 * Errors: BenchFailure
 */
export async function runSlice(
  system: LoadedSystem,
  { walletCount, ...plan }: SlicePlan,
  { token, onProgress }: { readonly token: string } & SliceListener,
): Promise<Slice> {
  try {
    const api = new HttpApi(system.url, system.key);
    const fleet = new HttpFleet(token, walletCount);
    onProgress(`${system.about}: opening and funding ${walletCount} wallets`);
    await fleet.prepare(api);
    const full: LoadPlan = { ...plan, url: system.url, key: system.key, wallets: fleet.wallets, token };
    onProgress(`${system.about}: ${plan.load} for ${plan.warmUpSeconds} + ${plan.seconds} s`);
    const before = await usageOfAll(await system.processes());
    const result = await runLoad(full, () => undefined);
    const after = await usageOfAll(await system.processes());
    onProgress(`${system.about}: verifying`);
    const verification = await verifyLoad({ api, fleet }, result, new RequestSource(full));
    const settled = (result.statuses[new RequestSource(full).settledStatus] ?? 0) * result.commandsPerRequest;
    const loadedSeconds = plan.warmUpSeconds + result.seconds;
    return {
      ...{ about: system.about, result, verification },
      settledPerSecond: settled / result.seconds,
      usage: Object.fromEntries(
        [...after].map(([name, { cpuSeconds, rssBytes }]) => {
          const spent = cpuSeconds - (before.get(name)?.cpuSeconds ?? 0);
          return [name, { cpu: Math.max(0, spent) / loadedSeconds, rssBytes }];
        }),
      ),
    };
  } finally {
    await system.stop();
  }
}
