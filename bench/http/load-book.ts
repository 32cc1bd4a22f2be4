// The book of a load: what every wallet must have gained or lost by what was answered as settled, what nobody knows
// yet, and what some of the wrong answers said.
// Invariant: of every request it is known what became of it: answered, or handed on to be asked for.

import type { UnansweredRequest } from "./load-plan.ts";
import type { ResponseSkim } from "./response-skim.ts";

const EXAMPLES_MAX = 5;
const EXAMPLE_CHARS_MAX = 400;
/** Requests of unknown fate that are kept; one more is a wrong answer. */
const UNANSWERED_MAX = 100_000;

/** See the file header. */
export class LoadBook {
  /** Commands that settled, each id once. */
  settled = 0;
  readonly changes: Float64Array;
  readonly unanswered: UnansweredRequest[] = [];
  readonly examples: string[] = [];

  constructor(wallets: number) {
    this.changes = new Float64Array(wallets);
  }

  /** Notes that a transfer is settled. */
  onSettled(from: number, to: number, amount: number): void {
    this.settled += 1;
    this.changes[from] = (this.changes[from] ?? 0) - amount;
    this.changes[to] = (this.changes[to] ?? 0) + amount;
  }

  /** Keeps a request whose fate is unknown. @returns what is to be said of its answer */
  onOpen(request: UnansweredRequest): "open" | "wrong" {
    if (this.unanswered.length >= UNANSWERED_MAX) return "wrong";
    this.unanswered.push(request);
    return "open";
  }

  /** Notes an answer that should not have come. */
  onWrong({ status, body }: Pick<ResponseSkim, "status" | "body">, why: string): "wrong" {
    if (this.examples.length < EXAMPLES_MAX)
      this.examples.push(`${why}: ${status} ${body.toString("utf8", 0, EXAMPLE_CHARS_MAX)}`);
    return "wrong";
  }
}

/** What an answer without success says: shed before anything happened, of unknown fate, or wrong. Never throws. */
export function failureOf(answer: Pick<ResponseSkim, "status" | "says">): "shed" | "open" | "wrong" {
  const { status } = answer;
  if (status === 202) return "open";
  if (status !== 503 && status !== 429) return "wrong";
  return answer.says('"code":"busy"') || answer.says('"code":"rate_limited"') ? "shed" : "open";
}
