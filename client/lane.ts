// A lane carries the commands of one shard into its log: it cuts frames, keeps few of them in flight, and sends
// again what it cannot be sure of.
//
//   add ► queue ► frame ► PubAck ► accepted ► outcome
//           ▲        │ error, no responders, no PubAck in time, link down
//           └────────┘ the same commands into the queue, in the order of first sends, after a pause that grows
//
// While a frame waits for its PubAck the next one grows; only full frames go out beside it. So a single caller has
// no delay, and a busy one gets few large frames, each of which costs the server one fsync.
// Invariant: a command is in the queue or in at most one frame; first sends of one owner keep their order.
// Failure it guards against: a lost PubAck that is taken for a failure (it is a doubt, and sent again).

import type { Pending } from "./pending.ts";
import { Roster } from "./roster.ts";

/** Pause after a refused frame: doubles from the first to the last, plus up to as much again at random. */
const PAUSE_MS_FIRST = 25;
const PAUSE_MS_LAST = 2_000;
/** The wait for a PubAck doubles up to this many times. */
const DOUBLINGS_MAX = 4;

/** Bounds of a lane. */
export interface LaneSettings {
  readonly frameCommands: number;
  readonly frameBytes: number;
  readonly framesInFlight: number;
  readonly ackWaitMs: number;
  readonly outcomeWaitMs: number;
}

/** What a lane needs from its sender. */
export interface LanePort {
  steadyMs(): number;
  /** Uniform in [0, 1). */
  fraction(): number;
  /** Publishes one frame; `false` when the link is down. */
  publishFrame(shard: number, frame: number, commands: readonly Pending[]): boolean;
}

interface Frame {
  readonly number: number;
  readonly commands: readonly Pending[];
  readonly doubtAtMs: number;
}

/** See the file header. */
export class Lane {
  readonly shard: number;
  readonly #settings: LaneSettings;
  readonly #port: LanePort;
  /** Everything of this shard that has no outcome yet, in the order of first sends. */
  readonly #unsettled = new Roster<Pending>();
  /** Their places, by id. */
  readonly #places = new Map<string, number>();
  /** Further commands under an id that is under way: outcomes name ids only, so they wait their turn. */
  readonly #repeats = new Map<string, Pending[]>();
  /** In flight: few, the oldest first. */
  readonly #frames: Frame[] = [];
  #queue: Pending[] = [];
  #head = 0;
  #lastFrame = 0;
  #lastOrder = 0;
  #pausedUntilMs = 0;
  #refusals = 0;
  #doubts = 0;
  #isScheduled = false;
  /** When this shard last settled one of these. */
  #settledMs = 0;

  constructor(shard: number, settings: LaneSettings, port: LanePort) {
    this.shard = shard;
    this.#settings = settings;
    this.#port = port;
  }

  /** Takes a command; it leaves with the next frame. */
  add(pending: Pending): void {
    const { id } = pending.command;
    pending.state = "queued";
    if (this.#places.has(id)) {
      const repeats = this.#repeats.get(id);
      if (repeats === undefined) this.#repeats.set(id, [pending]);
      else repeats.push(pending);
      return;
    }
    this.#lastOrder += 1;
    pending.order = this.#lastOrder;
    this.#places.set(id, this.#unsettled.enter(pending));
    this.#queue.push(pending);
    if (this.#queued >= this.#settings.frameCommands) this.pump();
    else this.#pumpSoon();
  }

  /** The command that is under way under an id. */
  find(id: string): Pending | null {
    return this.#unsettled.at(this.#places.get(id));
  }

  /** Commands without an outcome, in the order of first sends; those that wait behind the same id included. */
  unsettled(): Pending[] {
    const unsettled = this.#unsettled.list();
    for (const repeats of this.#repeats.values()) unsettled.push(...repeats);
    return unsettled;
  }

  /** The shard has settled one. */
  onSettled(nowMs: number): void {
    this.#settledMs = nowMs;
  }

  /**
   * How long the shard has let these wait, ms: since the log has the oldest of them, or since it last settled one,
   * whichever was later. 0 while the log does not have the oldest.
   */
  lagMs(nowMs: number): number {
    const { oldest } = this.#unsettled;
    if (oldest?.state !== "accepted") return 0;
    return Math.max(0, nowMs - Math.max(oldest.acceptedMs, this.#settledMs));
  }

  /** Forgets a command that is done, and lets the next one under its id go. */
  forget(pending: Pending): void {
    const { id } = pending.command;
    const repeats = this.#repeats.size === 0 ? undefined : this.#repeats.get(id);
    const place = this.#places.get(id);
    if (place !== undefined && this.#unsettled.at(place) === pending) {
      this.#unsettled.leave(place);
      this.#places.delete(id);
    } else {
      const index = repeats?.indexOf(pending) ?? -1;
      if (index >= 0) repeats?.splice(index, 1);
    }
    if (repeats === undefined || this.#places.has(id)) return;
    const next = repeats.shift();
    if (repeats.length === 0) this.#repeats.delete(id);
    if (next !== undefined) this.add(next);
  }

  /** A frame is in the log, at `position`. */
  onAccepted(frame: number, position: number): void {
    const accepted = this.#takeFrame(frame);
    if (accepted === null) return;
    this.#refusals = 0;
    this.#doubts = 0;
    const nowMs = this.#port.steadyMs();
    const askAtMs = nowMs + this.#settings.outcomeWaitMs;
    for (const pending of accepted.commands) {
      if (pending.state !== "sent") continue;
      pending.position = position;
      pending.problem = null;
      pending.askAtMs = askAtMs;
      pending.askWaitMs = this.#settings.outcomeWaitMs;
      pending.onAccepted(nowMs);
    }
    this.pump();
  }

  /** A frame was refused or had no responders: its commands go again after a pause. */
  onRefused(frame: number, problem: string): void {
    if (!this.#takeBack(frame, problem)) return;
    const pauseMs = Math.min(PAUSE_MS_FIRST * 2 ** this.#refusals, PAUSE_MS_LAST);
    this.#refusals += 1;
    this.#pausedUntilMs = this.#port.steadyMs() + pauseMs * (1 + this.#port.fraction());
  }

  /** An accepted command turned out not to be in the log: it goes again. */
  sendAgain(pending: Pending): void {
    if (pending.state !== "accepted") return;
    this.#queueAgain([pending]);
    this.#pumpSoon();
  }

  /** The link is gone: nothing that was in flight will be answered. */
  onDown(problem: string): void {
    for (const { number } of [...this.#frames]) this.#takeBack(number, problem);
  }

  /** The link is back: everything without an outcome goes again, since outcomes may have been missed. */
  onUp(): void {
    this.#frames.length = 0;
    this.#queue = [];
    this.#head = 0;
    this.#refusals = 0;
    this.#doubts = 0;
    this.#pausedUntilMs = 0;
    this.#queueAgain(this.#unsettled.list());
    this.pump();
  }

  /** Takes back frames whose PubAck is overdue, and goes on after a pause. Called every few ms. */
  sweep(nowMs: number): void {
    for (const { number, doubtAtMs } of [...this.#frames]) {
      if (nowMs < doubtAtMs) continue;
      this.#doubts += 1;
      this.#takeBack(number, "no acknowledgement from the log in time");
    }
    this.pump();
  }

  /** Cuts and publishes frames as far as the rules in the file header let it. */
  pump(): void {
    const { framesInFlight, frameCommands } = this.#settings;
    while (this.#queued > 0 && this.#frames.length < framesInFlight) {
      if (this.#frames.length > 0 && this.#queued < frameCommands) return;
      if (this.#port.steadyMs() < this.#pausedUntilMs) return;
      const start = this.#head;
      const commands = this.#cut();
      if (commands.length === 0) continue;
      this.#lastFrame += 1;
      if (!this.#port.publishFrame(this.shard, this.#lastFrame, commands)) {
        this.#head = start;
        return;
      }
      this.#compact();
      const nowMs = this.#port.steadyMs();
      for (const pending of commands) pending.onSent(nowMs);
      const ackWaitMs = this.#settings.ackWaitMs * 2 ** Math.min(this.#doubts, DOUBLINGS_MAX);
      this.#frames.push({ number: this.#lastFrame, commands, doubtAtMs: nowMs + ackWaitMs });
    }
  }

  get #queued(): number {
    return this.#queue.length - this.#head;
  }

  /** The next commands for one frame, past those that ended while they were queued. */
  #cut(): Pending[] {
    const { frameCommands, frameBytes } = this.#settings;
    const commands: Pending[] = [];
    let bytes = 0;
    for (; this.#head < this.#queue.length && commands.length < frameCommands; this.#head += 1) {
      const pending = this.#queue[this.#head];
      if (pending === undefined || pending.state !== "queued") continue;
      bytes += pending.bytes;
      if (commands.length > 0 && bytes > frameBytes) break;
      commands.push(pending);
    }
    return commands;
  }

  #compact(): void {
    if (this.#head < this.#queue.length && this.#head < 4096) return;
    this.#queue = this.#queue.slice(this.#head);
    this.#head = 0;
  }

  #takeFrame(number: number): Frame | null {
    const index = this.#frames.findIndex((frame) => frame.number === number);
    return index < 0 ? null : (this.#frames.splice(index, 1)[0] ?? null);
  }

  #takeBack(frame: number, problem: string): boolean {
    const doubted = this.#takeFrame(frame);
    if (doubted === null) return false;
    const commands = doubted.commands.filter((pending) => pending.state === "sent");
    for (const pending of commands) pending.problem = problem;
    this.#queueAgain(commands);
    return true;
  }

  /** Merges commands back into the queue; both are in the order of first sends, and so is the result. */
  #queueAgain(commands: readonly Pending[]): void {
    const rest = this.#queue.slice(this.#head);
    const merged: Pending[] = [];
    let next = 0;
    for (const pending of commands) {
      pending.state = "queued";
      for (let other = rest[next]; other !== undefined && other.order < pending.order; other = rest[next]) {
        merged.push(other);
        next += 1;
      }
      merged.push(pending);
    }
    this.#queue = merged.concat(rest.slice(next));
    this.#head = 0;
  }

  #pumpSoon(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.pump();
    });
  }
}
