// The scenarios of `npm run bench:http` and what each is made of.
// Sizes are those of the questions that people ask; other ones are asked for by flags.

import type { LoadName } from "./load-plan.ts";

/** One scenario. */
export interface HttpScenario {
  readonly load: LoadName;
  readonly summary: string;
  readonly connections: number;
  readonly wallets: number;
  readonly hotWallets: number;
}

/** All scenarios by name, in the order in which they run. */
export const HTTP_SCENARIOS: ReadonlyMap<string, HttpScenario> = new Map<string, HttpScenario>([
  [
    "uniform",
    {
      load: "uniform",
      summary: "one transfer a request between random ones of 10,000 owners",
      ...{ connections: 200, wallets: 10_000, hotWallets: 0 },
    },
  ],
  [
    "hot",
    {
      load: "hot",
      summary: "one of 10 hot wallets in every transfer",
      ...{ connections: 200, wallets: 10_000, hotWallets: 10 },
    },
  ],
  [
    "single-hot",
    {
      load: "single-hot",
      summary: "the same wallet in every transfer",
      ...{ connections: 200, wallets: 10_000, hotWallets: 1 },
    },
  ],
  [
    "batches",
    {
      load: "batches",
      summary: "100 transfers a request between random ones of 10,000 owners",
      ...{ connections: 32, wallets: 10_000, hotWallets: 0 },
    },
  ],
]);
