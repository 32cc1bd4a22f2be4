// Errors as callers see them: problem documents (RFC 9457). One table says which status and title a code has;
// nothing else in the gateway names a status for an error.
//
// Invariant: `final` is true only for what asking again cannot change. A command that may have been carried out is
// never told as a final failure.

import { type Outcome, REFUSALS, type RefusalCode } from "../protocol/outcome.ts";

/** Codes that only HTTP knows, beside the refusals of the contract. */
const HTTP_PROBLEMS = {
  unauthorized: { status: 401, title: "a valid API key is missing" },
  forbidden: { status: 403, title: "the API key does not allow this" },
  campaign_not_found: { status: 404, title: "the campaign does not exist" },
  campaign_exists: { status: 422, title: "the campaign was made with other terms" },
  too_many_campaigns: { status: 422, title: "there are as many campaigns as allowed" },
  campaign_cap: { status: 422, title: "the owner has no claim of that ordinal" },
  campaign_closed: { status: 422, title: "the campaign takes no new claim now" },
  campaign_round: { status: 409, title: "rounds follow each other one by one" },
  campaign_exhausted: { status: 503, title: "the campaign's wallet cannot pay now; ask again later" },
  route_not_found: { status: 404, title: "there is no such route" },
  method_not_allowed: { status: 405, title: "the route does not take this method" },
  not_acceptable: { status: 406, title: "the answer does not exist in an accepted form" },
  request_timeout: { status: 408, title: "the request did not arrive in time" },
  rate_limited: { status: 429, title: "too many commands lately; ask again later" },
  body_too_large: { status: 413, title: "the body exceeds its limit" },
  too_far_back: { status: 422, title: "the wallet has changed too often since then" },
  media_type_unsupported: { status: 415, title: "the body must be application/json" },
  headers_too_large: { status: 431, title: "the headers exceed their limit" },
  fault: { status: 500, title: "the gateway failed" },
  busy: { status: 503, title: "not taken now; ask again later" },
  unknown: { status: 503, title: "no answer in time; ask again with the same id" },
} as const;

/** Any code of a problem. */
export type ProblemCode = RefusalCode | keyof typeof HTTP_PROBLEMS;

/** What is said of a code. */
export interface ProblemKind {
  readonly status: number;
  readonly title: string;
}

const REFUSAL_STATUS: Partial<Record<RefusalCode, number>> = {
  wallet_not_found: 404,
  hold_not_found: 404,
  transfer_not_found: 404,
  version_mismatch: 409,
};

/** Status and title of every code. Shape is 400, what the contract lists is 404 or 409, every other refusal 422. */
export const PROBLEMS: ReadonlyMap<ProblemCode, ProblemKind> = new Map<ProblemCode, ProblemKind>([
  ...REFUSALS.map(({ code, stage, meaning }): [ProblemCode, ProblemKind] => [
    code,
    { status: REFUSAL_STATUS[code] ?? (stage === 1 ? 400 : 422), title: meaning },
  ]),
  ...codesOf(HTTP_PROBLEMS).map((code): [ProblemCode, ProblemKind] => [code, HTTP_PROBLEMS[code]]),
]);

/** Codes after which the same request may succeed. */
const PASSING: ReadonlySet<ProblemCode> = new Set<ProblemCode>([
  "busy",
  "unknown",
  "fault",
  "request_timeout",
  "rate_limited",
  "campaign_exhausted",
]);
/** What `Retry-After` says with codes that pass, s. */
const RETRY_AFTER_S = "1";

/** Media type of problem documents. */
export const PROBLEM_MEDIA_TYPE = "application/problem+json";

/** What else is known of a problem. */
export interface ProblemFacts {
  readonly detail?: string | null;
  /** The id of the command that it is about. */
  readonly id?: string | null;
  /** Default: whether the code cannot pass by itself. */
  readonly final?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An error to answer a request with. Thrown or returned inside the gateway, sent in one place. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly code: ProblemCode;
  readonly status: number;
  readonly title: string;
  readonly detail: string | null;
  readonly id: string | null;
  readonly final: boolean;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: ProblemCode, facts: ProblemFacts = {}) {
    super(code);
    const { status, title } = kindOf(code);
    this.code = code;
    this.status = status;
    this.title = title;
    this.detail = facts.detail ?? null;
    this.id = facts.id ?? null;
    this.final = facts.final ?? !PASSING.has(code);
    const retry = status === 503 ? { "retry-after": RETRY_AFTER_S } : {};
    this.headers = { ...retry, ...facts.headers };
  }
}

/** The problem that a refused outcome is. */
export function problemOfRefusal({ refusal, id }: Outcome): Problem {
  return new Problem(refusal?.code ?? "internal_error", { detail: refusal?.detail ?? null, id, final: true });
}

/** The document. @param instance path of the request that it answers */
export function problemJson(problem: Problem, instance: string): string {
  const { code, title, status, detail, final, id } = problem;
  const type = problemType(code);
  return JSON.stringify({ type, title, status, detail: detail ?? title, instance, code, final, id });
}

/** What names a code in `type`. */
export function problemType(code: ProblemCode): string {
  return `urn:coffer:problem:${code}`;
}

function kindOf(code: ProblemCode): ProblemKind {
  return PROBLEMS.get(code) ?? HTTP_PROBLEMS.fault;
}

function codesOf<Table extends object>(table: Table): (keyof Table & string)[] {
  return Object.keys(table) as (keyof Table & string)[];
}
