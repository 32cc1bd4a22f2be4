// Plain transfers in JSON, one a message, written into copies of one template; the shards take turns.
// Notes in the fleet's book what each transfer moves, and counts those whose wallets lie on two shards.
// Does not own the template (transfer-json.ts) nor the choice of wallets (transfer-choice.ts).

import { commandSubject } from "../protocol/subject.ts";
import type { MessageSource, SourceMessage } from "./message-source.ts";
import type { StageParts } from "./stage.ts";
import type { TransferChoice } from "./transfer-choice.ts";
import { JSON_AMOUNT_MAX, JSON_AMOUNT_MIN, TransferJson } from "./transfer-json.ts";

/** See the file header. */
export class SingleTransferSource implements MessageSource {
  readonly encoding = "json";
  readonly #parts: StageParts;
  readonly #choice: TransferChoice;
  readonly #shards: readonly number[];
  readonly #json: TransferJson;
  /** By the number of the wallet that pays; made when first needed. */
  readonly #subjects: (string | undefined)[] = [];
  #messages = 0;
  crossed = 0;

  /** @param shards on which the transfers start */
  constructor(parts: StageParts, shards: readonly number[], choice: TransferChoice) {
    this.#parts = parts;
    this.#choice = choice;
    this.#shards = shards;
    choice.next(shards[0] ?? 0);
    const sample = [parts.fleet.party(choice.from), parts.fleet.party(choice.to)] as const;
    this.#json = new TransferJson(parts.ids, sample);
  }

  next(number: number, wallMs: number): SourceMessage {
    const { fleet, random } = this.#parts;
    const shard = this.#shards[this.#messages % this.#shards.length] ?? 0;
    this.#messages += 1;
    this.#choice.next(shard);
    const { from, to } = this.#choice;
    const amount = JSON_AMOUNT_MIN + random.below(JSON_AMOUNT_MAX - JSON_AMOUNT_MIN + 1);
    fleet.move(from, to, amount);
    if (fleet.shardOf(to) !== shard) this.crossed += 1;
    const transfer = { number, from: fleet.serialOf(from), to: fleet.serialOf(to), amount };
    return { subject: this.#subjectOf(from), count: 1, bytes: this.#json.message(transfer, wallMs) };
  }

  #subjectOf(from: number): string {
    const known = this.#subjects[from];
    if (known !== undefined) return known;
    const { fleet, tenant } = this.#parts;
    const made = commandSubject(tenant, fleet.party(from).owner);
    this.#subjects[from] = made;
    return made;
  }
}
