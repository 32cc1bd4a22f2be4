// Reads of balances from a cache, and now and then a transfer between the same wallets, so that what is cached changes.
//
// Every answer is parsed and judged: it is of the wallet that was asked for, not older than AGE_SECONDS_MAX says it may
// be, and not older than it says itself: no version is lower than what anybody had seen that long before.
// Guards against: a cache that is fast because it forgets to look.

import { failureOf, type LoadBook } from "./load-book.ts";
import type { Verdict } from "./load-plan.ts";
import { requestHead, WalletNames } from "./request-bytes.ts";
import type { RequestLane, RequestSource, SourceParts } from "./request-lane.ts";
import type { ResponseSkim } from "./response-skim.ts";
import { SeenVersions } from "./seen-versions.ts";
import { TransferLane } from "./transfer-requests.ts";

/** Of 100 requests so many are transfers. */
const TRANSFERS_PERCENT = 5;
/** Greatest `Age` of a cached answer, s. */
const AGE_SECONDS_MAX = 5;
/** `Age` is told in whole seconds. */
const AGE_ROUNDED_MS = 1_000;
const READ = 0;
const TRANSFER = 1;

/** See the file header. */
export class ReadRequests implements RequestSource {
  readonly kinds = ["read", "transfer"];
  readonly commandsPerRequest = 1;
  readonly book: LoadBook;
  readonly #parts: SourceParts;
  readonly #names: WalletNames;
  readonly #seen: SeenVersions;

  constructor(parts: SourceParts) {
    this.#parts = parts;
    this.#names = new WalletNames(parts.plan.wallets);
    this.#seen = new SeenVersions(parts.plan.wallets.length);
    this.book = parts.book;
  }

  lane(): RequestLane {
    return new ReadLane(this.#parts, this.#names, this.#seen);
  }

  close(): void {
    // What lanes gave up is in the book.
  }
}

class ReadLane implements RequestLane {
  kind = READ;
  readonly #parts: SourceParts;
  readonly #names: WalletNames;
  readonly #seen: SeenVersions;
  readonly #transfers: TransferLane;
  readonly #bytes: Buffer;
  readonly #nameAt: number;
  #wallet = 0;
  #sentMs = 0;

  constructor(parts: SourceParts, names: WalletNames, seen: SeenVersions) {
    this.#parts = parts;
    this.#names = names;
    this.#seen = seen;
    this.#transfers = new TransferLane(parts, names);
    const path = "/v1/wallets/";
    const name = "x".repeat(names.width);
    const head = requestHead("GET", `${path}${name}?consistency=cached`, parts.plan);
    this.#bytes = Buffer.from(`${head}\r\n`, "latin1");
    this.#nameAt = head.indexOf(path) + path.length;
  }

  next(nowMs: number): Buffer {
    const { random } = this.#parts.pairs;
    this.#sentMs = nowMs;
    this.kind = random.below(100) < TRANSFERS_PERCENT ? TRANSFER : READ;
    if (this.kind === TRANSFER) return this.#transfers.next();
    this.#wallet = random.below(this.#parts.plan.wallets.length);
    this.#names.write(this.#bytes, this.#nameAt, this.#wallet);
    return this.#bytes;
  }

  onAnswer(answer: ResponseSkim, nowMs: number): Verdict {
    const { book } = this.#parts;
    if (this.kind === TRANSFER) {
      if (answer.status === 201) this.#noteBalances(answer, nowMs);
      return this.#transfers.onAnswer(answer);
    }
    if (answer.status !== 200) return failureOf(answer) === "shed" ? "shed" : book.onWrong(answer, "read");
    const { wallet, version } = walletIn(answer.body);
    const age = Number(answer.header("age") ?? 0);
    const notBefore = this.#sentMs - age * 1_000 - AGE_ROUNDED_MS;
    const least = this.#seen.leastAt(this.#wallet, notBefore);
    const isKnown = wallet === this.#parts.plan.wallets[this.#wallet] && version >= 1;
    if (!isKnown || !(age <= AGE_SECONDS_MAX) || version < least)
      return book.onWrong(answer, `read of age ${age}, at least version ${least}`);
    this.#seen.note(this.#wallet, version, nowMs);
    return "good";
  }

  giveUp(): void {
    if (this.kind === TRANSFER) this.#transfers.giveUp();
  }

  /** What a transfer was answered with is seen too. */
  #noteBalances({ body }: ResponseSkim, nowMs: number): void {
    const { balances }: { balances?: Record<string, { version?: unknown }> } = JSON.parse(body.toString());
    for (const wallet of this.#transfers.wallets) {
      const version = balances?.[this.#parts.plan.wallets[wallet] ?? ""]?.version;
      if (typeof version === "string") this.#seen.note(wallet, Number(version), nowMs);
    }
  }
}

function walletIn(body: Buffer): { readonly wallet: string; readonly version: number } {
  const { wallet, version }: { wallet?: unknown; version?: unknown } = JSON.parse(body.toString());
  return { wallet: String(wallet), version: Number(version) };
}
