// What tests of moves have in common: an installation with two connections, fresh wallets on chosen shards, and short
// ways to say what a wallet shows; at the end all must be quiet.
import { type Installation, install } from "./installation.ts";
import type { OutcomeJson } from "./json-shape.ts";
import { assertQuiet } from "./money-sums.ts";
import { type Json, newId, type OutsideCaller, ownerOn } from "./outside-caller.ts";

/** A transfer in the short form. */
export function pay(from: string, to: string, amount: number | string, more: Json = {}): Json {
  return { op: "transfer", from, to, amount: String(amount), ...more };
}

/** A transfer of several legs. */
export function legs(list: readonly (readonly [string, string, number])[], more: Json = {}): Json {
  return {
    op: "transfer",
    legs: list.map(([from, to, amount]) => ({ from, to, amount: String(amount) })),
    ...more,
  };
}

/** The owner of a wallet. */
export function ownerOf(name: string): string {
  return name.slice(0, name.indexOf(":"));
}

/** What each outcome came to. */
export function codes(outcomes: readonly OutcomeJson[]): string[] {
  return outcomes.map(({ code, status }) => code ?? status);
}

/** See the file header. */
export class Scene {
  readonly installation: Installation;
  readonly caller: OutsideCaller;
  /** Another connection: what it sees cannot be owed to the order on the caller's own. */
  readonly reader: OutsideCaller;

  private constructor(installation: Installation, caller: OutsideCaller, reader: OutsideCaller) {
    this.installation = installation;
    this.caller = caller;
    this.reader = reader;
  }

  /** Starts everything. */
  static async open(): Promise<Scene> {
    const installation = await install();
    return new Scene(installation, await installation.caller(), await installation.caller());
  }

  /** Fails unless all is quiet; ends everything. */
  async close(): Promise<void> {
    try {
      await assertQuiet(this.caller);
    } finally {
      await this.installation.stop();
    }
  }

  /** A fresh wallet on a shard; with funds from a source of its own asset on the same shard. */
  async wallet(shard: number, funds = 0, more: Json = {}): Promise<string> {
    const { caller } = this;
    const asset = String(more["asset"] ?? "USD/2");
    const purse = asset.slice(0, 3).toLowerCase();
    const wallet = `${ownerOn(shard, `o${newId().slice(-4)}`)}:${purse}`;
    await caller.must("open", { op: "open", wallet, asset, ...more });
    if (funds === 0) return wallet;
    const source = `${ownerOn(shard, "source")}:${purse}`;
    await caller.must("open", { op: "open", wallet: source, asset, min: "unlimited" });
    await caller.must("posted", pay(source, wallet, funds));
    return wallet;
  }

  /** Posted, held and incoming of wallets, as another connection sees them now. */
  async seen(...names: string[]): Promise<string[]> {
    return await Promise.all(names.map((name) => this.reader.balance(name)));
  }

  /** Kind, change of posted, change of held, newest first. */
  async history(name: string): Promise<string[]> {
    const { rows } = await this.reader.entries(name);
    return rows.map(({ kind, amount, held }) => `${kind} ${amount} ${held}`);
  }
}
