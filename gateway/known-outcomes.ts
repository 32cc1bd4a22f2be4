// Settled outcomes that are known without the log: a command that is repeated is answered from here.
//
//   near: this process's memory, for every command, at once        far: what other gateways have put into the shared cache
//
// Invariant: only the very same command is answered, and only with its settled outcome: same tenant, owner, id and text.
// Anything else, a command that is spelled otherwise among it, goes to the engine, which knows better. So no cache can
// refuse money, and none can grant it.
// The far side costs 20 µs and more a question, so it is asked for what may be a repeat alone (an id made within FRESH_MS
// is a first try), ASKS_MAX times a second, and told of KEEPS_MAX outcomes a second; beyond that the log answers.

import { parseCommandId } from "../protocol/command-id.ts";
import { parseOwner, parseTenant } from "../protocol/names.ts";
import type { Outcome } from "../protocol/outcome.ts";
import type { CacheClock, GatewayCache, OutcomeKey } from "./cache/gateway-cache.ts";
import { contentText } from "./cache/near-cache.ts";

/** Questions to the shared cache, and outcomes told to it, a second. */
export const ASKS_MAX = 1_000;
/** See {@link ASKS_MAX}. */
export const KEEPS_MAX = 1_000;
/** An id that was made so short a time ago comes for the first time, almost surely, ms. */
const FRESH_MS = 2_000;
const SECOND_MS = 1_000;

/** See the file header. No method throws or rejects. */
export class KnownOutcomes {
  readonly #cache: GatewayCache;
  readonly #clock: CacheClock;
  #sinceMs = 0;
  #asks = 0;
  #keeps = 0;

  constructor(cache: GatewayCache, clock: CacheClock) {
    this.#cache = cache;
    this.#clock = clock;
  }

  /** What this process knows of a command under its scope; null = nothing. About 0.1 µs for an id that is new. */
  near(scope: string, command: object): Outcome | null {
    const outcome = this.#cache.near.peekOutcome(scope, command);
    return outcome === null ? null : { ...outcome, replayed: true };
  }

  /** What the shared cache knows, within its time limit; null = it is not asked. */
  far(scope: string, command: object): Promise<Outcome | null> | null {
    if (!this.#cache.isShared || this.#isFresh(scope.slice(scope.lastIndexOf(" ") + 1))) return null;
    this.#count();
    this.#asks += 1;
    const key = this.#asks > ASKS_MAX ? null : keyOf(scope, contentText(command));
    if (key === null) return null;
    return this.#cache
      .outcome(key)
      .then((outcome) => (outcome === null ? null : { ...outcome, replayed: true }));
  }

  /** Remembers what a command came to. About 1 µs; the shared cache hears of it later or not at all. */
  keep(scope: string, command: object, outcome: Outcome): void {
    const content = contentText(command);
    this.#cache.near.putOutcome(scope, content, outcome);
    if (!this.#cache.isShared) return;
    this.#count();
    this.#keeps += 1;
    const key = this.#keeps > KEEPS_MAX ? null : keyOf(scope, content);
    if (key !== null) void this.#cache.keepOutcome(key, outcome);
  }

  #count(): void {
    const nowMs = this.#clock.steadyMs();
    if (nowMs - this.#sinceMs < SECOND_MS) return;
    this.#sinceMs = nowMs;
    this.#asks = 0;
    this.#keeps = 0;
  }

  /** Whether an id is a UUIDv7, which says when it was made, and that was just now. */
  #isFresh(id: string): boolean {
    if (id.charAt(14) !== "7") return false;
    const madeMs = Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
    return Math.abs(this.#clock.wallMs() - madeMs) < FRESH_MS;
  }
}

function keyOf(scope: string, content: string): OutcomeKey | null {
  const [tenantText, ownerText, idText] = scope.split(" ");
  const tenant = parseTenant(tenantText);
  const owner = parseOwner(ownerText);
  const id = parseCommandId(idText);
  return tenant && owner && id ? { tenant, owner, id, content } : null;
}
