// A short language for commands, so that a test's case is one line:
//   open a:usd [EUR/2] [min-50|min*] [max9]      pay a:usd>b:usd:10 … [if:a:usd=3]
//   hold a:usd>b:usd:10 … [ttl:1000]             capture h [10] [keep] · release h · reverse t [10]
//   freeze|unfreeze|close a:usd                  limit a:usd [min-5] [max9]          wait 1000
// `name=` in front keeps the command's id under that name, `again name=` uses it once more. Owners are single
// letters; the n-th letter of the alphabet lives on shard n mod N, under a name that hashes there.

import assert from "node:assert/strict";
import type { Command, Leg } from "../../protocol/command.ts";
import { type CommandId, parseCommandId } from "../../protocol/command-id.ts";
import type { Bound } from "../../protocol/money.ts";
import {
  type AssetName,
  type OwnerName,
  ownerOf,
  parseAsset,
  parseOwner,
  type WalletName,
} from "../../protocol/names.ts";
import type { Outcome } from "../../protocol/outcome.ts";
import { shardOf } from "../../protocol/shard-map.ts";
import { ShardLab } from "./shard-lab.ts";
import { TENANT, walletName } from "./test-wallets.ts";

const LETTERS = "abcdefghijklmnopqrstuvwxyz";

/** The n-th command id of a test. */
export function commandId(number: number): CommandId {
  const id = parseCommandId(`00000000-0000-7000-8000-${number.toString(16).padStart(12, "0")}`);
  assert.ok(id);
  return id;
}

/** The first owner's name for a letter, at or behind a suffix, that lives on the shard of that letter. */
export function ownerName(letter: string, shards: number, firstSuffix = 0): OwnerName {
  const place = LETTERS.indexOf(letter) % shards;
  for (let suffix = firstSuffix; ; suffix += 1) {
    const name = parseOwner(`${letter}${suffix}`);
    assert.ok(name);
    if (shardOf(TENANT, name, shards) === place) return name;
  }
}

/** A lab that understands the language. */
export class ScriptLab implements Disposable {
  readonly lab: ShardLab;
  readonly #ids = new Map<string, { id: CommandId; owner: OwnerName }>();
  readonly #owners = new Map<string, OwnerName>();
  #commands = 0;
  #chapter = 0;

  constructor(shards: number) {
    this.lab = new ShardLab(shards);
  }

  /** Forgets all names: from here on letters are other owners on the same shards. Cheaper than new files. */
  startChapter(): void {
    this.#ids.clear();
    this.#owners.clear();
    this.#chapter += 1;
  }

  /** Runs lines separated by `;` one after the other, settling each. @returns the last outcome */
  run(script: string): Outcome | null {
    let outcome: Outcome | null = null;
    for (const line of script.split(";").map((text) => text.trim())) {
      if (line === "") continue;
      if (line.startsWith("wait ")) this.lab.pass(Number(line.slice(5)));
      else outcome = this.lab.run(this.command(line));
    }
    return outcome;
  }

  /** The command that a line spells, with a new id unless it says `again`. */
  command(line: string): Command {
    const again = line.startsWith("again ");
    const [, label, text] = /^(?:again )?(?:(\w+)=)?(.*)$/.exec(line) ?? [];
    assert.ok(text !== undefined, line);
    const tokens = text.split(/\s+/);
    const known = again && label !== undefined ? this.#ids.get(label) : undefined;
    this.#commands += known ? 0 : 1;
    const id = known?.id ?? commandId(this.#commands);
    const command = this.#parse(id, tokens, line);
    if (label !== undefined) this.#ids.set(label, { id, owner: command.owner });
    return command;
  }

  /** A wallet of the language under its real name. */
  wallet(text: string): WalletName {
    const [letter = "", purse = ""] = text.split(":");
    return walletName(`${this.#owner(letter)}:${purse}`);
  }

  /** `posted held incoming` of a wallet. */
  balance(text: string): string {
    const { posted, held, incoming } = this.lab.wallet(this.wallet(text));
    return `${posted} ${held} ${incoming}`;
  }

  /** The recorded outcome of a named command, or `pending`. */
  recordedOf(label: string): string {
    const known = this.#ids.get(label);
    assert.ok(known, label);
    const outcome = this.lab.recorded(known.owner, known.id);
    return outcome ? this.describe(outcome) : "pending";
  }

  /** Status or code, and the detail with owners as letters. */
  describe(outcome: Outcome | null): string {
    assert.ok(outcome);
    if (outcome.status !== "refused") return outcome.status;
    return `${outcome.refusal?.code} ${this.letters(outcome.refusal?.detail ?? "")}`.trim();
  }

  /** An owner, wallet or id as the language names it. */
  letters(text: string): string {
    for (const [letter, name] of this.#owners) {
      if (text === name || text.startsWith(`${name}:`)) return text.replace(name, letter);
    }
    for (const [label, { id }] of this.#ids) if (text === id) return label;
    return text;
  }

  [Symbol.dispose](): void {
    this.lab[Symbol.dispose]();
  }

  #owner(letter: string): OwnerName {
    const name = this.#owners.get(letter) ?? ownerName(letter, this.lab.shards.length, 100 * this.#chapter);
    this.#owners.set(letter, name);
    return name;
  }

  #parse(id: CommandId, [op = "", ...rest]: readonly string[], line: string): Command {
    switch (op) {
      case "open": {
        const wallet = this.wallet(rest[0] ?? "");
        const { min, max, asset } = optionsOf(rest);
        return {
          op,
          id,
          owner: ownerOf(wallet),
          wallet,
          asset,
          min: min ?? 0n,
          max: max ?? "unlimited",
          meta: null,
        };
      }
      case "pay":
      case "hold":
        return this.#transfer(id, op, rest);
      case "capture": {
        const hold = this.#target(rest[0]);
        const amount = amountOf(rest[1]);
        return { op, id, owner: hold.owner, hold: hold.id, amount, final: !rest.includes("keep") };
      }
      case "release": {
        const hold = this.#target(rest[0]);
        return { op, id, owner: hold.owner, hold: hold.id };
      }
      case "reverse": {
        const transfer = this.#target(rest[0]);
        return { op, id, owner: transfer.owner, transfer: transfer.id, amount: amountOf(rest[1]) };
      }
      case "freeze":
      case "unfreeze":
      case "close": {
        const wallet = this.wallet(rest[0] ?? "");
        return { op, id, owner: ownerOf(wallet), wallet, reason: "test" };
      }
      case "limit": {
        const wallet = this.wallet(rest[0] ?? "");
        const { min, max } = optionsOf(rest);
        return { op, id, owner: ownerOf(wallet), wallet, min, max };
      }
      default:
        return assert.fail(line);
    }
  }

  #transfer(id: CommandId, op: "pay" | "hold", rest: readonly string[]): Command {
    const legs = rest.filter((token) => token.includes(">")).map((token) => this.#leg(token));
    const [first] = legs;
    assert.ok(first);
    const ttl = rest.find((token) => token.startsWith("ttl:"));
    const versions = rest
      .filter((token) => token.startsWith("if:"))
      .map((token): [WalletName, number] => {
        const [wallet = "", version = ""] = token.slice(3).split("=");
        return [this.wallet(wallet), Number(version)];
      });
    return {
      op: "transfer",
      id,
      owner: ownerOf(first.from),
      legs,
      holdTtlMs: op === "hold" ? Number(ttl?.slice(4) ?? 60_000) : null,
      code: null,
      ref: "lab",
      meta: null,
      ifVersion: versions.length > 0 ? versions : null,
    };
  }

  #leg(token: string): Leg {
    const [from = "", rest = ""] = token.split(">");
    const cut = rest.lastIndexOf(":");
    return {
      from: this.wallet(from),
      to: this.wallet(rest.slice(0, cut)),
      amount: BigInt(rest.slice(cut + 1)),
    };
  }

  /** Unknown names are ids that nobody used, of owner a. */
  #target(label = ""): { id: CommandId; owner: OwnerName } {
    return this.#ids.get(label) ?? { id: commandId(0xffff), owner: this.#owner("a") };
  }
}

function optionsOf(tokens: readonly string[]): { min: Bound | null; max: Bound | null; asset: AssetName } {
  const bound = (prefix: string): Bound | null => {
    const token = tokens.find((text) => text.startsWith(prefix));
    if (token === undefined) return null;
    return token === `${prefix}*` ? "unlimited" : BigInt(token.slice(prefix.length));
  };
  const asset = tokens.map(parseAsset).find((name) => name !== undefined) ?? parseAsset("USD/2");
  assert.ok(asset);
  return { min: bound("min"), max: bound("max"), asset };
}

function amountOf(text: string | undefined): bigint | null {
  return text !== undefined && /^[0-9]+$/.test(text) ? BigInt(text) : null;
}
