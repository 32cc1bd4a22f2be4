// After the run: reads every wallet back through the ordinary reads and compares it with what the outcomes say, and
// adds everything up. Money that was made, lost or moved twice shows here.

import type { NatsConnection } from "@nats-io/transport-node";
import type { WalletView } from "../protocol/entry.ts";
import type { TenantName } from "../protocol/names.ts";
import { encodeRead } from "../protocol/read.ts";
import { decodeReadAnswer } from "../protocol/read-answer.ts";
import { getSubject } from "../protocol/subject.ts";
import { BenchFailure } from "./bench-failure.ts";
import type { Fleet, FleetWallet } from "./fleet.ts";
import type { Verification } from "./report.ts";

/** Reads under way at once. */
const READS_AT_ONCE = 64;
const READ_WAIT_MS = 5_000;
const TRIES_MAX = 10;
const NAMED_MAX = 5;

/** What verification works with. */
export interface VerifyParts {
  readonly nc: NatsConnection;
  readonly tenant: TenantName;
  readonly fleet: Fleet;
  /** Whether each command had exactly one outcome. */
  readonly outcomesOnce: boolean;
  readonly onProgress: (read: number) => void;
}

/** Reads and compares all wallets. Errors: BenchFailure when a wallet cannot be read. */
export async function verifyFleet(parts: VerifyParts): Promise<Verification> {
  const { fleet, onProgress } = parts;
  const all = [...fleet.wallets, ...fleet.sources];
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
      const expected = fleet.expected[index];
      if (expected !== undefined && !holds(view, BigInt(expected))) wrong.push(describe(view, expected));
      read += 1;
      onProgress(read);
    }
  };
  await Promise.all(Array.from({ length: READS_AT_ONCE }, worker));
  return {
    ok: parts.outcomesOnce && wrong.length === 0 && sum === 0n,
    outcomesOnce: parts.outcomesOnce,
    wallets: read,
    wrongWallets: wrong.length,
    wrong: wrong.slice(0, NAMED_MAX),
    sum: sum.toString(),
  };
}

function holds(view: WalletView, expected: bigint): boolean {
  return view.posted === expected && view.held === 0n && view.incoming === 0n;
}

function describe({ wallet, posted, held, incoming }: WalletView, expected: number): string {
  return `${wallet}: posted ${posted}, held ${held}, incoming ${incoming}; expected ${expected}, 0, 0`;
}

async function readWallet({ nc, tenant }: VerifyParts, { owner, wallet }: FleetWallet): Promise<WalletView> {
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
  }
  throw new BenchFailure(`${wallet} could not be read back: ${problem}`);
}
