// Every bound of admission in one place: unit, default, and what happens when it is reached.
// Does not own: what the bounds are compared with; the files beside this one do.
// Rates hold for all gateways that share them (token-buckets.ts), and must be set alike there. The window, caps and shares
// hold for one gateway process: two gateways together let twice as much pass.

import assert from "node:assert/strict";

/** How fast tokens come back and how many a bucket holds; one command takes one token. Beyond: 429 `rate_limited`. */
export interface RateSettings {
  /** Tokens a second; above 0. */
  readonly perSecond: number;
  /** Tokens that a full bucket holds; at least 1. A batch of more commands than this takes a full bucket. */
  readonly burst: number;
  /** Buckets kept; beyond it the one that was unused for longest is forgotten, and is full when it comes back. */
  readonly bucketsMax: number;
}

/** The window of unanswered commands of this gateway; see adaptive-window.ts. A full one: 503 `busy`. */
export interface WindowSettings {
  /** Least and most commands; the window never leaves this range, whatever the latency. */
  readonly min: number;
  readonly max: number;
  /** What it starts with. */
  readonly initial: number;
  /** 95th percentile of the accepted, ms, that the window is steered by. */
  readonly targetMs: number;
  /** Below this part of the target a window that was filled grows by `step` commands, below half of it by a quarter. */
  readonly growBelow: number;
  /** Above this part of the target it shrinks; between the two it stays. */
  readonly shrinkAbove: number;
  readonly step: number;
  /** How often it is looked at, ms, and with how many answers at least; with fewer it waits for the next look. */
  readonly intervalMs: number;
  readonly samplesMin: number;
}

/** A reading at which shedding begins and one at which everything is shed; between them the chance rises evenly. */
export interface ShedRamp {
  readonly fromMs: number;
  readonly allMs: number;
}

/** See the file header. */
export interface AdmissionSettings {
  readonly key: RateSettings;
  readonly tenant: RateSettings;
  readonly owner: RateSettings;
  readonly window: WindowSettings;
  /** A request takes one place in the window, one more for each so many bytes of its body, and no more than so many. */
  readonly placeBytes: number;
  readonly placesMax: number;
  /**
   * While no more commands than this are on the way, the event loop, shards' lag and the caps of shards and wallets do
   * not count. Below `window.min`, so that a shard that stands, or a wallet that everybody wants, leaves room.
   */
  readonly calm: number;
  /**
   * The unanswered commands of one shard may fill this many times its even part of the window (all of it when there
   * are fewer shards), and `shardMin` always; beyond: 503. A shard that stands must not fill the window.
   */
  readonly shardSkew: number;
  /** Commands of one shard that are not shed for its lag or its part of the window. */
  readonly shardMin: number;
  /** Part of the window that the unanswered commands of one wallet may fill, and commands it may always have; beyond: 503. */
  readonly walletPart: number;
  readonly walletMin: number;
  /** Delay of the event loop, ms; 503. */
  readonly eventLoop: ShedRamp;
  /** How far a command's shard is behind its log, ms; 503. */
  readonly shardLag: ShedRamp;
  /** How long half of a tenant's (or key's) unused claim to its share is kept for it, ms. */
  readonly claimHalfLifeMs: number;
  /** How long a tenant (or key) without requests is remembered, ms. */
  readonly memberKeptMs: number;
  /** Tenants told apart, and keys of each; those beyond it share one place. */
  readonly membersMax: number;
  /** Longest `Retry-After`, s, with 503 and with 429. The shortest is 1. */
  readonly retryBusySeconds: number;
  readonly retryRateSeconds: number;
}

/**
 * What a gateway uses when it is told nothing. Rates are above what one engine settles: operators lower them. 256
 * requests at once are never shed for the window, the loop, a shard or a wallet, whatever the engine's pace.
 */
export const DEFAULT_ADMISSION: AdmissionSettings = {
  key: { perSecond: 100_000, burst: 200_000, bucketsMax: 10_000 },
  tenant: { perSecond: 200_000, burst: 400_000, bucketsMax: 1_000 },
  owner: { perSecond: 100_000, burst: 200_000, bucketsMax: 100_000 },
  window: {
    min: 384,
    max: 8_192,
    initial: 512,
    targetMs: 120,
    growBelow: 0.6,
    shrinkAbove: 0.85,
    step: 32,
    intervalMs: 100,
    samplesMin: 20,
  },
  placeBytes: 16_384,
  placesMax: 32,
  calm: 256,
  shardSkew: 1.5,
  shardMin: 32,
  walletPart: 0.125,
  walletMin: 16,
  eventLoop: { fromMs: 150, allMs: 600 },
  shardLag: { fromMs: 250, allMs: 1_000 },
  claimHalfLifeMs: 1_000,
  memberKeptMs: 60_000,
  membersMax: 1_000,
  retryBusySeconds: 4,
  retryRateSeconds: 60,
};

/** Largest window that settings may ask for: tickets number their places with 14 bits. */
export const WINDOW_MAX = 16_384;

/** Fails when settings contradict themselves. They come from the operator's options, checked there for people. */
export function assertSettings(settings: AdmissionSettings): void {
  for (const rate of [settings.key, settings.tenant, settings.owner]) {
    assert.ok(rate.perSecond > 0, "a rate is above 0");
    assert.ok(rate.burst >= 1, "a burst is at least 1");
    assert.ok(Number.isInteger(rate.bucketsMax) && rate.bucketsMax >= 1, "buckets are counted");
  }
  const { window, eventLoop, shardLag } = settings;
  assert.ok(Number.isInteger(window.min) && window.min >= 1, "the window lets something pass");
  assert.ok(Number.isInteger(window.max) && window.max <= WINDOW_MAX, "the window has places");
  assert.ok(window.min <= window.initial && window.initial <= window.max, "the window starts in its range");
  assert.ok(window.growBelow < window.shrinkAbove, "the window does not grow and shrink at one latency");
  assert.ok(window.targetMs > 0 && window.intervalMs > 0, "the window has a target");
  assert.ok(eventLoop.fromMs < eventLoop.allMs, "the event loop's ramp rises");
  assert.ok(shardLag.fromMs < shardLag.allMs, "the shards' ramp rises");
  assert.ok(settings.placeBytes >= 1 && settings.placesMax >= 1, "a request has a place");
  assert.ok(settings.placesMax <= window.min, "the largest request fits the smallest window");
  assert.ok(settings.calm < window.min, "whatever stands or is hot leaves room in the window");
  assert.ok(settings.shardSkew >= 1, "a shard has its even part of the window");
  assert.ok(settings.shardMin >= 0, "a shard's commands are counted");
  assert.ok(settings.walletPart > 0 && settings.walletPart <= 1, "a wallet has a part of the window");
  assert.ok(settings.retryBusySeconds >= 1 && settings.retryRateSeconds >= 1, "a retry waits");
}
