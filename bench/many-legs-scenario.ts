// Scenario `many-legs`: transfers of 16 to 64 legs, as a payroll or a settlement run sends them; half of them within one
// shard, half over all shards (or the share that the settings ask for). All legs of a transfer or none.

import type { Leg } from "../protocol/command.ts";
import { encodeCommandFrame } from "../protocol/command-frame.ts";
import { ownerOf } from "../protocol/names.ts";
import { frameSubject } from "../protocol/subject.ts";
import type { MessageSource, SourceMessage } from "./message-source.ts";
import type { Scenario } from "./scenario.ts";
import { USUAL_DEFAULTS } from "./scenario.ts";
import type { StageParts } from "./stage.ts";
import { GlobalChoice, LocalChoice, shardsOf, type TransferChoice } from "./transfer-choice.ts";
import { AMOUNT_MAX } from "./transfer-frame.ts";

const LEGS_MIN = 16;
const LEGS_MAX = 64;
const CROSS_SHARE = 0.5;

/** See the file header. */
export const manyLegsScenario: Scenario = {
  name: "many-legs",
  title: "transfers of 16 to 64 legs, within one shard and over all",
  defaults: { ...USUAL_DEFAULTS, frameCommands: 10, inFlight: 32 },
  run: async (stage) => {
    const source = new ManyLegsSource(stage.parts);
    await stage.warmUp(source);
    const legsBefore = source.legs;
    const { seconds } = await stage.load(source);
    const legs = source.legs - legsBefore;
    return { legs, legsPerSecond: seconds > 0 ? Math.round(legs / seconds) : 0 };
  },
};

/** Frames of transfers with many legs; the shards take turns. */
class ManyLegsSource implements MessageSource {
  readonly encoding = "frame";
  readonly #parts: StageParts;
  readonly #shards: readonly number[];
  readonly #local: TransferChoice;
  readonly #global: TransferChoice | null;
  readonly #crossShare: number;
  #frames = 0;
  crossed = 0;
  legs = 0;

  constructor(parts: StageParts) {
    this.#parts = parts;
    this.#shards = shardsOf(parts.fleet);
    this.#crossShare = parts.settings.crossShare ?? (this.#shards.length > 1 ? CROSS_SHARE : 0);
    this.#local = new LocalChoice(parts, 0);
    this.#global = this.#crossShare > 0 ? new GlobalChoice(parts) : null;
  }

  next(first: number, wallMs: number): SourceMessage {
    const { ids, reply, settings, tenant } = this.#parts;
    const shard = this.#shards[this.#frames % this.#shards.length] ?? 0;
    this.#frames += 1;
    const rest = { holdTtlMs: null, code: null, ref: null, meta: null, ifVersion: null };
    const commands = Array.from({ length: settings.frameCommands }, (_, index) => {
      const [head, ...others] = this.#legsFrom(shard);
      const owner = ownerOf(head.from);
      const legs = [head, ...others];
      return { op: "transfer" as const, id: ids.id(first + index, wallMs), owner, legs, ...rest };
    });
    const bytes = encodeCommandFrame({ reply, commands });
    return { subject: frameSubject(shard, tenant), count: commands.length, bytes };
  }

  /** The legs of one transfer that starts on a shard, noted in the book. */
  #legsFrom(shard: number): readonly [Leg, ...Leg[]] {
    const { random } = this.#parts;
    const global = random.next32() < this.#crossShare * 0x1_0000_0000 ? this.#global : null;
    const more = LEGS_MIN + random.below(LEGS_MAX - LEGS_MIN + 1) - 1;
    const head = this.#leg(global ?? this.#local, shard);
    const others = Array.from({ length: more }, () => {
      const payers = this.#shards[random.below(this.#shards.length)] ?? shard;
      return this.#leg(global ?? this.#local, global === null ? shard : payers);
    });
    this.legs += more + 1;
    if (global !== null) this.crossed += 1;
    return [head, ...others];
  }

  #leg(choice: TransferChoice, shard: number): Leg {
    const { fleet, random } = this.#parts;
    choice.next(shard);
    const { from, to } = choice;
    const amount = 1 + random.below(AMOUNT_MAX);
    fleet.move(from, to, amount);
    return { from: fleet.party(from).wallet, to: fleet.party(to).wallet, amount: BigInt(amount) };
  }
}
