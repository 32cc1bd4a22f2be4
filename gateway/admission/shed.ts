// What a request that may not go on is told. One table says which status and code a reason has.
// Invariant: nothing was stored or sent for a shed request; the same one may be sent again, after `retryAfterSeconds`.

/** Why requests are shed, with the level of a bucket or the place that is full. */
export const SHED_REASONS = {
  key_rate: { status: 429, detail: "the key's rate is used up" },
  tenant_rate: { status: 429, detail: "the tenant's rate is used up" },
  owner_rate: { status: 429, detail: "the owner's rate is used up" },
  event_loop: { status: 503, detail: "the gateway is behind" },
  shard_lag: { status: 503, detail: "the owner's shard is behind" },
  shard_share: { status: 503, detail: "too many commands of the owner's shard are on the way" },
  client_window: { status: 503, detail: "too many of the tenant's commands are on the way" },
  window: { status: 503, detail: "too many commands are on the way" },
  tenant_share: { status: 503, detail: "the tenant's share of the gateway is used up" },
  key_share: { status: 503, detail: "the key's share of the gateway is used up" },
  wallet: { status: 503, detail: "too many commands of one wallet are on the way" },
} as const;

/** A reason. */
export type ShedReason = keyof typeof SHED_REASONS;

/** See the file header. */
export interface Shed {
  readonly reason: ShedReason;
  readonly status: 429 | 503;
  readonly code: "rate_limited" | "busy";
  readonly detail: string;
  /** `Retry-After`, whole seconds, jittered so that those who were shed together do not come back together. */
  readonly retryAfterSeconds: number;
  /** `RateLimit` and `RateLimit-Policy`, with 429 only. */
  readonly rateLimit: string | null;
  readonly rateLimitPolicy: string | null;
}

/** The table's row as an answer. */
export function shedFor(
  reason: ShedReason,
  retryAfterSeconds: number,
  fields: { readonly rateLimit: string; readonly rateLimitPolicy: string } | null,
): Shed {
  const { status, detail } = SHED_REASONS[reason];
  const code = status === 429 ? "rate_limited" : "busy";
  const { rateLimit, rateLimitPolicy } = fields ?? { rateLimit: null, rateLimitPolicy: null };
  return { reason, status, code, detail, retryAfterSeconds, rateLimit, rateLimitPolicy };
}
