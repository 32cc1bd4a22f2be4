// The wallets of a turn's plain transfers, looked up before the commands are applied, so that each is looked up once.
// Only a matter of speed: whatever is not in here, or not found by it, is looked up by name.
//
// Commands are applied in the order in which they were put in, so that a claim finds its place by going on from the
// last one. Invariants: no wallet is put away while its turn lasts, and a rollback empties this; so what was found
// stays the live actor. Names are kept as the commands hold them: the same string in memory is told by its address.

import type { Wallet } from "../actors/wallet.ts";
import type { WalletCache } from "../actors/wallet-cache.ts";
import type { CommandId } from "../protocol/command-id.ts";
import type { TenantName, WalletName } from "../protocol/names.ts";

/** Commands of one turn; what is beyond is looked up one by one. */
const COMMANDS_MAX = 16 * 1024;
/** Places that a claim looks ahead: commands between that were refused before their claim. */
const AHEAD_MAX = 64;

/** A wallet that was not in memory when it was put in. */
interface Missing {
  readonly tenant: TenantName;
  /** Its place among the names. */
  readonly at: number;
}

/** See the file header. */
export class TurnWallets {
  readonly #ids: (CommandId | undefined)[] = [];
  /** Two of each command. */
  readonly #names: (WalletName | undefined)[] = [];
  readonly #wallets: (Wallet | undefined)[] = [];
  #missing: Missing[] = [];
  /** Commands in it: the arrays stay as long as they were, because growing them again costs more than emptying them. */
  #count = 0;
  #next = 0;
  /** The command that is being applied, or -1. */
  #place = -1;

  /** Puts a transfer in; a wallet that is not in memory is undefined. */
  push(
    tenant: TenantName,
    id: CommandId,
    names: { readonly from: WalletName; readonly to: WalletName },
    from: Wallet | undefined,
    to: Wallet | undefined,
  ): void {
    const place = this.#count;
    if (place === COMMANDS_MAX) return;
    const at = place * 2;
    if (from === undefined) this.#missing.push({ tenant, at });
    if (to === undefined) this.#missing.push({ tenant, at: at + 1 });
    this.#ids[place] = id;
    this.#names[at] = names.from;
    this.#names[at + 1] = names.to;
    this.#wallets[at] = from;
    this.#wallets[at + 1] = to;
    this.#count += 1;
  }

  /** Takes in what was loaded since. */
  fill(loaded: Pick<WalletCache, "peek">): void {
    for (const { tenant, at } of this.#missing) {
      const name = this.#names[at];
      if (name !== undefined) this.#wallets[at] = loaded.peek(tenant, name);
    }
    this.#missing = [];
  }

  /** Begins with the first command again. */
  rewind(): void {
    this.#next = 0;
    this.#place = -1;
  }

  /** Goes on to the command with the id, if it is at or behind the last one. */
  seek(id: CommandId): void {
    const end = Math.min(this.#count, this.#next + AHEAD_MAX);
    this.#place = -1;
    for (let place = this.#next; place < end; place += 1) {
      if (this.#ids[place] !== id) continue;
      this.#place = place;
      this.#next = place + 1;
      return;
    }
  }

  /** A wallet of the command that is being applied; `undefined` says nothing. */
  find(tenant: TenantName, name: WalletName): Wallet | undefined {
    if (this.#place < 0) return;
    const at = this.#place * 2;
    let wallet: Wallet | undefined;
    if (this.#names[at] === name) wallet = this.#wallets[at];
    else if (this.#names[at + 1] === name) wallet = this.#wallets[at + 1];
    return wallet?.tenant === tenant ? wallet : undefined;
  }

  /** Empties it: the turn ended. */
  clear(): void {
    this.#ids.fill(undefined, 0, this.#count);
    this.#names.fill(undefined, 0, this.#count * 2);
    this.#wallets.fill(undefined, 0, this.#count * 2);
    this.#missing = [];
    this.#count = 0;
    this.rewind();
  }
}
