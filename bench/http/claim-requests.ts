// A burst of claims on one campaign: every owner claims once, one after the other, and when all have done so, again. The
// budget is enough for half of them, so it ends in the middle of the run.
//
// The first wallet is the campaign's, all others are the claimants'. A claim that is answered as granted has moved money
// once, whoever asks again gets the same grant; one that the engine refused is never granted; one that is turned away
// early may be either, and its owner comes back in the next round of all owners.

import { failureOf, type LoadBook } from "./load-book.ts";
import type { LoadPlan, UnansweredRequest, Verdict } from "./load-plan.ts";
import { requestHead, WalletNames } from "./request-bytes.ts";
import type { RequestLane, RequestSource, SourceParts } from "./request-lane.ts";
import type { ResponseSkim } from "./response-skim.ts";

/** What is known of a claimant. */
const [GRANTED, REFUSED] = [1, 2];

/** How much a claim is, and how many there is money for. */
export interface ClaimTerms {
  readonly amount: number;
  readonly budgetClaims: number;
}

/** The terms of a load with so many wallets, the campaign's included. @param funds what that one has */
export function claimTerms(wallets: number, funds: number): ClaimTerms {
  const amount = Math.floor(funds / Math.max(1, Math.floor((wallets - 1) / 2)));
  return { amount, budgetClaims: Math.floor(funds / amount) };
}

/** The name of the campaign of a load. */
export function campaignId({ token }: Pick<LoadPlan, "token">): string {
  return `bench-${token}`;
}

/** See the file header. */
export class ClaimRequests implements RequestSource {
  readonly kinds = ["claim"];
  readonly commandsPerRequest = 1;
  readonly book: LoadBook;
  readonly #parts: SourceParts;
  readonly #owners: WalletNames;
  readonly #id: string;
  readonly #amount: number;
  /** Of each wallet. */
  readonly #known: Uint8Array;
  #claimant = 0;

  /** @param funds what the campaign's wallet has */
  constructor(parts: SourceParts, funds: number) {
    const { wallets } = parts.plan;
    this.#parts = parts;
    this.#owners = new WalletNames(wallets.map((wallet) => wallet.slice(0, wallet.indexOf(":"))));
    this.#id = campaignId(parts.plan);
    this.#amount = claimTerms(wallets.length, funds).amount;
    this.#known = new Uint8Array(wallets.length);
    this.book = parts.book;
  }

  lane(): RequestLane {
    return new ClaimLane(this, this.#parts.plan, this.#owners, this.#id);
  }

  /** The next owner. */
  take(): number {
    this.#claimant = (this.#claimant % (this.#known.length - 1)) + 1;
    return this.#claimant;
  }

  /** Judges the answer to a claim. */
  onAnswer(claimant: number, answer: ResponseSkim): Verdict {
    const { book } = this;
    const known = this.#known[claimant];
    if (answer.status === 201) {
      const isFirst = !answer.says('"replayed":true');
      if (known === REFUSED || (known === GRANTED && isFirst)) return book.onWrong(answer, "second grant");
      if (known !== GRANTED) book.onSettled(0, claimant, this.#amount);
      this.#known[claimant] = GRANTED;
      return "good";
    }
    if (answer.status === 422 && answer.says('"code":"insufficient_funds"')) {
      if (known === GRANTED) return book.onWrong(answer, "grant taken back");
      this.#known[claimant] = REFUSED;
      return "good";
    }
    const failure = answer.says('"code":"campaign_exhausted"') ? "shed" : failureOf(answer);
    if (failure === "open") return this.onLost(claimant);
    return failure === "shed" ? failure : book.onWrong(answer, "claim");
  }

  /** Nobody knows what became of a claim. */
  onLost(claimant: number): "open" | "wrong" {
    if (this.#known[claimant] !== 0) return "open";
    const [id, amount] = [this.#id, this.#amount];
    const owner = this.#parts.plan.wallets[claimant]?.split(":")[0] ?? "";
    const path = claimsPath(id);
    const request: UnansweredRequest = {
      ...{ path, body: claimBody(owner), settledStatus: 201, mayConflict: false },
      ...{ outcomePath: `${path}/1?owner=${owner}`, key: claimant },
      changes: [
        [0, -amount],
        [claimant, amount],
      ],
    };
    return this.book.onOpen(request);
  }

  close(): void {
    // One that was unknown once and is known by now is no open question; one that is asked for twice moved money once.
    const open = new Map(this.book.unanswered.map((request) => [request.key, request]));
    const left = [...open.values()].filter(({ key }) => key === undefined || this.#known[key] === 0);
    this.book.unanswered.splice(0, this.book.unanswered.length, ...left);
  }
}

class ClaimLane implements RequestLane {
  readonly kind = 0;
  readonly #source: ClaimRequests;
  readonly #owners: WalletNames;
  readonly #bytes: Buffer;
  readonly #ownerAt: number;
  #claimant = 0;

  constructor(source: ClaimRequests, plan: LoadPlan, owners: WalletNames, campaign: string) {
    const owner = "x".repeat(owners.width);
    const body = claimBody(owner);
    const head = `${requestHead("POST", claimsPath(campaign), plan)}content-length: ${body.length}\r\n\r\n`;
    this.#source = source;
    this.#owners = owners;
    this.#bytes = Buffer.from(head + body, "latin1");
    this.#ownerAt = head.length + body.indexOf(owner);
  }

  next(): Buffer {
    this.#claimant = this.#source.take();
    this.#owners.write(this.#bytes, this.#ownerAt, this.#claimant);
    return this.#bytes;
  }

  onAnswer(answer: ResponseSkim): Verdict {
    return this.#source.onAnswer(this.#claimant, answer);
  }

  giveUp(): void {
    this.#source.onLost(this.#claimant);
  }
}

function claimsPath(campaign: string): string {
  return `/v1/campaigns/${campaign}/claims`;
}

function claimBody(owner: string): string {
  return `{"owner":"${owner}"}`;
}
