// Brings wallets whose rows lag behind the journal up to date, from the entries of the steps behind
// `meta.wallets_step`: for the engine when it opens a file or has rolled back, and for every reader of rows.
//
// Invariant: a row is a point of its wallet's chain of entries. The first entry behind it names its step, version
// and balances as those before it; a row whose step is the newest has that entry's balances. What does not fit
// is a fault: a row that was tampered with, or one whose write was lost. An entry says nothing of the bounds and
// the status that it did not change: those come from the row and are not checked.

import type { Wallet } from "../actors/wallet.ts";
import type { StepEntry, StepRow } from "./step-row.ts";

/** A wallet that steps behind the mark changed. */
interface LaggingWallet {
  readonly wallet: Wallet;
  /** Whether a step was missing in the row; a row may be newer than the mark says. */
  isBehind: boolean;
  newest: StepEntry;
  newestStep: number;
}

/** See the file header. */
export class WalletLag {
  readonly #load: (number: number) => Wallet | undefined;
  readonly #wallets = new Map<number, LaggingWallet>();
  readonly #missing = new Set<number>();
  readonly #faults: string[] = [];

  /**
   * Follows the steps. Cost: about 4 µs a step and 8 µs a wallet; memory for each wallet that they changed.
   * @param steps all steps behind the mark, in order
   * @param load a wallet as its rows say, by number
   * Errors: `StorageFault` for rows that cannot be read.
   */
  constructor(steps: Iterable<StepRow>, load: (number: number) => Wallet | undefined) {
    this.#load = load;
    for (const { number, entries } of steps) for (const entry of entries) this.#follow(number, entry);
    for (const { wallet, newest, newestStep } of this.#wallets.values()) {
      if (wallet.lastStep !== newestStep || !isAt(wallet, newest)) {
        this.#faults.push(
          `${nameOf(wallet)} is at step ${wallet.lastStep}, not as step ${newestStep} left it`,
        );
      }
    }
  }

  /** What does not fit, one line each; empty = sound. */
  get faults(): readonly string[] {
    return this.#faults;
  }

  /** The wallets whose rows lag, up to date. */
  *behind(): Generator<Wallet> {
    for (const { wallet, isBehind } of this.#wallets.values()) if (isBehind) yield wallet;
  }

  /** The wallet, up to date, when steps behind the mark changed it. */
  wallet(number: number): Wallet | undefined {
    return this.#wallets.get(number)?.wallet;
  }

  #follow(step: number, entry: StepEntry): void {
    const lagging = this.#lagging(step, entry);
    if (!lagging) return;
    const { wallet } = lagging;
    lagging.newest = entry;
    lagging.newestStep = step;
    if (step <= wallet.lastStep) return;
    if (!continues(entry, wallet)) {
      this.#faults.push(
        `${nameOf(wallet)} at step ${wallet.lastStep} is not what its entry in step ${step} continues`,
      );
    }
    lagging.isBehind = true;
    take(wallet, step, entry);
  }

  #lagging(step: number, entry: StepEntry): LaggingWallet | undefined {
    const known = this.#wallets.get(entry.wallet);
    if (known || this.#missing.has(entry.wallet)) return known;
    const wallet = this.#load(entry.wallet);
    if (!wallet) {
      this.#missing.add(entry.wallet);
      this.#faults.push(`wallet ${entry.wallet} of step ${step} is missing`);
      return;
    }
    const lagging = { wallet, isBehind: false, newest: entry, newestStep: step };
    this.#wallets.set(entry.wallet, lagging);
    return lagging;
  }
}

/** Whether the entry is the one behind the wallet's state. */
function continues(entry: StepEntry, wallet: Wallet): boolean {
  const isNext = entry.previous === wallet.lastStep && entry.version === wallet.version + 1;
  return (
    isNext &&
    entry.posted - entry.postedDelta === wallet.posted &&
    entry.held - entry.heldDelta === wallet.held &&
    entry.incoming - entry.incomingDelta === wallet.incoming
  );
}

/** Whether the wallet is as the entry left it. */
function isAt(wallet: Wallet, entry: StepEntry): boolean {
  const { posted, held, incoming, version, min } = entry;
  const isSameBalance = wallet.posted === posted && wallet.held === held && wallet.incoming === incoming;
  return isSameBalance && wallet.version === version && wallet.min === min;
}

function take(wallet: Wallet, step: number, entry: StepEntry): void {
  wallet.posted = entry.posted;
  wallet.held = entry.held;
  wallet.incoming = entry.incoming;
  wallet.min = entry.min;
  if (entry.max !== null) wallet.max = entry.max;
  if (entry.status !== null) wallet.status = entry.status;
  wallet.version = entry.version;
  wallet.lastStep = step;
}

function nameOf({ tenant, name }: Wallet): string {
  return `${tenant}/${name}`;
}
