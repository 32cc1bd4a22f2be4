// Names of what the caches hold. `coffer:<cluster>:<kind>:…`: the cluster's id is in each, since an outcome of another
// cluster, or of an earlier one in the same place, says nothing about this one.
//
// Invariant: two different things never share a name: no part but the last may hold the separator.
// Guards against: a bucket or campaign whose name reaches into another kind of key (asserted).

import { assert } from "../../protocol/assert.ts";
import type { TenantName, WalletName } from "../../protocol/names.ts";
import type { Claim, OutcomeKey } from "./gateway-cache.ts";

const CLUSTER = /^[A-Za-z0-9_.-]{1,64}$/;
const BUCKET = /^[A-Za-z0-9_.:-]{1,128}$/;
const CAMPAIGN = /^[A-Za-z0-9_.-]{1,64}$/;

/** Where a command's id counts, as one text: no name holds a space. The desk's scope, too. */
export function scopeOf({ tenant, owner, id }: Omit<OutcomeKey, "content">): string {
  return `${tenant} ${owner} ${id}`;
}

/** Makes the names of one cluster's keys. Errors: asserts that names fit their grammar. */
export class CacheKeys {
  readonly #prefix: string;

  /** @param cluster the cluster's id, 1..64 of `[A-Za-z0-9_.-]` */
  constructor(cluster: string) {
    assert(CLUSTER.test(cluster), "a cluster's id fits into a key");
    this.#prefix = `coffer:${cluster}`;
  }

  wallet(tenant: TenantName, wallet: WalletName): string {
    return `${this.#prefix}:w:${tenant}:${wallet}`;
  }

  outcome({ tenant, owner, id }: Omit<OutcomeKey, "content">): string {
    return `${this.#prefix}:o:${tenant}:${owner}:${id}`;
  }

  bucket(bucket: string): string {
    assert(BUCKET.test(bucket), "a bucket's name fits into a key");
    return `${this.#prefix}:b:${bucket}`;
  }

  /** The ids that an owner has claimed with. */
  claims({ tenant, campaign, owner }: Claim): string {
    return `${this.#campaign(tenant, campaign)}:${owner}`;
  }

  /** What a campaign has given. */
  spent({ tenant, campaign }: Claim): string {
    return this.#campaign(tenant, campaign);
  }

  /** Braces keep both keys of a script on one node of a Redis cluster. */
  #campaign(tenant: TenantName, campaign: string): string {
    assert(CAMPAIGN.test(campaign), "a campaign's name fits into a key");
    return `${this.#prefix}:c:{${tenant}:${campaign}}`;
  }
}
