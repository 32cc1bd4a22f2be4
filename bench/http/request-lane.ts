// What a load sends. A source makes a lane for each connection, and keeps the book of all of them.
//
// A lane has one request under way at a time, whose bytes it writes over the last one's: names and ids are all that
// differs between two requests, and the load shares its machine with what it measures.

import type { LoadBook } from "./load-book.ts";
import type { LoadPlan, Verdict } from "./load-plan.ts";
import type { PairChoice } from "./pair-choice.ts";
import type { CommandIds } from "./request-bytes.ts";
import type { ResponseSkim } from "./response-skim.ts";

/** One connection's requests. */
export interface RequestLane {
  /** Place in the source's `kinds` of the request under way. */
  readonly kind: number;
  /** Puts the next request together. @returns all its bytes, which stay as they are until the next call */
  next(nowMs: number): Buffer;
  /** Judges the answer to it and notes in the book what it moved. */
  onAnswer(answer: ResponseSkim, nowMs: number): Verdict;
  /** The request under way gets no answer any more. */
  giveUp(): void;
}

/** See the file header. */
export interface RequestSource {
  readonly kinds: readonly string[];
  readonly commandsPerRequest: number;
  readonly book: LoadBook;
  lane(): RequestLane;
  /** Nothing is sent any more: notes in the book what is still unknown. */
  close(): void;
}

/** What sources are made with. */
export interface SourceParts {
  readonly plan: LoadPlan;
  readonly book: LoadBook;
  readonly ids: CommandIds;
  readonly pairs: PairChoice;
}
