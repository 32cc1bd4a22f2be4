// Messages of plain transfers with one leg: the shards take turns, a choice names the two wallets of each.
// Notes in the fleet's book what each transfer moves, and counts those whose wallets lie on two shards.

import { assert } from "../protocol/assert.ts";
import { frameSubject } from "../protocol/subject.ts";
import type { MessageSource, SourceMessage } from "./message-source.ts";
import type { StageParts } from "./stage.ts";
import type { TransferChoice } from "./transfer-choice.ts";
import { AMOUNT_MAX, TransferFrame } from "./transfer-frame.ts";

/** Frames of transfers that start on one of `shards` each, in turn. */
export class TransferSource implements MessageSource {
  readonly encoding = "frame";
  readonly #parts: StageParts;
  readonly #choice: TransferChoice;
  readonly #shards: readonly number[];
  readonly #subjects: readonly string[];
  readonly #frame: TransferFrame;
  #frames = 0;
  crossed = 0;

  /** @param shards on which the transfers start */
  constructor(parts: StageParts, shards: readonly number[], choice: TransferChoice) {
    assert(shards.length > 0, "a transfer starts on some shard");
    const { ids, reply, settings, fleet, tenant } = parts;
    this.#parts = parts;
    this.#choice = choice;
    this.#shards = shards;
    this.#subjects = shards.map((shard) => frameSubject(shard, tenant));
    choice.next(shards[0] ?? 0);
    const sample = [fleet.party(choice.from), fleet.party(choice.to)] as const;
    this.#frame = new TransferFrame(ids, { reply, count: settings.frameCommands }, sample);
  }

  next(first: number, wallMs: number): SourceMessage {
    const { fleet, random } = this.#parts;
    const turn = this.#frames % this.#shards.length;
    this.#frames += 1;
    const frame = this.#frame;
    const choice = this.#choice;
    const shard = this.#shards[turn] ?? 0;
    const bytes = frame.copy(wallMs);
    for (let index = 0; index < frame.count; index += 1) {
      choice.next(shard);
      const { from, to } = choice;
      const amount = 1 + random.below(AMOUNT_MAX);
      fleet.move(from, to, amount);
      if (fleet.shardOf(to) !== shard) this.crossed += 1;
      frame.write(bytes, index, {
        number: first + index,
        from: fleet.serialOf(from),
        to: fleet.serialOf(to),
        amount,
      });
    }
    return { subject: this.#subjects[turn] ?? "", count: frame.count, bytes };
  }
}
