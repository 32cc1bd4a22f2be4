// Scenario `mixed`: what a payment service does all day, at once: transfers within a shard and over two, wallets opened
// and used, holds with their captures, releases and reverses, commands that must be refused and with which code, and
// strong reads beside it all.

import { parseWallet } from "../protocol/names.ts";
import { encodeRead } from "../protocol/read.ts";
import { decodeReadAnswer } from "../protocol/read-answer.ts";
import { getSubject } from "../protocol/subject.ts";
import { BenchFailure } from "./bench-failure.ts";
import type { Errand } from "./errand.ts";
import { Steps } from "./errand.ts";
import { ErrandSource } from "./errand-source.ts";
import { holdErrands } from "./holds-scenario.ts";
import { LatencyHistogram } from "./latency-histogram.ts";
import { START_AMOUNT } from "./preparation.ts";
import { SeededRandom } from "./random.ts";
import type { ExtraFigures, Scenario } from "./scenario.ts";
import { USUAL_DEFAULTS } from "./scenario.ts";
import { FINISHING, type Stage, type StageParts } from "./stage.ts";
import { LocalChoice, shardsOf } from "./transfer-choice.ts";

const CROSS_SHARE = 0.2;
const AMOUNT_MAX = 100;
/** Reads under way at once, each followed by the next. */
const READS_AT_ONCE = 4;
const READ_WAIT_MS = 10_000;
/** Wallets opened in a run: each is read back in the end, and its book must stay small in a run of hours. */
const OPENED_MAX = 50_000;
/** Of one owner, who may have 1,000 wallets: a law that names few owners often would come to that. */
const OPENED_BY_ONE_MAX = 900;

/** See the file header. */
export const mixedScenario: Scenario = {
  name: "mixed",
  title: "opens, transfers, holds, reverses, refusals and reads together",
  defaults: { ...USUAL_DEFAULTS, inFlight: 32 },
  run: async (stage) => {
    const source = new ErrandSource(stage.parts, mixedErrands(stage));
    await reading(stage, () => stage.warmUp(source));
    const reads = await reading(stage, () => stage.load(source));
    source.finish();
    await stage.load(source, FINISHING);
    return { refusedAsExpected: source.refusedAsExpected, ...reads };
  },
};

/** Reads beside a load, and says what came of the reads. */
async function reading({ parts }: Stage, load: () => Promise<unknown>): Promise<ExtraFigures> {
  const reader = new Reader(parts);
  try {
    await load();
  } finally {
    await reader.end();
  }
  return reader.figures();
}

/** How often each kind of errand is chosen, of 100. */
const KINDS = [
  [40, moved],
  [10, opened],
  [10, undone],
  [10, refused],
] as const;

function mixedErrands(stage: Stage): () => Errand {
  const { parts } = stage;
  const { fleet, random, settings } = parts;
  const shards = shardsOf(fleet);
  const crossShare = settings.crossShare ?? (shards.length > 1 ? CROSS_SHARE : 0);
  const choice = new LocalChoice(parts, crossShare);
  const holds = holdErrands(stage);
  const opensOf = new Uint16Array(fleet.wallets.length);
  let errands = 0;
  return () => {
    let place = random.below(100);
    for (const [share, make] of KINDS) {
      place -= share;
      if (place >= 0) continue;
      choice.next(shards[random.below(shards.length)] ?? 0);
      const sides = { from: choice.from, to: choice.to, amount: 1 + random.below(AMOUNT_MAX) };
      errands += 1;
      return make(new Steps(fleet, sides), { parts, sides, opensOf, number: errands });
    }
    return holds();
  };
}

interface Chosen {
  readonly parts: StageParts;
  readonly sides: { readonly from: number; readonly to: number; readonly amount: number };
  /** Further wallets of each wallet's owner. */
  readonly opensOf: Uint16Array;
  /** Unique in the run. */
  readonly number: number;
}

function* moved(steps: Steps): Errand {
  yield steps.transfer();
}

/** A transfer that is taken back, and cannot be taken back twice. */
function* undone(steps: Steps, { sides }: Chosen): Errand {
  const transfer = yield steps.transfer();
  yield steps.reverse(transfer, sides.amount);
  yield steps.reverse(transfer, sides.amount, "already_reversed");
}

/** A further purse; opening it again is the same, with other fields it is refused. */
function* opened(steps: Steps, { parts, sides, opensOf, number }: Chosen): Errand {
  const opens = opensOf[sides.from] ?? 0;
  if (parts.fleet.opened.length >= OPENED_MAX || opens >= OPENED_BY_ONE_MAX) {
    yield steps.transfer();
    return;
  }
  const payer = parts.fleet.party(sides.from);
  const wallet = parseWallet(`${payer.owner}:p${number}`);
  if (wallet === undefined) return;
  opensOf[sides.from] = opens + 1;
  parts.fleet.opened.push({ wallet: { ...payer, wallet }, expected: 0 });
  yield steps.open(wallet);
  yield steps.open(wallet);
  yield steps.open(wallet, "wallet_exists", -1n);
}

/** More than there is, a hold that is taken twice, a transfer that is none. */
function* refused(steps: Steps, { sides }: Chosen): Errand {
  const nothing = yield steps.transfer("insufficient_funds", START_AMOUNT * 1_000);
  yield steps.reverse(nothing, sides.amount, "transfer_not_found");
  const hold = yield steps.place();
  yield steps.capture(hold, { amount: sides.amount, isFinal: true });
  yield steps.capture(hold, { amount: 1, isFinal: true }, "hold_settled");
}

/** Reads random wallets, a few at a time, until it is ended. */
class Reader {
  readonly #parts: StageParts;
  readonly #latency = new LatencyHistogram();
  readonly #startMs: number;
  readonly #workers: Promise<void>[];
  #endMs = 0;
  #reads = 0;
  #isEnding = false;

  constructor(parts: StageParts) {
    this.#parts = parts;
    this.#startMs = parts.clock.steadyMs();
    this.#workers = Array.from({ length: READS_AT_ONCE }, (_, index) =>
      this.#work(parts.settings.seed + index + 1),
    );
    for (const worker of this.#workers) worker.catch(() => undefined);
  }

  /** Waits for the last answers. Errors: BenchFailure when one read was not answered with its wallet. */
  async end(): Promise<void> {
    this.#isEnding = true;
    this.#endMs = this.#parts.clock.steadyMs();
    await Promise.all(this.#workers);
  }

  figures(): ExtraFigures {
    const seconds = (this.#endMs - this.#startMs) / 1000;
    return {
      reads: this.#reads,
      readsPerSecond: Math.round(this.#reads / seconds),
      readLatencyMs: this.#latency.summary(),
    };
  }

  async #work(seed: number): Promise<void> {
    const { fleet, clock } = this.#parts;
    const random = new SeededRandom(seed);
    while (!this.#isEnding) {
      const wallet = fleet.wallet(random.below(fleet.wallets.length));
      const startMs = clock.steadyMs();
      await this.#read(wallet);
      this.#latency.add(clock.steadyMs() - startMs, 1);
      this.#reads += 1;
    }
  }

  async #read({ owner, wallet }: ReturnType<StageParts["fleet"]["wallet"]>): Promise<void> {
    const { nc, tenant } = this.#parts;
    const request = encodeRead({ get: "wallet", wallet, after: null });
    const answer = await nc
      .request(getSubject(tenant, owner), request, { timeout: READ_WAIT_MS })
      .catch((cause: unknown) => {
        throw new BenchFailure(`a read of ${wallet} was not answered`, { cause });
      });
    const decoded = decodeReadAnswer(answer.data);
    if (decoded.ok && decoded.value.kind === "wallet" && decoded.value.wallet.wallet === wallet) return;
    throw new BenchFailure(`a read of ${wallet} was answered with ${answer.string().slice(0, 200)}`);
  }
}
