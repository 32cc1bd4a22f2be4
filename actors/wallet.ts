// A wallet actor: the state of one wallet, owned by the thread of its shard and changed only inside a turn.
// Balances: posted is what is there, held what outgoing moves have reserved of it, incoming what credits
// have reserved of the room above it. Changes go through the ledger's journal, never straight to the fields.

import type { Bound } from "../protocol/money.ts";
import type { AssetName, TenantName, WalletName } from "../protocol/names.ts";
import type { Balances } from "../protocol/outcome.ts";

/** Status of a wallet. */
export type WalletStatus = "open" | "frozen" | "closed";

/** One wallet in memory. Everything that is not readonly changes only by `Ledger.append`. */
export interface Wallet {
  /** Dense per shard in the order of opening; the row's key. */
  readonly number: number;
  /** The owner's number, dense per shard as well. */
  readonly owner: number;
  readonly tenant: TenantName;
  readonly name: WalletName;
  readonly asset: AssetName;
  /** The bounds of the first open, which later opens are compared with. */
  readonly openedMin: Bound;
  readonly openedMax: Bound;
  /** Canonical JSON, or null. */
  readonly meta: string | null;
  posted: bigint;
  held: bigint;
  incoming: bigint;
  min: Bound;
  max: Bound;
  status: WalletStatus;
  /** Dense: +1 for each step that changes the wallet; 1 after open. */
  version: number;
  /** Journal number of the newest step that changed the wallet; 0 = none. */
  lastStep: number;
  /** Changed since the ledger's last flush. Set by `Ledger.append`, cleared by the flush; a dirty wallet stays in memory. */
  dirty: boolean;
  /** Used since the hand of the wallet cache last passed; only the cache reads and writes it. */
  warm: boolean;
}

/** What may be debited: posted - held - min. */
export function availableOf({ posted, held, min }: Pick<Wallet, "posted" | "held" | "min">): Bound {
  if (min === "unlimited") return min;
  // Taking nothing away would make a new number.
  const free = held === 0n ? posted : posted - held;
  return min === 0n ? free : free - min;
}

/** The wallet's balances as outcomes show them. */
export function balancesOf(wallet: Wallet): Balances {
  return {
    wallet: wallet.name,
    posted: wallet.posted,
    held: wallet.held,
    incoming: wallet.incoming,
    available: availableOf(wallet),
    version: wallet.version,
  };
}
