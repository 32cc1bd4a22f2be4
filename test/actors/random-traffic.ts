// Seeded traffic over the shards of a lab: commands, turns of any size, frames cut anywhere, delivered late,
// twice and out of order, time that passes, units that are quarantined. One seed is one history.

import type { Command } from "../../protocol/command.ts";
import { isRefusedShape } from "../../protocol/decoded-command.ts";
import { decodeItems } from "../../protocol/item-codec.ts";
import type { PeerFrame } from "../../protocol/peer-frame.ts";
import { shardOf } from "../../protocol/shard-map.ts";
import type { ScriptLab } from "./command-script.ts";
import type { Seeded } from "./seeded.ts";
import { expect } from "./seeded.ts";
import type { LabShard } from "./shard-lab.ts";
import { TENANT } from "./test-wallets.ts";

const OWNERS = "abcdef";

/** Opens the wallets that the traffic uses: a source of money a letter and asset, funded wallets, some with bounds. */
export function openWallets(script: ScriptLab): void {
  script.run("open w:usd min*; open w:eur EUR/2 min*");
  for (const owner of OWNERS) {
    script.run(`open ${owner}:usd max4000; open ${owner}:eur EUR/2 min-20; open ${owner}:box`);
    script.run(`pay w:usd>${owner}:usd:900; pay w:eur>${owner}:eur:900; pay w:usd>${owner}:box:500`);
  }
}

/** Names of commands that later ones may be about. */
export interface Labels {
  readonly holds: readonly string[];
  readonly pays: readonly string[];
}

/** One line of the command language. */
export function randomLine(random: Seeded, label: string, { holds, pays }: Labels): string {
  const wallet = () => `${random.pick(OWNERS)}:${random.pick(["usd", "usd", "eur", "box"])}`;
  const like = (from: string) =>
    `${random.pick(OWNERS)}:${from.endsWith("eur") ? "eur" : random.pick(["usd", "box"])}`;
  const amount = () => random.below(60) + 1;
  const recent = (labels: readonly string[]) => (labels.length > 0 ? random.pick(labels.slice(-15)) : "none");
  const legs = (count: number, owner: string | null): string => {
    const parts: string[] = [];
    while (parts.length < count) {
      const from = owner === null ? wallet() : `${owner}:${random.pick(["usd", "eur", "box"])}`;
      const to = random.chance(0.05) ? wallet() : like(from);
      if (from !== to) parts.push(`${from}>${to}:${amount()}`);
    }
    return parts.join(" ");
  };
  const kind = random.below(100);
  if (kind < 30) return `${label}=pay ${legs(1, null)}`;
  if (kind < 45) return `${label}=pay ${legs(2 + random.below(3), null)}`;
  if (kind < 62)
    return `${label}=hold ${legs(random.chance(0.3) ? 2 : 1, random.pick(OWNERS))} ttl:${1 + random.below(20_000)}`;
  if (kind < 80)
    return `${label}=capture ${recent(holds)} ${random.chance(0.5) ? amount() : ""} ${random.chance(0.5) ? "keep" : ""}`;
  if (kind < 84) return `${label}=release ${recent(holds)}`;
  if (kind < 95)
    return `${label}=reverse ${recent(random.chance(0.5) ? holds : pays)} ${random.chance(0.4) ? amount() : ""}`;
  if (kind < 96) return `${label}=freeze ${wallet()}`;
  if (kind < 99) return `${label}=unfreeze ${wallet()}`;
  return `${label}=close ${wallet()}`;
}

/** See the file header. */
export class RandomTraffic {
  readonly #script: ScriptLab;
  readonly #random: Seeded;
  readonly #holds: string[] = [];
  readonly #pays: string[] = [];
  readonly #network: PeerFrame[] = [];
  readonly #commands: Command[] = [];
  readonly #quarantines: boolean;

  constructor(script: ScriptLab, random: Seeded, options: { quarantines: boolean }) {
    this.#script = script;
    this.#random = random;
    this.#quarantines = options.quarantines;
  }

  /** Does one thing. */
  step(): void {
    const random = this.#random;
    const { lab } = this.#script;
    const shard = random.pick(lab.shards);
    const kind = random.below(100);
    if (random.chance(0.04)) lab.settle();
    if (kind < 18) this.#submit();
    else if (kind < 50) this.#turn();
    else if (kind < 72) this.#cut();
    else if (kind < 94) this.#deliver();
    else if (kind < 99) lab.timeMs += random.below(300);
    else lab.timeMs += random.chance(0.1) ? 31_000 : 1000;
    if (kind >= 94) lab.tick(shard.shard);
  }

  /** Lines that are not sent, with a moment of time now and then. */
  lines(count: number): string[] {
    const lines = Array.from({ length: count }, (_, index) => this.#line(`t${index}`));
    return lines.flatMap((line) =>
      this.#random.chance(0.1) ? [line, `wait ${this.#random.below(5000)}`] : [line],
    );
  }

  /** Commands that were sent so far. */
  get commands(): readonly Command[] {
    return this.#commands;
  }

  #submit(): void {
    const random = this.#random;
    const { lab } = this.#script;
    if (random.chance(0.1) && this.#commands.length > 0) {
      lab.submit(random.pick(this.#commands));
      return;
    }
    const commands = Array.from({ length: 1 + random.below(4) }, () => this.#command());
    const [first] = commands;
    if (random.chance(0.1)) commands.push(expect(first));
    const homes = Map.groupBy(commands, ({ owner }) => shardOf(TENANT, owner, lab.shards.length));
    for (const together of homes.values()) lab.submit(...together);
  }

  #command(): Command {
    const command = this.#script.command(this.#line(`t${this.#commands.length}`));
    this.#commands.push(command);
    return command;
  }

  #line(label: string): string {
    const line = randomLine(this.#random, label, { holds: this.#holds, pays: this.#pays });
    if (line.includes("=hold")) this.#holds.push(label);
    if (line.includes("=pay")) this.#pays.push(label);
    return line;
  }

  #turn(): void {
    const busy = this.#script.lab.shards.filter(({ waiting }) => waiting > 0);
    if (busy.length === 0) return;
    const shard = this.#random.pick(busy);
    if (this.#quarantines && this.#random.chance(0.05)) this.#quarantine(shard);
    shard.turn(1 + this.#random.below(4));
  }

  /** Names a unit of the next record as one that threw. */
  #quarantine(shard: LabShard): void {
    const position = shard.file.position + 1;
    const record = expect(shard.log[position - 1]);
    if (record.kind === "commands") {
      const index = this.#random.below(record.commands.length);
      const decoded = expect(record.commands[index]);
      if (!isRefusedShape(decoded)) shard.quarantined.set(position, [{ kind: "command", index }]);
    }
    if (record.kind === "peer" && record.frame.groups.length > 0) {
      const items = record.frame.groups.flatMap((group) => {
        const decoded = decodeItems(group);
        return decoded.ok ? decoded.value : [];
      });
      const place = this.#random.below(items.length);
      const number = record.frame.before.number + 1 + place;
      if ("legs" in expect(items[place])) shard.quarantined.set(position, [{ kind: "item", number }]);
    }
  }

  /** Mostly where something is unacknowledged; from any group that is still kept. */
  #cut(): void {
    const random = this.#random;
    const { lab } = this.#script;
    const pairs = lab.shards.flatMap((shard) => lab.shards.map((other) => ({ shard, other })));
    const others = pairs.filter(({ shard, other }) => shard !== other);
    const busy = others.filter(({ shard, other }) => {
      const { acked, sent } = shard.file.ledger.pair(other.shard);
      return sent.number > acked.number;
    });
    const { shard, other } = random.pick(busy.length > 0 && random.chance(0.8) ? busy : others);
    const cuts = lab.cuts(shard.shard, other.shard);
    const start = random.below(Math.min(3, cuts.length));
    const first = expect(cuts[start]);
    const end = expect(cuts[Math.min(cuts.length - 1, start + 1 + random.below(4))]);
    this.#network.push(lab.frame(shard.shard, other.shard, { first, count: end - first }));
  }

  /** Any frame of the last ones, and sometimes it stays to be delivered again. */
  #deliver(): void {
    const random = this.#random;
    if (this.#network.length === 0) return;
    const place = random.below(this.#network.length);
    const frame = expect(this.#network[place]);
    if (random.chance(0.8)) this.#network.splice(place, 1);
    if (this.#network.length > 12) this.#network.shift();
    this.#script.lab.deliver(frame);
  }
}
