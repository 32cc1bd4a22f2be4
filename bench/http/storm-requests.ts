// A storm of duplicates: every transfer is sent COPIES times, most of them at the same moment by different connections,
// the rest many transfers later. Of some transfers one copy has another amount under the same id, so that two contents
// race for one id; and one of the late copies has it again.
//
//   a b c d e f g h  at once      i j  later       amount: mostly 1; every 4th transfer: c and j have 2
//
// Invariant that is proved: of an id one content moves money once; every answer to that content is the same text but
// for `replayed`, at most one of them is the first; the other content is refused with `id_conflict`.

import { failureOf, type LoadBook } from "./load-book.ts";
import type { Verdict } from "./load-plan.ts";
import { TRANSFERS, TransferBytes, WalletNames } from "./request-bytes.ts";
import type { RequestLane, RequestSource, SourceParts } from "./request-lane.ts";
import type { ResponseSkim } from "./response-skim.ts";

/** How often each transfer is sent. */
export const COPIES = 10;
/** Of them at the same moment. */
const AT_ONCE = 8;
/** After how many further transfers the rest is sent. */
const LATER_TRANSFERS = 200;
/** One transfer of so many has altered copies. */
const ALTERED_EACH = 4;
/** Copies of such a one that are altered. */
const ALTERED_COPIES: readonly number[] = [2, 9];
const CONFLICT = '"code":"id_conflict"';

/** One transfer with all its copies. */
interface StormTransfer {
  readonly number: number;
  readonly from: number;
  readonly to: number;
  readonly isAltered: boolean;
  sent: number;
  /** Copies without an answer, those that are not sent yet included. */
  left: number;
  /** What moved; null = no copy was answered with success yet. */
  amount: number | null;
  /** The answer of those, as a replay. */
  text: string;
  /** How many of them said that they were the first. */
  firsts: number;
  /** Amounts that were refused. */
  readonly refused: Set<number>;
  /** Amounts of copies that got no answer. */
  readonly lost: Set<number>;
}

/** See the file header. */
export class StormRequests implements RequestSource {
  readonly kinds = ["transfer"];
  readonly commandsPerRequest = 1;
  readonly book: LoadBook;
  readonly #parts: SourceParts;
  readonly #names: WalletNames;
  /** Those whose late copies are still to be sent, oldest first; then those that still wait for answers. */
  readonly #open: StormTransfer[] = [];
  readonly #waiting = new Set<StormTransfer>();
  #current: StormTransfer | null = null;

  constructor(parts: SourceParts) {
    this.#parts = parts;
    this.#names = new WalletNames(parts.plan.wallets);
    this.book = parts.book;
  }

  lane(): RequestLane {
    return new StormLane(this, new TransferBytes(this.#parts.plan, this.#names, this.#parts.ids, null));
  }

  /** The transfer that the next request is a copy of. */
  take(): StormTransfer {
    const current = this.#current;
    if (current !== null && current.sent < AT_ONCE) return current;
    const oldest = this.#open[0];
    if (oldest !== undefined && this.#open.length > LATER_TRANSFERS) {
      if (oldest.sent === COPIES - 1) this.#open.shift();
      return oldest;
    }
    this.#current = this.#made();
    this.#open.push(this.#current);
    this.#waiting.add(this.#current);
    return this.#current;
  }

  /** Judges the answer to a copy. */
  onAnswer(transfer: StormTransfer, amount: number, answer: ResponseSkim): Verdict {
    const { book } = this;
    this.#onDone(transfer);
    if (answer.status === 201) return this.#onSettled(transfer, amount, answer);
    if (answer.status === 422 && answer.says(CONFLICT)) {
      transfer.refused.add(amount);
      const isRight = transfer.isAltered && transfer.amount !== amount && transfer.refused.size === 1;
      return isRight ? "good" : book.onWrong(answer, `storm ${amount}, moved ${transfer.amount}`);
    }
    const failure = failureOf(answer);
    if (failure === "open") transfer.lost.add(amount);
    return failure === "wrong" ? book.onWrong(answer, "storm") : failure;
  }

  /** A copy got no answer. */
  onLost(transfer: StormTransfer, amount: number): void {
    transfer.lost.add(amount);
    this.#onDone(transfer);
  }

  close(): void {
    for (const transfer of this.#waiting) this.#handOn(transfer);
    this.#waiting.clear();
  }

  #made(): StormTransfer {
    const { pairs, ids } = this.#parts;
    pairs.next();
    const number = ids.next();
    return {
      ...{ number, from: pairs.from, to: pairs.to, isAltered: number % ALTERED_EACH === 0 },
      ...{ sent: 0, left: COPIES, amount: null, text: "", firsts: 0 },
      ...{ refused: new Set<number>(), lost: new Set<number>() },
    };
  }

  #onDone(transfer: StormTransfer): void {
    transfer.left -= 1;
    if (transfer.left > 0) return;
    // Answered in full, or its fate is asked for at the end.
    if (transfer.lost.size === 0) this.#waiting.delete(transfer);
  }

  #onSettled(transfer: StormTransfer, amount: number, answer: ResponseSkim): Verdict {
    const { book } = this;
    const said = answer.body.toString();
    const text = said.replace('"replayed":false', '"replayed":true');
    if (text !== said) transfer.firsts += 1;
    if (transfer.amount === null) {
      transfer.amount = amount;
      transfer.text = text;
      book.onSettled(transfer.from, transfer.to, amount);
    }
    const isSame = transfer.amount === amount && transfer.text === text;
    const isRight = isSame && transfer.firsts <= 1 && !transfer.refused.has(amount);
    return isRight ? "good" : book.onWrong(answer, `storm ${amount}, first answer ${transfer.text}`);
  }

  /** What was sent and nobody saw settled is asked for, each content by itself. */
  #handOn({ amount: moved, number, from, to, lost }: StormTransfer): void {
    if (moved !== null) return;
    const { plan, ids } = this.#parts;
    for (const amount of lost) {
      const bytes = new TransferBytes(plan, this.#names, ids, null);
      bytes.write(0, number, from, to, amount);
      this.book.onOpen({
        ...{ path: TRANSFERS, body: bytes.body(), settledStatus: 201, mayConflict: lost.size > 1 },
        changes: [
          [from, -amount],
          [to, amount],
        ],
      });
    }
  }
}

/** One connection's copies. */
class StormLane implements RequestLane {
  readonly kind = 0;
  readonly #source: StormRequests;
  readonly #bytes: TransferBytes;
  #transfer: StormTransfer | null = null;
  #amount = 1;

  constructor(source: StormRequests, bytes: TransferBytes) {
    this.#source = source;
    this.#bytes = bytes;
  }

  next(): Buffer {
    const transfer = this.#source.take();
    this.#amount = transfer.isAltered && ALTERED_COPIES.includes(transfer.sent) ? 2 : 1;
    transfer.sent += 1;
    this.#transfer = transfer;
    this.#bytes.write(0, transfer.number, transfer.from, transfer.to, this.#amount);
    return this.#bytes.bytes;
  }

  onAnswer(answer: ResponseSkim): Verdict {
    return this.#transfer === null ? "wrong" : this.#source.onAnswer(this.#transfer, this.#amount, answer);
  }

  giveUp(): void {
    if (this.#transfer !== null) this.#source.onLost(this.#transfer, this.#amount);
  }
}
