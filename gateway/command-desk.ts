// Sends commands for requests, and tells each request what became of its command, as soon as there is something to tell.
//
//   send ──► under way ──► accepted ──► settled
//               │              │
//               │              └─ the wait is over: pending (it settles for certain)
//               └─ the wait is over: goes on waiting for acceptance, at least ACCEPT_WAIT_MS; then unknown
//
// A request that repeats a command under way (same scope, same id, same content) is attached to it and sends nothing; one
// that repeats a command whose outcome is known is answered with that.
// The ticket of the request that brought a command is given back when the command ends, which may be long after its
// answer; those of attached requests with their answers.
// Invariants: every request is answered exactly once; a command outlives the request that brought it; every ticket that
// comes with a request is given back exactly once.
// Guards against: a false failure. `unknown` never says that a command was not carried out, `pending` is said only of
// what the log has.

import type { CommandInput } from "../client/command-input.ts";
import { type ClientOutcome, type Coffer, CofferError, type CommandListener } from "../client/mod.ts";
import { Roster } from "../client/roster.ts";
import { canonicalJson } from "../protocol/canonical-json.ts";
import type { Outcome } from "../protocol/outcome.ts";
import type { Ticket } from "./admission/tickets.ts";
import type { KnownOutcomes } from "./known-outcomes.ts";

/** How often waits that are over are looked for, while anybody waits, ms. */
const SWEEP_MS = 20;
/** Of a request that does not wait yet. */
const NO_PLACE = -1;
/** How long a request waits at least for the log to have its command, ms. */
const ACCEPT_WAIT_MS = 10_000;

/** What became of a command. */
export type DeskAnswer =
  | { readonly kind: "settled"; readonly outcome: Outcome; readonly times: CommandTimes }
  | { readonly kind: "pending" }
  | { readonly kind: "unknown"; readonly detail: string }
  /** It was never sent. */
  | { readonly kind: "busy"; readonly detail: string };

/** What an answer counts as: the code of a refusal, else the status, else why there is none yet. */
export function codeOfAnswer(answer: DeskAnswer): string {
  return answer.kind === "settled" ? (answer.outcome.refusal?.code ?? answer.outcome.status) : answer.kind;
}

/** A command in the contract's JSON form, with its `op`, an `id`, and `owner` where fields do not imply it. */
export type CommandJson = Readonly<Record<string, unknown>>;

/** One request's command. */
export interface DeskRequest {
  readonly client: Coffer;
  readonly command: CommandJson;
  /** Tenant, addressed owner and id; null when they could not be read: the command is refused for its shape then. */
  readonly scope: string | null;
  /** How long it waits for the outcome, ms; 0 = until the command is accepted. */
  readonly waitMs: number;
  /** Whether its outcome is looked for and kept: not in batches, which cost the log less and whose order counts. */
  readonly isKept?: boolean;
  /** Its place in admission, which the desk gives back. */
  readonly ticket?: Ticket;
  /** Called once. Must not throw. */
  readonly onAnswer: (answer: DeskAnswer) => void;
}

interface Waiter {
  readonly run: Run;
  readonly request: DeskRequest;
  readonly isFirst: boolean;
  readonly pendingAtMs: number;
  readonly unknownAtMs: number;
  /** Among all that wait, until it is answered. */
  place: number;
}

/** Takes tickets back: `answered` = an engine settled the command now, so its latency counts. Must not throw. */
export type TicketReturn = (ticket: Ticket, end: "answered" | "dropped") => void;

/** When a command passed each point on its way, ms; NaN = it has not been there, or nobody saw it. */
export interface CommandTimes {
  /** The first frame with it left. */
  readonly sentMs: number;
  /** The log had it. */
  readonly acceptedMs: number;
  /** Its outcome arrived. */
  readonly settledMs: number;
}

interface RunListener {
  onAccepted(run: Run): void;
  onOutcome(run: Run, outcome: ClientOutcome): void;
}

/** A command on its way, and who waits for it. It listens itself: one object a command in place of several functions. */
class Run implements CommandListener, CommandTimes {
  /** The one that brought the command. */
  readonly request: DeskRequest;
  /** Under which others find it; null when they cannot. */
  readonly scope: string | null;
  readonly waiters: Waiter[] = [];
  isAccepted = false;
  sentMs = Number.NaN;
  acceptedMs = Number.NaN;
  settledMs = Number.NaN;
  readonly #listener: RunListener;

  constructor(request: DeskRequest, scope: string | null, listener: RunListener) {
    this.request = request;
    this.scope = scope;
    this.#listener = listener;
  }

  onSent(atMs: number): void {
    this.sentMs = atMs;
  }

  onAccepted(atMs: number): void {
    this.acceptedMs = atMs;
    this.isAccepted = true;
    this.#listener.onAccepted(this);
  }

  onOutcome(outcome: ClientOutcome, atMs: number): void {
    this.settledMs = atMs;
    this.#listener.onOutcome(this, outcome);
  }
}

/** See the file header. */
export class CommandDesk {
  readonly #steadyMs: () => number;
  readonly #giveBack: TicketReturn;
  readonly #known: KnownOutcomes | null;
  readonly #runs = new Roster<Run>();
  /** Places of those that others can find, by scope. */
  readonly #places = new Map<string, number>();
  readonly #waiters = new Roster<Waiter>();
  #timer: NodeJS.Timeout | null = null;
  #stopAtMs = Number.POSITIVE_INFINITY;
  readonly #listener: RunListener = {
    onAccepted: (run) => this.#onAccepted(run),
    onOutcome: (run, outcome) => {
      const { scope, request } = run;
      if (scope !== null && request.isKept && outcome.status !== "unknown")
        this.#known?.keep(scope, request.command, outcome);
      this.#end(run, endOf(outcome), (waiter) => answerOfOutcome(outcome, waiter));
    },
  };

  constructor(
    steadyMs: () => number,
    giveBack: TicketReturn = () => undefined,
    known: KnownOutcomes | null = null,
  ) {
    this.#steadyMs = steadyMs;
    this.#giveBack = giveBack;
    this.#known = known;
  }

  /** Requests that have no answer yet. */
  get waiting(): number {
    return this.#waiters.size;
  }

  /** Sends a command, or attaches the request to the same one under way. */
  send(request: DeskRequest): void {
    const { scope, command } = request;
    const known = scope === null ? null : this.#runs.at(this.#places.get(scope));
    if (known !== null && isSame(known.request.command, command)) {
      this.#wait(known, request, false);
      return;
    }
    const isNamed = scope !== null && known === null;
    const run = new Run(request, isNamed ? scope : null, this.#listener);
    const cache = isNamed && request.isKept ? this.#known : null;
    const outcome = cache?.near(scope ?? "", command) ?? null;
    if (outcome !== null) {
      if (request.ticket !== undefined) this.#giveBack(request.ticket, "dropped");
      request.onAnswer({ kind: "settled", outcome, times: run });
      return;
    }
    if (isNamed) this.#places.set(scope, this.#runs.enter(run));
    this.#wait(run, request, true);
    const asked = cache?.far(scope ?? "", command) ?? null;
    if (asked === null) this.#submit(run);
    else
      void asked.then((found) => {
        if (found === null) this.#submit(run);
        else this.#end(run, "dropped", () => ({ kind: "settled", outcome: found, times: run }));
      });
  }

  /** Answers everybody within `waitMs`, whatever they asked for. */
  hurry(waitMs: number): void {
    this.#stopAtMs = this.#steadyMs() + waitMs;
  }

  /** Ends the timer. Whoever still waits is not answered any more. */
  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#waiters.clear();
  }

  #wait(run: Run, request: DeskRequest, isFirst: boolean): void {
    const nowMs = this.#steadyMs();
    const pendingAtMs = nowMs + request.waitMs;
    const unknownAtMs = nowMs + Math.max(request.waitMs, ACCEPT_WAIT_MS);
    if (run.isAccepted && request.waitMs === 0) {
      if (request.ticket !== undefined) this.#giveBack(request.ticket, "dropped");
      request.onAnswer({ kind: "pending" });
      return;
    }
    const waiter = { run, request, isFirst, pendingAtMs, unknownAtMs, place: NO_PLACE };
    waiter.place = this.#waiters.enter(waiter);
    run.waiters.push(waiter);
    this.#timer ??= setTimeout(() => this.#sweep(), SWEEP_MS);
  }

  #submit(run: Run): void {
    const { client, command } = run.request;
    try {
      // The client judges the shape itself, whatever the value is: its type is a promise to callers who write literals.
      client.submit(command as unknown as CommandInput, run);
    } catch (thrown) {
      const answer = answerOfError(thrown);
      this.#end(run, "dropped", () => answer);
    }
  }

  #end(run: Run, ticketEnd: "answered" | "dropped", answerOf: (waiter: Waiter) => DeskAnswer): void {
    const { scope, request, waiters } = run;
    if (scope !== null) this.#forget(scope);
    if (request.ticket !== undefined) this.#giveBack(request.ticket, ticketEnd);
    for (const waiter of waiters) this.#answer(waiter, answerOf(waiter));
    waiters.length = 0;
  }

  #forget(scope: string): void {
    const place = this.#places.get(scope);
    if (place === undefined) return;
    this.#places.delete(scope);
    this.#runs.leave(place);
  }

  #onAccepted(run: Run): void {
    if (run.waiters.some(({ request }) => request.waitMs === 0)) this.#tellPending(run);
  }

  #tellPending(run: Run): void {
    const nowMs = this.#steadyMs();
    const late = run.waiters.filter(({ pendingAtMs }) => pendingAtMs <= nowMs);
    for (const waiter of late) this.#leave(waiter, { kind: "pending" });
  }

  #sweep(): void {
    const nowMs = this.#steadyMs();
    const isStopping = nowMs >= this.#stopAtMs;
    for (const waiter of this.#waiters.list()) {
      const { run, pendingAtMs, unknownAtMs } = waiter;
      if (run.isAccepted && (isStopping || nowMs >= pendingAtMs)) this.#leave(waiter, { kind: "pending" });
      else if (isStopping || nowMs >= unknownAtMs)
        this.#leave(waiter, { kind: "unknown", detail: "not known to be accepted in time" });
    }
    this.#timer = this.#waiters.size === 0 ? null : setTimeout(() => this.#sweep(), SWEEP_MS);
  }

  #leave(waiter: Waiter, answer: DeskAnswer): void {
    const { waiters } = waiter.run;
    const index = waiters.indexOf(waiter);
    if (index >= 0) waiters.splice(index, 1);
    this.#answer(waiter, answer);
  }

  #answer(waiter: Waiter, answer: DeskAnswer): void {
    if (this.#waiters.at(waiter.place) !== waiter) return;
    this.#waiters.leave(waiter.place);
    const { request, isFirst } = waiter;
    if (!isFirst && request.ticket !== undefined) this.#giveBack(request.ticket, "dropped");
    request.onAnswer(answer);
  }
}

/** What was refused for its shape never went to an engine: its latency says nothing. */
function endOf(outcome: ClientOutcome): "answered" | "dropped" {
  return outcome.status === "unknown" || outcome.position === 0 ? "dropped" : "answered";
}

function answerOfOutcome(outcome: ClientOutcome, { run, isFirst }: Waiter): DeskAnswer {
  if (outcome.status === "unknown")
    return run.isAccepted ? { kind: "pending" } : { kind: "unknown", detail: outcome.detail };
  return {
    kind: "settled",
    outcome: isFirst || outcome.position === 0 ? outcome : { ...outcome, replayed: true },
    times: run,
  };
}

function answerOfError(thrown: unknown): DeskAnswer {
  if (thrown instanceof CofferError) return { kind: "busy", detail: thrown.message };
  return { kind: "unknown", detail: "the gateway could not send it" };
}

/** Equal as sent. A repeat that is spelled otherwise is sent after the first, and the engine compares. */
function isSame(left: CommandJson, right: CommandJson): boolean {
  return canonicalJson(left) === canonicalJson(right);
}
