// Reads, each asked again until it is answered or its deadline passes. Reads change nothing, so asking twice is free
// of danger; `busy`, no engine and no answer are all the same here: later.

import type { Command } from "../protocol/command.ts";
import { type CommandId, parseCommandId } from "../protocol/command-id.ts";
import {
  type OwnerName,
  ownerOf,
  parseOwner,
  parseWallet,
  type TenantName,
  type WalletName,
} from "../protocol/names.ts";
import { encodeRead, type ReadRequest } from "../protocol/read.ts";
import { decodeReadAnswer, type ReadAnswer } from "../protocol/read-answer.ts";
import { getSubject } from "../protocol/subject.ts";
import type { Resolution } from "./client-outcome.ts";
import {
  CofferAnswerInvalid,
  CofferBusy,
  CofferOptionsInvalid,
  CofferReadRefused,
  CofferUnreachable,
} from "./errors.ts";
import type { IdSource } from "./id-source.ts";
import type { Link } from "./link.ts";

/** One try waits this long: the engine itself waits up to a second for a position. */
const TRY_MS = 2_500;
/** Pause between two tries: doubles from the first to the last, plus up to as much again at random. */
const PAUSE_MS_FIRST = 10;
const PAUSE_MS_LAST = 500;

/** A read that the engine answered. */
export type Answered = Exclude<ReadAnswer, { kind: "failed" }>;

/** What a reader works with. */
export interface ReaderParts {
  readonly link: Link;
  readonly ids: IdSource;
  readonly tenant: TenantName;
  steadyMs(): number;
  /** Throws when the client may not be used any more. */
  assertOpen(): void;
}

/** Asks the owners' shards. */
export class Reader {
  readonly #parts: ReaderParts;
  #underWay = 0;

  constructor(parts: ReaderParts) {
    this.#parts = parts;
  }

  /** Reads that have not ended. */
  get underWay(): number {
    return this.#underWay;
  }

  /**
   * Asks until there is an answer.
   * @returns the answer, or null when the engine says that there is no such wallet or outcome
   * Errors: CofferBusy, CofferUnreachable (at the deadline), CofferReadRefused, CofferAnswerInvalid, CofferClosed.
   */
  async read(owner: OwnerName, request: ReadRequest, deadlineMs: number): Promise<Answered | null> {
    const { ids, assertOpen, steadyMs } = this.#parts;
    const endMs = steadyMs() + deadlineMs;
    this.#underWay += 1;
    try {
      for (let pauseMs = PAUSE_MS_FIRST; ; pauseMs = Math.min(pauseMs * 2, PAUSE_MS_LAST)) {
        assertOpen();
        const answer = await this.#tryOnce(owner, request, Math.min(TRY_MS, endMs - steadyMs()));
        const isLate = answer === null || (answer.kind === "failed" && answer.code === "busy");
        if (!isLate) return settledAnswer(answer);
        const waitMs = pauseMs * (1 + ids.fraction());
        if (steadyMs() + waitMs >= endMs) throw this.#giveUp(answer);
        await delay(waitMs);
      }
    } finally {
      this.#underWay -= 1;
    }
  }

  /** Asks once what became of a command; null = no answer now. Never rejects. */
  async ask(command: Command, after: number): Promise<Resolution | null> {
    const { id, owner } = command;
    const answer = await this.#tryOnce(owner, { get: "outcome", id, after }, TRY_MS).catch(() => null);
    if (answer?.kind === "failed" && answer.code === "outcome_not_found") return { id, status: "not_found" };
    return answer?.kind === "outcome" ? answer.outcome : null;
  }

  async #tryOnce(owner: OwnerName, request: ReadRequest, waitMs: number): Promise<ReadAnswer | null> {
    const { link, tenant } = this.#parts;
    const answer = await link.request(getSubject(tenant, owner), encodeRead(request), waitMs);
    if (answer.kind !== "answer") return null;
    const decoded = decodeReadAnswer(answer.data);
    if (!decoded.ok)
      throw new CofferAnswerInvalid(`The answer to a read could not be read: ${decoded.error}.`);
    return decoded.value;
  }

  #giveUp(last: ReadAnswer | null): Error {
    if (last?.kind === "failed") return new CofferBusy(last.detail ?? "no reason given");
    const { isUp, problem } = this.#parts.link;
    if (!isUp)
      return new CofferUnreachable(`There is no connection to NATS${problem === "" ? "" : `: ${problem}`}.`);
    return new CofferUnreachable("The engine did not answer in time.");
  }
}

function settledAnswer(answer: ReadAnswer): Answered | null {
  if (answer.kind !== "failed") return answer;
  if (answer.code === "wallet_not_found" || answer.code === "outcome_not_found") return null;
  throw new CofferReadRefused(answer.code, answer.detail ?? "no reason given");
}

/** Waits. Never rejects. */
export function delay(waitMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  setTimeout(resolve, waitMs);
  return promise;
}

/** The wallet that text names, and its owner. Errors: CofferOptionsInvalid. */
export function walletArgument(text: string): { readonly wallet: WalletName; readonly owner: OwnerName } {
  const wallet = parseWallet(text);
  if (wallet === undefined) throw new CofferOptionsInvalid("wallet: must be owner:purse");
  return { wallet, owner: ownerOf(wallet) };
}

/** The owner that text names. Errors: CofferOptionsInvalid. */
export function ownerArgument(text: string): OwnerName {
  const owner = parseOwner(text);
  if (owner === undefined) throw new CofferOptionsInvalid("owner: must match [A-Za-z0-9_-]{1,64}");
  return owner;
}

/** The id that text names. Errors: CofferOptionsInvalid. */
export function idArgument(text: string): CommandId {
  const id = parseCommandId(text);
  if (id === undefined) throw new CofferOptionsInvalid("id: must be a UUID");
  return id;
}
