// The sender turns commands into outcomes: it admits them through the window, hands them to the lane of their
// shard, matches what comes back, asks for what does not, and gives up at the deadline.
//
//   submit ► window ► lane ► log ► engine ► outcome ► caller
//
// PubAcks arrive on one inbox, outcomes under one result prefix of this client, each with one subscription.
// The last token of the result subject is a generation that grows whenever a command ends as unknown. An outcome
// on an older generation than a command was first published with belongs to an earlier command with the same id.
// Invariant: every submitted command ends exactly once, with an outcome or as unknown, and gives its room back.
// Failure it guards against: an unanswered command that is reported as failed and then carried out.

import type { Command } from "../protocol/command.ts";
import { encodeCommandFrame } from "../protocol/command-frame.ts";
import type { TenantName } from "../protocol/names.ts";
import type { Outcome } from "../protocol/outcome.ts";
import { decodeOutcomes } from "../protocol/outcome-codec.ts";
import { frameSubject, resultPrefix } from "../protocol/subject.ts";
import type { Resolution } from "./client-outcome.ts";
import { CofferClosed, CofferOverloaded } from "./errors.ts";
import type { IdSource } from "./id-source.ts";
import { Lane, type LaneSettings } from "./lane.ts";
import type { Link } from "./link.ts";
import { type CommandListener, Pending, type PreparedCommand } from "./pending.ts";
import { parsePubAck } from "./pub-ack.ts";
import { Window } from "./window.ts";

/** How often deadlines, overdue PubAcks and missing outcomes are looked for. */
const SWEEP_MS = 25;
/** Outcomes of one lane that are asked for at once. */
const ASKS_PER_LANE_MAX = 32;
/** The wait before an outcome is asked for again doubles up to this. */
const ASK_WAIT_MS_MAX = 15_000;

/** What a sender works with. */
export interface SenderParts {
  readonly link: Link;
  readonly ids: IdSource;
  readonly tenant: TenantName;
  readonly shards: number;
  steadyMs(): number;
  /** Asks the engine what became of a command, nothing older than a position. Never rejects; null = no answer. */
  ask(command: Command, after: number): Promise<Resolution | null>;
  onProblem(text: string): void;
  /** A frame of so many commands has left. */
  onFrame(commands: number): void;
}

/** Bounds of a sender. */
export interface SenderSettings extends LaneSettings {
  readonly windowCommands: number;
  readonly windowBytes: number;
  readonly waitingMax: number;
}

/** See the file header. */
export class Sender {
  readonly #parts: SenderParts;
  readonly #settings: SenderSettings;
  readonly #window: Window;
  readonly #lanes: readonly Lane[];
  readonly #ackInbox: string;
  readonly #resultBase: string;
  readonly #sweeping: NodeJS.Timeout;
  readonly #asking: number[];
  #generation = 1;
  #waiting: Pending[] = [];
  readonly #roomListeners: (() => void)[] = [];
  readonly #idleListeners: (() => void)[] = [];
  #isClosed = false;

  constructor(parts: SenderParts, settings: SenderSettings, inboxPrefix: string) {
    this.#parts = parts;
    this.#settings = settings;
    this.#window = new Window({ commandsMax: settings.windowCommands, bytesMax: settings.windowBytes });
    const port = {
      steadyMs: () => parts.steadyMs(),
      fraction: () => parts.ids.fraction(),
      publishFrame: (shard: number, frame: number, commands: readonly Pending[]) =>
        this.#publishFrame(shard, frame, commands),
    };
    this.#lanes = Array.from({ length: parts.shards }, (_, shard) => new Lane(shard, settings, port));
    this.#asking = this.#lanes.map(() => 0);
    this.#ackInbox = `${inboxPrefix}.${parts.ids.subjectToken()}`;
    this.#resultBase = `${resultPrefix(parts.tenant)}${parts.ids.subjectToken()}`;
    parts.link.subscribe(`${this.#ackInbox}.*.*`, (message) => this.#onPubAck(message.subject, message));
    parts.link.subscribe(`${this.#resultBase}.*`, (message) =>
      this.#onOutcomes(message.subject, message.data),
    );
    parts.link.follow({
      onUp: () => this.#eachLane((lane) => lane.onUp()),
      onDown: () => this.#eachLane((lane) => lane.onDown(parts.link.problem)),
      onProblem: (text) => parts.onProblem(text),
    });
    this.#sweeping = setInterval(() => this.#sweep(), SWEEP_MS);
  }

  /** Commands that have no outcome yet, those that wait for room included. */
  get unsettled(): number {
    return this.#window.commands + this.#waiting.length;
  }

  /** How long a shard has let commands wait that its log has, ms; see Lane. */
  lagMs(shard: number): number {
    return this.#lanes[shard]?.lagMs(this.#parts.steadyMs()) ?? 0;
  }

  /** Whether a command would go on its way at once. */
  hasRoom(): boolean {
    return this.#waiting.length === 0 && this.#window.hasRoom(0);
  }

  /** Resolves when there is room, or the sender is closed. Never rejects. */
  async room(): Promise<void> {
    while (!this.#isClosed && !this.hasRoom()) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#roomListeners.push(resolve);
      await promise;
    }
  }

  /**
   * Sends a command until it is settled; `listener` hears its outcome, or `unknown` after `deadlineMs`.
   * Errors: CofferClosed and CofferOverloaded, before anything was sent; then the listener hears nothing.
   */
  submit(prepared: PreparedCommand, deadlineMs: number, listener: CommandListener): void {
    if (this.#isClosed) throw new CofferClosed();
    const pending = new Pending(prepared, this.#parts.steadyMs() + deadlineMs, listener);
    if (this.#waiting.length === 0 && this.#window.tryTake(prepared.bytes)) {
      this.#laneOf(prepared.shard).add(pending);
    } else if (this.#waiting.length < this.#settings.waitingMax) {
      this.#waiting.push(pending);
    } else {
      throw new CofferOverloaded(this.#waiting.length);
    }
  }

  /** Takes no more commands; waits up to `waitMs` for those under way, gives up the rest. Never rejects. */
  async close(waitMs: number): Promise<void> {
    this.#isClosed = true;
    this.#tellRoom();
    if (this.unsettled > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const bound = setTimeout(resolve, waitMs);
      this.#idleListeners.push(resolve);
      await promise;
      clearTimeout(bound);
    }
    this.giveUpAll("the client was closed before an answer came");
    clearInterval(this.#sweeping);
  }

  /** Ends everything that is under way as unknown, and takes no more. */
  giveUpAll(why: string): void {
    this.#isClosed = true;
    const nowMs = this.#parts.steadyMs();
    for (const pending of this.#waiting.splice(0)) pending.giveUp(why, nowMs);
    this.#eachLane((lane) => {
      for (const pending of lane.unsettled()) this.#giveUp(lane, pending, why, nowMs);
    });
    this.#tellRoom();
    this.#tellIdle();
  }

  #publishFrame(shard: number, frame: number, commands: readonly Pending[]): boolean {
    const { link, tenant } = this.#parts;
    const bytes = encodeCommandFrame({
      reply: `${this.#resultBase}.${this.#generation}`,
      commands: commands.map((pending) => pending.command),
    });
    if (!link.publish(frameSubject(shard, tenant), bytes, `${this.#ackInbox}.${shard}.${frame}`))
      return false;
    for (const pending of commands) {
      if (pending.generation === 0) pending.generation = this.#generation;
    }
    this.#parts.onFrame(commands.length);
    return true;
  }

  #onPubAck(subject: string, message: { data: Uint8Array; headers?: { code: number } }): void {
    const tokens = subject.slice(this.#ackInbox.length + 1).split(".");
    const lane = this.#laneOf(Number(tokens[0]));
    const frame = Number(tokens[1]);
    const ack = parsePubAck(message.data, message.headers?.code ?? 0);
    if (ack.kind === "accepted") lane.onAccepted(frame, ack.position);
    else lane.onRefused(frame, ack.problem);
  }

  #onOutcomes(subject: string, data: Uint8Array): void {
    const generation = Number(subject.slice(this.#resultBase.length + 1));
    const decoded = decodeOutcomes(data);
    if (!decoded.ok) {
      this.#parts.onProblem("a message of outcomes could not be read; they will be asked for");
      return;
    }
    const nowMs = this.#parts.steadyMs();
    for (const outcome of decoded.value) {
      if (outcome.id === null) {
        this.#parts.onProblem(
          `the engine refused a whole frame: ${outcome.refusal?.code ?? "no reason given"}`,
        );
      } else {
        this.#onOutcome(outcome, generation, nowMs);
      }
    }
    this.#admit();
  }

  #onOutcome(outcome: Outcome, generation: number, nowMs: number): void {
    const lane = this.#lanes[outcome.shard];
    const pending = lane?.find(outcome.id ?? "") ?? null;
    if (lane === undefined || pending === null) return;
    if (pending.generation === 0 || generation < pending.generation) return;
    if (pending.finish(outcome, nowMs)) this.#onDone(lane, pending, nowMs);
  }

  /** @param settledMs when the shard settled it, null when it was given up */
  #onDone(lane: Lane, pending: Pending, settledMs: number | null): void {
    if (settledMs !== null) lane.onSettled(settledMs);
    this.#window.giveBack(pending.bytes);
    lane.forget(pending);
    if (this.unsettled === 0) this.#tellIdle();
  }

  /** Lets waiting commands in, in the order they came. */
  #admit(): void {
    let admitted = 0;
    for (const pending of this.#waiting) {
      if (!this.#window.tryTake(pending.bytes)) break;
      admitted += 1;
      this.#laneOf(pending.shard).add(pending);
    }
    if (admitted > 0) this.#waiting = this.#waiting.slice(admitted);
    if (this.hasRoom()) this.#tellRoom();
  }

  #sweep(): void {
    const nowMs = this.#parts.steadyMs();
    let expired = 0;
    this.#eachLane((lane) => {
      for (const pending of lane.unsettled()) {
        if (nowMs >= pending.deadlineMs) {
          this.#giveUp(lane, pending, "no outcome before the deadline", nowMs);
          expired += 1;
        } else if (pending.state === "accepted" && nowMs >= pending.askAtMs) {
          this.#askFor(lane, pending);
        }
      }
      lane.sweep(nowMs);
    });
    if (this.#waiting.some((pending) => nowMs >= pending.deadlineMs)) this.#expireWaiting(nowMs);
    if (expired > 0) this.#generation += 1;
    this.#admit();
  }

  #expireWaiting(nowMs: number): void {
    const late = this.#waiting.filter((pending) => nowMs >= pending.deadlineMs);
    this.#waiting = this.#waiting.filter((pending) => nowMs < pending.deadlineMs);
    for (const pending of late)
      pending.giveUp("no room in the window before the deadline; it was never sent", nowMs);
    if (this.unsettled === 0) this.#tellIdle();
  }

  #giveUp(lane: Lane, pending: Pending, why: string, nowMs: number): void {
    if (pending.giveUp(why, nowMs)) this.#onDone(lane, pending, null);
  }

  #askFor(lane: Lane, pending: Pending): void {
    const asking = this.#asking[lane.shard] ?? 0;
    if (pending.isAsking || asking >= ASKS_PER_LANE_MAX || !this.#parts.link.isUp) return;
    pending.isAsking = true;
    this.#asking[lane.shard] = asking + 1;
    this.#parts
      .ask(pending.command, pending.position)
      .then((resolution) => this.#onAsked(lane, pending, resolution))
      .catch((thrown: unknown) => this.#parts.onProblem(String(thrown)))
      .finally(() => {
        pending.isAsking = false;
        this.#asking[lane.shard] = (this.#asking[lane.shard] ?? 1) - 1;
      });
  }

  #onAsked(lane: Lane, pending: Pending, resolution: Resolution | null): void {
    pending.askWaitMs = Math.min(pending.askWaitMs * 2, ASK_WAIT_MS_MAX);
    const nowMs = this.#parts.steadyMs();
    pending.askAtMs = nowMs + pending.askWaitMs;
    if (resolution === null) {
      pending.problem = "accepted into the log, and the engine did not answer yet";
    } else if (resolution.status === "pending") {
      pending.problem = "accepted by the engine and not settled yet";
    } else if (resolution.status === "not_found") {
      lane.sendAgain(pending);
    } else if (pending.finish(resolution, nowMs)) {
      this.#onDone(lane, pending, nowMs);
      this.#admit();
    }
  }

  #laneOf(shard: number): Lane {
    const lane = this.#lanes[shard];
    if (lane === undefined) throw new RangeError(`no lane for shard ${shard}`);
    return lane;
  }

  #eachLane(call: (lane: Lane) => void): void {
    for (const lane of this.#lanes) call(lane);
  }

  #tellRoom(): void {
    if (this.#roomListeners.length === 0) return;
    for (const listener of this.#roomListeners.splice(0)) listener();
  }

  #tellIdle(): void {
    for (const listener of this.#idleListeners.splice(0)) listener();
  }
}
