// Requests that move money, one transfer or a batch of them in each.
// A batch is answered with 200 whatever became of its commands: each of them is looked at.

import { type BatchOutcome, outcomesIn } from "./http-fleet.ts";
import { failureOf, type LoadBook } from "./load-book.ts";
import type { UnansweredRequest, Verdict } from "./load-plan.ts";
import { BATCHES, TRANSFERS, TransferBytes, WalletNames } from "./request-bytes.ts";
import type { RequestLane, RequestSource, SourceParts } from "./request-lane.ts";
import type { ResponseSkim } from "./response-skim.ts";

/** Transfers in a request of `batches`. */
const BATCH_TRANSFERS = 100;
const POSTED = Buffer.from('"status":"posted"');

/** See the file header. */
export class TransferRequests implements RequestSource {
  readonly kinds = ["transfer"];
  readonly commandsPerRequest: number;
  readonly book: LoadBook;
  readonly #parts: SourceParts;
  readonly #names: WalletNames;
  readonly #isBatched: boolean;

  constructor(parts: SourceParts, isBatched: boolean) {
    this.#parts = parts;
    this.#names = new WalletNames(parts.plan.wallets);
    this.#isBatched = isBatched;
    this.book = parts.book;
    this.commandsPerRequest = isBatched ? BATCH_TRANSFERS : 1;
  }

  lane(): TransferLane | BatchLane {
    return this.#isBatched
      ? new BatchLane(this.#parts, this.#names)
      : new TransferLane(this.#parts, this.#names);
  }

  close(): void {
    // What lanes gave up is in the book.
  }
}

/** One transfer a request. */
export class TransferLane implements RequestLane {
  readonly kind = 0;
  readonly #parts: SourceParts;
  readonly #bytes: TransferBytes;
  #from = 0;
  #to = 0;

  constructor(parts: SourceParts, names: WalletNames) {
    this.#parts = parts;
    this.#bytes = new TransferBytes(parts.plan, names, parts.ids, null);
  }

  /** Wallets of the request under way. */
  get wallets(): readonly [from: number, to: number] {
    return [this.#from, this.#to];
  }

  next(): Buffer {
    const { pairs, ids } = this.#parts;
    pairs.next();
    this.#from = pairs.from;
    this.#to = pairs.to;
    this.#bytes.write(0, ids.next(), pairs.from, pairs.to, 1);
    return this.#bytes.bytes;
  }

  onAnswer(answer: ResponseSkim): Verdict {
    const { book } = this.#parts;
    if (answer.status === 201) {
      book.onSettled(this.#from, this.#to, 1);
      return "good";
    }
    const failure = failureOf(answer);
    if (failure === "open") return book.onOpen(this.#unanswered());
    return failure === "shed" ? failure : book.onWrong(answer, "transfer");
  }

  giveUp(): void {
    this.#parts.book.onOpen(this.#unanswered());
  }

  #unanswered(): UnansweredRequest {
    return {
      ...{ path: TRANSFERS, body: this.#bytes.body(), settledStatus: 201, mayConflict: false },
      changes: [
        [this.#from, -1],
        [this.#to, 1],
      ],
    };
  }
}

/** Many transfers a request. */
class BatchLane implements RequestLane {
  readonly kind = 0;
  readonly #parts: SourceParts;
  readonly #bytes: TransferBytes;
  readonly #froms = new Int32Array(BATCH_TRANSFERS);
  readonly #tos = new Int32Array(BATCH_TRANSFERS);

  constructor(parts: SourceParts, names: WalletNames) {
    this.#parts = parts;
    this.#bytes = new TransferBytes(parts.plan, names, parts.ids, BATCH_TRANSFERS);
  }

  next(): Buffer {
    const { pairs, ids } = this.#parts;
    for (let place = 0; place < BATCH_TRANSFERS; place += 1) {
      pairs.next();
      this.#froms[place] = pairs.from;
      this.#tos[place] = pairs.to;
      this.#bytes.write(place, ids.next(), pairs.from, pairs.to, 1);
    }
    return this.#bytes.bytes;
  }

  onAnswer(answer: ResponseSkim): Verdict {
    const { book } = this.#parts;
    if (answer.status === 200) return this.#onOutcomes(answer);
    const failure = failureOf(answer);
    if (failure === "open") this.giveUp();
    return failure === "wrong" ? book.onWrong(answer, "batch") : failure;
  }

  giveUp(): void {
    for (let place = 0; place < BATCH_TRANSFERS; place += 1) this.#parts.book.onOpen(this.#unanswered(place));
  }

  #onOutcomes(answer: ResponseSkim): Verdict {
    if (countOf(answer.body, POSTED) === BATCH_TRANSFERS) {
      for (let place = 0; place < BATCH_TRANSFERS; place += 1) this.#onSettled(place);
      return "good";
    }
    let worst: Verdict = "good";
    for (const [place, outcome] of outcomesOf(answer.body).entries()) {
      const verdict = this.#onOutcome(place, outcome);
      if (verdict === "wrong")
        return this.#parts.book.onWrong(answer, `batch[${place}] ${JSON.stringify(outcome)}`);
      if (worst === "good" || verdict === "open") worst = verdict === "good" ? worst : verdict;
    }
    return worst;
  }

  #onOutcome(place: number, { status, code }: BatchOutcome): Verdict {
    if (status === "posted") {
      this.#onSettled(place);
      return "good";
    }
    if (code === "busy" || code === "rate_limited") return "shed";
    return status === "pending" || status === "unknown"
      ? this.#parts.book.onOpen(this.#unanswered(place))
      : "wrong";
  }

  #onSettled(place: number): void {
    this.#parts.book.onSettled(this.#froms[place] ?? 0, this.#tos[place] ?? 0, 1);
  }

  #unanswered(place: number): UnansweredRequest {
    return {
      path: BATCHES,
      body: `{"commands":[${this.#bytes.command(place)}]}`,
      ...{ settledStatus: 200, mayConflict: false },
      changes: [
        [this.#froms[place] ?? 0, -1],
        [this.#tos[place] ?? 0, 1],
      ],
    };
  }
}

function countOf(bytes: Buffer, part: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(part); at >= 0; at = bytes.indexOf(part, at + part.length)) count += 1;
  return count;
}

function outcomesOf(body: Buffer): readonly BatchOutcome[] {
  const outcomes = outcomesIn(JSON.parse(body.toString()));
  return outcomes.length === BATCH_TRANSFERS ? outcomes : [{ status: "not one outcome for each command" }];
}
