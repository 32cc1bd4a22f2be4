// The client: one connection, one window, one lane a shard. This file owns what callers see; sending, reading and
// following events are done by sender, reader and event-feed.
//
// Invariant: no method throws or rejects with anything but a CofferError, and a rejection that nobody looks at does
// no harm; whatever became of a command is an outcome.

import type { Command } from "../protocol/command.ts";
import { decodeCursor } from "../protocol/cursor.ts";
import type { Entry, HoldView, WalletView } from "../protocol/entry.ts";
import { decodeInfo, type Info } from "../protocol/info.ts";
import type { AsOf } from "../protocol/read-answer.ts";
import { INFO_SUBJECT } from "../protocol/subject.ts";
import type { ClientOutcome, Resolution } from "./client-outcome.ts";
import type { ClientClock } from "./clock.ts";
import { type CommandInput, isRefused, type PrepareContext, prepareCommand } from "./command-input.ts";
import {
  CofferAnswerInvalid,
  CofferClosed,
  CofferClusterChanged,
  type CofferError,
  CofferOptionsInvalid,
  CofferUnreachable,
} from "./errors.ts";
import type { EventFeed, EventFeedOptions } from "./event-feed.ts";
import { EventPosition } from "./event-position.ts";
import { IdSource } from "./id-source.ts";
import { Link } from "./link.ts";
import { type CofferOptions, type CofferSettings, numberOf, settingsOf } from "./options.ts";
import { orderedOutcomes } from "./outcome-stream.ts";
import type { CommandListener } from "./pending.ts";
import { delay, idArgument, ownerArgument, Reader, walletArgument } from "./reader.ts";
import { Sender } from "./sender.ts";
import { StreamFeed } from "./stream-feed.ts";

/** Commands that `outcomes` has under way when it is not told otherwise. */
const STREAM_IN_FLIGHT = 1_000;
/** One try to ask for the installation's facts, and the pause after it, ms. */
const INFO_TRY_MS = 1_000;
const INFO_PAUSE_MS = 100;
/** How long `close` waits for commands under way when it is not told otherwise, ms. */
const CLOSE_WAIT_MS = 5_000;

/** Options of one command. */
export interface SendOptions {
  /** As of `connect`, for this command. */
  readonly deadlineMs?: number;
  /**
   * Called at most once, when the log has the command: from then on it settles for certain, though this client may
   * not hear of it. Not called when the outcome comes first. Must not throw.
   */
  readonly onAccepted?: () => void;
}

/** Options of a read. */
export interface ReadOptions {
  /** The read waits until this position of the owner's shard is applied. */
  readonly after?: number;
  /** As of `connect`, for this read. */
  readonly deadlineMs?: number;
}

/** Options of a paged read. */
export interface PageOptions extends ReadOptions {
  /** Where to go on: `next` of an earlier page. */
  readonly cursor?: string;
  /** Elements of a page; entries 1..500, holds 1..100, 50 by default. */
  readonly limit?: number;
}

/** A wallet, and the instant that it shows. */
export type WalletAt = WalletView & { readonly asOf: AsOf };

/** All wallets of an owner at one instant. */
export interface OwnerAt {
  readonly wallets: readonly WalletView[];
  readonly asOf: AsOf;
}

/** One page, newest first. `next` is the cursor of the page after, null at the end. */
export interface Page<Element> {
  readonly elements: readonly Element[];
  readonly next: string | null;
  readonly asOf: AsOf;
}

/** See the file header. Made by `connect`. */
export class Coffer {
  readonly #settings: CofferSettings;
  readonly #clock: ClientClock;
  readonly #link: Link;
  readonly #info: Info;
  readonly #sender: Sender;
  readonly #prepare: PrepareContext;
  readonly #reader: Reader;
  readonly #feeds = new Set<EventFeed>();
  #ended: CofferError | null = null;
  #closing: Promise<void> | null = null;

  private constructor(
    settings: CofferSettings,
    clock: ClientClock,
    parts: { ids: IdSource; link: Link; info: Info },
  ) {
    const { ids, link, info } = parts;
    this.#settings = settings;
    this.#clock = clock;
    this.#link = link;
    this.#info = info;
    this.#prepare = {
      tenant: settings.tenant,
      shards: info.shards,
      newId: () => ids.commandId(),
      wallMs: () => clock.wallMs(),
    };
    const common = { link, ids, tenant: settings.tenant, steadyMs: () => clock.steadyMs() };
    this.#reader = new Reader({ ...common, assertOpen: () => this.#assertOpen() });
    const ask = (command: Command, after: number) => this.#reader.ask(command, after);
    const { onProblem, onFrame } = settings;
    this.#sender = new Sender(
      { ...common, shards: info.shards, ask, onProblem, onFrame },
      settings,
      settings.server.inboxPrefix,
    );
    link.follow({
      onUp: () => this.#checkCluster(),
      onDown: () => onProblem(`disconnected: ${link.problem}`),
      onProblem: () => undefined,
    });
  }

  /** Connects; callers use `connect`, which adds the clock. Errors: as there. */
  static async open(options: CofferOptions, clock: ClientClock): Promise<Coffer> {
    const settings = settingsOf(options);
    const ids = new IdSource(clock);
    const endMs = clock.steadyMs() + settings.connectWaitMs;
    const link = await Link.open(settings.server, ids, settings.connectWaitMs);
    try {
      const info = await askInfo(link, () => clock.steadyMs() < endMs);
      return new Coffer(settings, clock, { ids, link, info });
    } catch (thrown) {
      await link.close();
      throw thrown;
    }
  }

  /**
   * Sends one command and keeps it until it is settled, sending it again after any doubt.
   * @returns its outcome (a refusal is one), or `unknown` with its id when the deadline passes: send the same command
   * with that id again, or `resolve` it. Commands for one owner are first sent in the order of these calls.
   * Errors: CofferClosed, CofferOverloaded, CofferClusterChanged, each before anything was sent.
   */
  send(command: CommandInput, options: SendOptions = {}): Promise<ClientOutcome> {
    const { promise, resolve } = Promise.withResolvers<ClientOutcome>();
    const { onAccepted } = options;
    const listener = onAccepted === undefined ? { onOutcome: resolve } : { onOutcome: resolve, onAccepted };
    try {
      this.submit(command, listener, options);
    } catch (thrown) {
      return harmless(Promise.reject(thrown));
    }
    return promise;
  }

  /**
   * Sends one command as `send` does, without a promise: for callers that have very many under way.
   * Errors, thrown: as `send` rejects; then `listener` hears nothing. A refusal for the shape is told before it returns.
   */
  submit(
    command: CommandInput,
    listener: CommandListener,
    options: { readonly deadlineMs?: number } = {},
  ): void {
    this.#assertOpen();
    const deadlineMs = this.#waitOf(options);
    const prepared = prepareCommand(command, this.#prepare);
    if (isRefused(prepared)) listener.onOutcome(prepared, this.#clock.steadyMs());
    else this.#sender.submit(prepared, deadlineMs, listener);
  }

  /** Sends many commands; resolves with their outcomes in the same order. Errors: as `send`. */
  sendMany(commands: Iterable<CommandInput>, options: SendOptions = {}): Promise<ClientOutcome[]> {
    return harmless(this.#sendMany(commands, options));
  }

  /**
   * Sends a stream of commands and yields their outcomes in the same order, at most `inFlight` (default 1,000) under
   * way. The source is read no faster than outcomes are taken. Errors: as `send`, thrown to the loop.
   */
  outcomes(
    commands: Iterable<CommandInput> | AsyncIterable<CommandInput>,
    options: SendOptions & { readonly inFlight?: number } = {},
  ): AsyncIterable<ClientOutcome> {
    return orderedOutcomes({
      commands,
      inFlightMax: numberOf("inFlight", options.inFlight, STREAM_IN_FLIGHT, 1_000_000),
      send: (command) => this.send(command, options),
      room: () => this.#sender.room(),
    });
  }

  /**
   * Finds out what became of a command: its outcome, `pending`, or `not_found` (it never reached the engine, or its
   * shape was refused). Errors: CofferUnreachable, CofferBusy, CofferOptionsInvalid, CofferClosed.
   */
  resolve(id: string, owner: string, options: ReadOptions = {}): Promise<Resolution> {
    return harmless(this.#resolve(id, owner, options));
  }

  /** Reads a wallet; null when there is none. Errors: as `resolve`. */
  wallet(wallet: string, options: ReadOptions = {}): Promise<WalletAt | null> {
    return harmless(this.#wallet(wallet, options));
  }

  /** Reads all wallets of an owner at one instant, without their `meta`. Errors: as `resolve`. */
  owner(owner: string, options: ReadOptions = {}): Promise<OwnerAt> {
    return harmless(this.#owner(owner, options));
  }

  /** Reads an owner's holds page by page, newest first. Errors: as `resolve`, thrown to the loop. */
  async *holds(owner: string, options: PageOptions = {}): AsyncGenerator<Page<HoldView>, void, undefined> {
    const name = ownerArgument(owner);
    for (let cursor = options.cursor ?? null, isFirst = true; isFirst || cursor !== null; isFirst = false) {
      const page = { cursor: cursorArgument(cursor), limit: numberOf("limit", options.limit, 50, 100) };
      const answer = await this.#reader.read(
        name,
        { get: "holds", ...page, after: afterOf(options) },
        this.#waitOf(options),
      );
      if (answer?.kind !== "holds") throw unexpected(answer);
      const { holds, next, asOf } = answer;
      yield { elements: holds, next, asOf };
      cursor = next;
    }
  }

  /** Reads a wallet's entries page by page, newest first; nothing when there is no such wallet. Errors: as `holds`. */
  async *entries(wallet: string, options: PageOptions = {}): AsyncGenerator<Page<Entry>, void, undefined> {
    const named = walletArgument(wallet);
    for (let cursor = options.cursor ?? null, isFirst = true; isFirst || cursor !== null; isFirst = false) {
      const page = { cursor: cursorArgument(cursor), limit: numberOf("limit", options.limit, 50, 500) };
      const request = { get: "entries" as const, wallet: named.wallet, ...page, after: afterOf(options) };
      const answer = await this.#reader.read(named.owner, request, this.#waitOf(options));
      if (answer === null) return;
      if (answer.kind !== "entries") throw unexpected(answer);
      const { entries, next, asOf } = answer;
      yield { elements: entries, next, asOf };
      cursor = next;
    }
  }

  /** Follows the tenant's events. Errors: CofferOptionsInvalid at once; those of EventFeed to the loop. */
  events(options: EventFeedOptions = {}): EventFeed {
    const { from = "now", isWanted = null, catchUpMax } = options;
    const start = from === "now" || from === "start" ? from : EventPosition.parse(from);
    const bound = catchUpMax === undefined ? null : numberOf("catchUpMax", catchUpMax, 1, 2 ** 31 - 1);
    const parts = {
      link: this.#link,
      tenant: this.#settings.tenant,
      assertOpen: () => this.#assertOpen(),
      isClosed: () => this.#closing !== null || this.#ended !== null,
      onProblem: this.#settings.onProblem,
      feeds: this.#feeds,
    };
    return new StreamFeed(parts, { start, isWanted, catchUpMax: bound });
  }

  /** What the engine said about the installation when this client connected: version, cluster, shards, limits. */
  info(): Info {
    return this.#info;
  }

  /** Commands that have no outcome yet. */
  get unsettled(): number {
    return this.#sender.unsettled;
  }

  /** What would suffer if this client were closed now: commands without an outcome, reads without an answer, open feeds. */
  get underWay(): number {
    return this.#sender.unsettled + this.#reader.underWay + this.#feeds.size;
  }

  /**
   * How far a shard is behind, ms, as far as this client sees: for how long the oldest command that the shard's log has
   * waited without any of this client's commands there being settled. 0 when it waits for nothing.
   */
  lagMs(shard: number): number {
    return this.#sender.lagMs(shard);
  }

  /**
   * Takes no more commands, waits up to `deadlineMs` (default 5,000) for the outcomes of those under way, ends the
   * rest as `unknown`, ends feeds, and disconnects. Calling it again waits for the same. Never rejects.
   */
  close(options: { readonly deadlineMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(numberOf("deadlineMs", options.deadlineMs, CLOSE_WAIT_MS, 2 ** 31 - 1));
    return this.#closing;
  }

  /** `await using` closes the client. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(waitMs: number): Promise<void> {
    for (const feed of this.#feeds) feed.stop();
    this.#feeds.clear();
    await this.#sender.close(waitMs);
    this.#ended ??= new CofferClosed();
    await this.#link.close();
  }

  async #sendMany(commands: Iterable<CommandInput>, options: SendOptions): Promise<ClientOutcome[]> {
    const outcomes: Promise<ClientOutcome>[] = [];
    for (const command of commands) {
      if (!this.#sender.hasRoom()) await this.#sender.room();
      outcomes.push(this.send(command, options));
    }
    return await Promise.all(outcomes);
  }

  async #resolve(id: string, owner: string, options: ReadOptions): Promise<Resolution> {
    const command = idArgument(id);
    const request = { get: "outcome" as const, id: command, after: afterOf(options) };
    const answer = await this.#reader.read(ownerArgument(owner), request, this.#waitOf(options));
    if (answer === null) return { id: command, status: "not_found" };
    if (answer.kind !== "outcome") throw unexpected(answer);
    return answer.outcome;
  }

  async #wallet(text: string, options: ReadOptions): Promise<WalletAt | null> {
    const { wallet, owner } = walletArgument(text);
    const answer = await this.#reader.read(
      owner,
      { get: "wallet", wallet, after: afterOf(options) },
      this.#waitOf(options),
    );
    if (answer === null) return null;
    if (answer.kind !== "wallet") throw unexpected(answer);
    return { ...answer.wallet, asOf: answer.asOf };
  }

  async #owner(text: string, options: ReadOptions): Promise<OwnerAt> {
    const request = { get: "owner" as const, after: afterOf(options) };
    const answer = await this.#reader.read(ownerArgument(text), request, this.#waitOf(options));
    if (answer?.kind !== "owner") throw unexpected(answer);
    return { wallets: answer.wallets, asOf: answer.asOf };
  }

  /** After a reconnect: the same cluster must answer, or nothing more may be sent. */
  #checkCluster(): void {
    askInfo(this.#link, () => this.#link.isUp && this.#ended === null)
      .then((info) => {
        if (info.cluster === this.#info.cluster && info.shards === this.#info.shards) return;
        this.#ended ??= new CofferClusterChanged(this.#info.cluster, info.cluster);
        this.#sender.giveUpAll("another cluster answers at the same address");
      })
      .catch(() => undefined);
  }

  #assertOpen(): void {
    if (this.#ended !== null) throw this.#ended;
    if (this.#closing !== null) throw new CofferClosed();
  }

  #waitOf(options: { readonly deadlineMs?: number }): number {
    return numberOf("deadlineMs", options.deadlineMs, this.#settings.deadlineMs, 2 ** 31 - 1);
  }
}

/** Asks for the installation's facts until they come or `isWanted` ends. Errors: CofferUnreachable. */
async function askInfo(link: Link, isWanted: () => boolean): Promise<Info> {
  do {
    const answer = await link.request(INFO_SUBJECT, "", INFO_TRY_MS);
    const info = answer.kind === "answer" ? decodeInfo(answer.data) : null;
    if (info?.ok) return info.value;
    if (info) throw new CofferAnswerInvalid(`The engine's facts could not be read: ${info.error}.`);
    await delay(INFO_PAUSE_MS);
  } while (isWanted());
  throw new CofferUnreachable("NATS answers, but no Coffer engine behind it does.");
}

function afterOf({ after }: ReadOptions): number | null {
  if (after === undefined) return null;
  if (!Number.isSafeInteger(after) || after < 0) throw new CofferOptionsInvalid("after: must be a position");
  return after;
}

function cursorArgument(text: string | null): readonly number[] | null {
  if (text === null) return null;
  const cursor = decodeCursor(text);
  if (cursor === undefined) throw new CofferOptionsInvalid("cursor: must be the `next` of an earlier page");
  return cursor;
}

function unexpected(answer: { readonly kind: string } | null): CofferAnswerInvalid {
  return new CofferAnswerInvalid(`The engine answered a read with ${answer?.kind ?? "nothing"}.`);
}

/** The same promise; its rejection does not count as unhandled when nobody looks at it. */
function harmless<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => undefined);
  return promise;
}
