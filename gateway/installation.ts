// The gateway's view of the installation behind it: whether an engine answers, and its facts.
// Asked for when somebody wants to know, at most once in `FRESH_MS`; askers share one question.

import type { Connection } from "../cluster/connection.ts";
import { decodeInfo, type Info } from "../protocol/info.ts";
import { INFO_SUBJECT } from "../protocol/subject.ts";

/** How long an answer is used, ms. */
const FRESH_MS = 500;
/** How long the engine has to answer, ms. */
const ASK_MS = 1_000;

/** See the file header. */
export class Installation {
  readonly #connection: Connection;
  readonly #steadyMs: () => number;
  readonly #isServing: () => boolean;
  #asked: Promise<Info | null> | null = null;
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #lastInfo: Info | null = null;

  /** @param isServing whether the gateway itself takes requests */
  constructor(connection: Connection, steadyMs: () => number, isServing: () => boolean) {
    this.#connection = connection;
    this.#steadyMs = steadyMs;
    this.#isServing = isServing;
  }

  /** Whether requests would be carried out now. Never rejects. */
  async isReady(): Promise<boolean> {
    return this.#isServing() && (await this.info()) !== null;
  }

  /** The engine's facts, null when it does not answer. Never rejects. */
  info(): Promise<Info | null> {
    const nowMs = this.#steadyMs();
    if (this.#asked === null || nowMs - this.#askedAtMs >= FRESH_MS) {
      this.#askedAtMs = nowMs;
      this.#asked = this.#ask();
    }
    return this.#asked;
  }

  /** The facts as they were last heard, or null. */
  get lastInfo(): Info | null {
    return this.#lastInfo;
  }

  async #ask(): Promise<Info | null> {
    if (!this.#connection.isUp()) return null;
    try {
      const answer = await this.#connection.nc.request(INFO_SUBJECT, "", { timeout: ASK_MS });
      const info = decodeInfo(answer.data.slice());
      if (info.ok) this.#lastInfo = info.value;
      return info.ok ? info.value : null;
    } catch {
      return null;
    }
  }
}
