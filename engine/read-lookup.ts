// Looks up what a read asks for in committed state, and says which position the answer shows. Owns no waiting:
// the read desk calls this once the position and the ticks that the read needs are applied.

import { encodeCursor } from "../protocol/cursor.ts";
import type { OwnerName, TenantName } from "../protocol/names.ts";
import type { ReadRequest } from "../protocol/read.ts";
import type { ReadAnswer, ReadFailure } from "../protocol/read-answer.ts";
import type { Page, PageFailure, PageRequest, ShardReads } from "../storage/reads.ts";

/** Answers a decoded read of one owner. A cursor that does not fit is `malformed`. */
export function lookUp(
  reads: ShardReads,
  { tenant, owner }: { readonly tenant: TenantName; readonly owner: OwnerName },
  request: ReadRequest,
): ReadAnswer {
  const { asOf } = reads;
  switch (request.get) {
    case "wallet": {
      const wallet = reads.wallet(tenant, request.wallet);
      return wallet ? { kind: "wallet", wallet, asOf } : failure("wallet_not_found", "wallet");
    }
    case "owner":
      return { kind: "owner", wallets: reads.owner(tenant, owner), asOf };
    case "outcome": {
      const state = reads.outcome(tenant, owner, request.id);
      if (state.kind === "not_found") return failure("outcome_not_found", request.id);
      const outcome =
        state.kind === "settled" ? state.outcome : { id: request.id, status: "pending" as const };
      return { kind: "outcome", outcome, asOf };
    }
    case "holds": {
      const page = reads.holds(tenant, owner, pageOf(request));
      return page.ok
        ? { kind: "holds", holds: page.value.rows, next: nextOf(page.value), asOf }
        : pageFailure(page.error);
    }
    case "entries": {
      const page = reads.entries(tenant, request.wallet, pageOf(request));
      return page.ok
        ? { kind: "entries", entries: page.value.rows, next: nextOf(page.value), asOf }
        : pageFailure(page.error);
    }
  }
}

function pageOf({
  cursor,
  limit,
}: {
  readonly cursor: readonly number[] | null;
  readonly limit: number;
}): PageRequest {
  return { cursor: cursor === null ? null : cursor.join("."), limit };
}

function nextOf({ next }: Page<unknown>): string | null {
  return next === null ? null : encodeCursor([Number(next)]);
}

function pageFailure(code: PageFailure): ReadFailure {
  return code === "wallet_not_found" ? failure(code, "wallet") : failure("malformed", "cursor");
}

function failure(code: ReadFailure["code"], detail: string): ReadFailure {
  return { kind: "failed", code, detail };
}
