/**
 * A seeded mix of commands over the wallets of many owners: opens, moves inside one shard, between two and over many,
 * holds, captures, releases, reverses and copies of earlier commands. The same seed gives the same commands.
 * Much of it is refused (funds, settled holds): refusals are outcomes too.
 */
import { SeededRandom } from "../../bench/random.ts";
import { parseOwner, parseTenant } from "../../protocol/names.ts";
import { shardOf } from "../../protocol/shard-map.ts";
import type { JsonCommand } from "./json-client.ts";

const OWNERS = 12;
const HOLD_TTLS_MS = [150, 400, 60_000] as const;
/** A capture, release or reverse names a move that is this much older, so that most have settled by then. */
const TARGET_AGE = 40;

/** The shard of an owner of tenant demo. */
export function shardOfOwner(owner: string, shards: number): number {
  const tenant = parseTenant("demo");
  const name = parseOwner(owner);
  if (!tenant || !name) throw new Error(`${owner} is no owner`);
  return shardOf(tenant, name, shards);
}

/** The first owner `<prefix><n>` that lives on a shard. */
export function ownerOnShard(prefix: string, shard: number, shards: number): string {
  for (let suffix = 0; ; suffix += 1) {
    if (shardOfOwner(`${prefix}${suffix}`, shards) === shard) return `${prefix}${suffix}`;
  }
}

/** The n-th id of a seed. */
export function idOf(seed: number, number: number): string {
  const head = (seed >>> 0).toString(16).padStart(8, "0");
  return `${head}-0000-7000-8000-${number.toString(16).padStart(12, "0")}`;
}

/** Opens a wallet; `world` ones are sources of money. */
export function openCommand(id: string, wallet: string): JsonCommand {
  const [owner = ""] = wallet.split(":");
  const min = owner === "world" ? { min: "unlimited" } : {};
  return { owner, body: { op: "open", id, wallet, asset: "USD/2", ...min } };
}

/** Moves money along legs `from>to:amount`. */
export function transferCommand(id: string, legs: readonly string[], more: object = {}): JsonCommand {
  const parsed = legs.map((leg) => {
    const [, from = "", to = "", amount = ""] = /^(.+)>(.+):(\d+)$/.exec(leg) ?? [];
    return { from, to, amount };
  });
  const [owner = ""] = (parsed[0]?.from ?? "").split(":");
  return { owner, body: { op: "transfer", id, legs: parsed, ...more } };
}

/** See the file header. */
export class CommandMix {
  readonly #seed: number;
  readonly #shards: number;
  readonly #random: SeededRandom;
  readonly #sent: JsonCommand[] = [];
  readonly #holds: JsonCommand[] = [];
  readonly #transfers: JsonCommand[] = [];
  #count = 0;
  #purses = 0;

  constructor(seed: number, shards: number) {
    this.#seed = seed;
    this.#shards = shards;
    this.#random = new SeededRandom(seed);
  }

  /** Every owner that may have a wallet. */
  get owners(): string[] {
    return ["world", ...Array.from({ length: OWNERS }, (_, index) => `owner${index}`)];
  }

  /** Opens for every owner, then money for each: published in this order they all succeed. */
  opening(): JsonCommand[] {
    const purses = this.owners.flatMap((owner) => [`${owner}:usd`, `${owner}:alt`]);
    const funding = this.owners
      .slice(1)
      .map((owner) => transferCommand(this.#id(), [`world:usd>${owner}:usd:100000`]));
    return [...purses.map((wallet) => openCommand(this.#id(), wallet)), ...funding];
  }

  /** The next commands. */
  take(count: number): JsonCommand[] {
    return Array.from({ length: count }, () => this.#next());
  }

  #next(): JsonCommand {
    const dice = this.#random.below(100);
    const command = this.#made(dice);
    this.#sent.push(command);
    return command;
  }

  #made(dice: number): JsonCommand {
    if (dice < 6) return this.#open();
    if (dice < 22) return this.#kept(this.#local());
    if (dice < 46) return this.#kept(transferCommand(this.#id(), [this.#leg(this.#owner())]));
    if (dice < 62) return this.#kept(this.#manyShards());
    if (dice < 74) return this.#hold();
    if (dice < 82) return this.#onHold("capture");
    if (dice < 87) return this.#onHold("release");
    if (dice < 95) return this.#reverse();
    return this.#sent[this.#random.below(this.#sent.length)] ?? this.#kept(this.#local());
  }

  #open(): JsonCommand {
    this.#purses += 1;
    return openCommand(this.#id(), `${this.#owner()}:p${this.#purses}`);
  }

  #local(): JsonCommand {
    const owner = this.#owner();
    const [from, to] = this.#random.below(2) === 0 ? ["usd", "alt"] : ["alt", "usd"];
    return transferCommand(this.#id(), [`${owner}:${from}>${owner}:${to}:${this.#amount()}`]);
  }

  #manyShards(): JsonCommand {
    const owner = this.#owner();
    const legs = Array.from({ length: 3 + this.#random.below(3) }, () => this.#leg(owner));
    return transferCommand(this.#id(), legs);
  }

  #hold(): JsonCommand {
    const ttlMs = HOLD_TTLS_MS[this.#random.below(HOLD_TTLS_MS.length)] ?? 60_000;
    const hold = transferCommand(this.#id(), [this.#leg(this.#owner())], { hold: { ttlMs } });
    this.#holds.push(hold);
    return hold;
  }

  #onHold(op: "capture" | "release"): JsonCommand {
    const hold = this.#oneOf(this.#holds);
    if (!hold) return this.#hold();
    const part = { amount: this.#amount(), final: this.#random.below(2) === 0 };
    const isPart = op === "capture" && this.#random.below(2) === 0;
    const body = { op, id: this.#id(), hold: hold.body.id, ...(isPart ? part : {}) };
    return { owner: hold.owner, body };
  }

  #reverse(): JsonCommand {
    const from = this.#random.below(4) === 0 ? this.#holds : this.#transfers;
    const target = this.#oneOf(from);
    if (!target) return this.#kept(this.#local());
    return { owner: target.owner, body: { op: "reverse", id: this.#id(), transfer: target.body.id } };
  }

  #oneOf(moves: readonly JsonCommand[]): JsonCommand | undefined {
    const share = moves === this.#holds ? 8 : 2;
    const settled = moves.length - Math.ceil(TARGET_AGE / share);
    return settled > 0 ? moves[this.#random.below(settled)] : undefined;
  }

  #kept(transfer: JsonCommand): JsonCommand {
    this.#transfers.push(transfer);
    return transfer;
  }

  /** A leg to another owner, mostly on another shard. */
  #leg(owner: string): string {
    const others = this.owners.slice(1).filter((other) => other !== owner);
    const far = others.filter(
      (other) => shardOfOwner(other, this.#shards) !== shardOfOwner(owner, this.#shards),
    );
    const choice = far.length > 0 && this.#random.below(5) > 0 ? far : others;
    return `${owner}:usd>${choice[this.#random.below(choice.length)]}:usd:${this.#amount()}`;
  }

  #owner(): string {
    return `owner${this.#random.below(OWNERS)}`;
  }

  #amount(): string {
    return String(1 + this.#random.below(this.#random.below(25) === 0 ? 90_000 : 900));
  }

  #id(): string {
    this.#count += 1;
    return idOf(this.#seed, this.#count);
  }
}
