// Sends the steps of many errands at once: those that may go now wait by shard, and leave in frames; new errands begin
// while there is room.
//
//   begin ► step ready (by shard) ► sent in a frame ► outcome ► book ► next step ready … ► errand over
//
// Invariant: an errand has at most one command under way; the fullest shard's frame leaves first.

import { encodeCommandFrame } from "../protocol/command-frame.ts";
import type { CommandId } from "../protocol/command-id.ts";
import { STATUSES } from "../protocol/outcome.ts";
import { frameSubject } from "../protocol/subject.ts";
import type { Errand, Step } from "./errand.ts";
import type { MessageSource, SourceMessage } from "./message-source.ts";
import type { StageParts } from "./stage.ts";

const REFUSED = STATUSES.indexOf("refused");
/** Errands under way for each command that may be in flight. */
const ERRANDS_A_COMMAND = 2;

interface Ready {
  readonly errand: Errand;
  readonly step: Step;
}

interface Sent extends Ready {
  readonly id: CommandId;
}

/** See the file header. */
export class ErrandSource implements MessageSource {
  readonly encoding = "frame";
  readonly #parts: StageParts;
  readonly #begin: () => Errand;
  readonly #ready: Ready[][];
  readonly #sent = new Map<number, Sent>();
  readonly #errandsMax: number;
  /** What an errand is given at its beginning, and does not look at. */
  readonly #noId: CommandId;
  #errands = 0;
  #isFinishing = false;
  crossed = 0;
  /** Outcomes that are refusals and were to be. */
  refusedAsExpected = 0;

  /** @param begin makes the next errand */
  constructor(parts: StageParts, begin: () => Errand) {
    this.#parts = parts;
    this.#begin = begin;
    this.#ready = Array.from({ length: parts.shards }, () => []);
    this.#noId = parts.ids.id(0, 0);
    const { inFlight, frameCommands } = parts.settings;
    this.#errandsMax = Math.max(1, inFlight * frameCommands * ERRANDS_A_COMMAND);
  }

  /** From now on no errand begins; those under way come to their end. */
  finish(): void {
    this.#isFinishing = true;
  }

  next(first: number, wallMs: number): SourceMessage | null {
    const { ids, reply, settings, tenant } = this.#parts;
    const shard = this.#fullest();
    const going = this.#ready[shard]?.splice(0, settings.frameCommands) ?? [];
    if (going.length === 0) return null;
    const commands = going.map(({ errand, step }, index) => {
      const id = ids.id(first + index, wallMs);
      this.#sent.set(first + index, { errand, step, id });
      if (step.isCross) this.crossed += 1;
      return step.command(id);
    });
    return {
      subject: frameSubject(shard, tenant),
      count: commands.length,
      bytes: encodeCommandFrame({ reply, commands }),
    };
  }

  onOutcome(number: number, status: number, code: string | null): boolean {
    const sent = this.#sent.get(number);
    if (sent === undefined) return false;
    this.#sent.delete(number);
    const { errand, step, id } = sent;
    const isExpected = (code ?? STATUSES[status]) === step.expected;
    if (!isExpected) {
      this.#errands -= 1;
      return false;
    }
    if (status === REFUSED) this.refusedAsExpected += 1;
    if (step.moved !== null) this.#parts.fleet.move(step.moved.from, step.moved.to, step.moved.amount);
    this.#goOn(errand, errand.next(id));
    return true;
  }

  /** The shard with the most steps that may go, after errands began until one has a full frame. */
  #fullest(): number {
    const { frameCommands } = this.#parts.settings;
    let fullest = this.#longest();
    while (
      (this.#ready[fullest]?.length ?? 0) < frameCommands &&
      !this.#isFinishing &&
      this.#errands < this.#errandsMax
    ) {
      const errand = this.#begin();
      this.#errands += 1;
      const shard = this.#goOn(errand, errand.next(this.#noId));
      if (shard !== null && this.#isLonger(shard, fullest)) fullest = shard;
    }
    return fullest;
  }

  #longest(): number {
    let longest = 0;
    for (let shard = 1; shard < this.#ready.length; shard += 1)
      if (this.#isLonger(shard, longest)) longest = shard;
    return longest;
  }

  #isLonger(shard: number, other: number): boolean {
    return (this.#ready[shard]?.length ?? 0) > (this.#ready[other]?.length ?? 0);
  }

  /** @returns the shard of the errand's next step, or null when it is over */
  #goOn(errand: Errand, { done, value }: IteratorResult<Step, void>): number | null {
    if (done || value === undefined) {
      this.#errands -= 1;
      return null;
    }
    this.#ready[value.shard]?.push({ errand, step: value });
    return value.shard;
  }
}
