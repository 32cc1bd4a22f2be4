// The campaigns of an installation: followed in memory, made and changed in the bucket by compare and set.
//
//   made ──► open ──close──► closed (for good)         round 1 ──► 2 ──► … ROUNDS_MAX
//
// Invariant: what was made is never made again with other terms; of two changes at once one is done again on what the
// other left. A campaign that is not here yet is asked for in the bucket, so that whoever was told of it finds it.

import type { KV } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/transport-node";
import type { TenantName } from "../../protocol/names.ts";
import { Problem } from "../problem.ts";
import { WatchedBucket } from "../watched-bucket.ts";
import { type Campaign, campaignKey, decodeCampaign, differingTerm, encodeCampaign } from "./campaign.ts";
import { CAMPAIGNS_MAX, openCampaignBucket } from "./campaign-bucket.ts";

/** Tries of a change that others get ahead of. */
const TRIES_MAX = 5;
/** Questions to the bucket that may wait for an answer; the next is answered `busy`. */
const QUESTIONS_MAX = 64;

/** What a store is told. */
export interface CampaignStoreOptions {
  /** Copies of a new bucket: as many as the logs have. */
  readonly replicas: number;
  /** Campaigns of the installation; default CAMPAIGNS_MAX. Those that are made at the same moment may pass it together. */
  readonly campaignsMax?: number;
}

/** See the file header. */
export class CampaignStore {
  readonly #bucket: KV;
  readonly #known: WatchedBucket<Campaign>;
  readonly #campaignsMax: number;
  #questions = 0;

  private constructor(bucket: KV, known: WatchedBucket<Campaign>, campaignsMax: number) {
    this.#bucket = bucket;
    this.#known = known;
    this.#campaignsMax = campaignsMax;
  }

  /**
   * Opens the bucket (and makes it when there is none) and reads it whole.
   * Errors: rejects with what NATS says.
   */
  static async open(nc: NatsConnection, options: CampaignStoreOptions): Promise<CampaignStore> {
    const { replicas, campaignsMax = CAMPAIGNS_MAX } = options;
    const open = (): Promise<KV> => openCampaignBucket(nc, replicas);
    const known = await WatchedBucket.open(nc, { open, decode: decodeCampaign, entriesMax: campaignsMax });
    return new CampaignStore(await open(), known, campaignsMax);
  }

  /** A campaign as this gateway knows it, or null; see `find`. Never throws. */
  known(tenant: TenantName, id: string): Campaign | null {
    return this.#known.get(campaignKey(tenant, id)) ?? null;
  }

  /** A campaign, asked for in the bucket when it is not known here. Errors: Problem `campaign_not_found`, `busy`. */
  async find(tenant: TenantName, id: string): Promise<Campaign> {
    const campaign = this.known(tenant, id) ?? (await this.#stored(tenant, id))?.campaign;
    if (campaign === undefined) throw new Problem("campaign_not_found", { detail: id, final: false });
    return campaign;
  }

  /**
   * Makes a campaign, or finds the same one. On return the bucket has stored it.
   * Errors: Problem `campaign_exists` when one of that id has other terms, `too_many_campaigns`, `busy`.
   */
  async make(campaign: Campaign): Promise<{ readonly campaign: Campaign; readonly isNew: boolean }> {
    const { tenant, id } = campaign;
    for (let attempt = 0; attempt < TRIES_MAX; attempt += 1) {
      const found = this.known(tenant, id) ?? (await this.#stored(tenant, id))?.campaign;
      if (found !== undefined) {
        const differing = differingTerm(found, campaign);
        if (differing !== null) throw new Problem("campaign_exists", { detail: differing });
        return { campaign: found, isNew: false };
      }
      if ((await this.#ask(() => this.#bucket.status())).values >= this.#campaignsMax)
        throw new Problem("too_many_campaigns", { detail: `${this.#campaignsMax}`, final: false });
      const key = campaignKey(tenant, id);
      if (await this.#wrote(key, campaign, (record) => this.#bucket.create(key, record)))
        return { campaign, isNew: true };
    }
    throw unrecorded();
  }

  /**
   * Changes a campaign; what `change` gives back unchanged is not written. On return the bucket has stored it.
   * Errors: Problem `campaign_not_found`, `busy`, and what `change` throws.
   */
  async change(tenant: TenantName, id: string, change: (campaign: Campaign) => Campaign): Promise<Campaign> {
    for (let attempt = 0; attempt < TRIES_MAX; attempt += 1) {
      const stored = await this.#stored(tenant, id);
      if (stored === null) throw new Problem("campaign_not_found", { detail: id, final: false });
      const changed = change(stored.campaign);
      if (changed === stored.campaign) return changed;
      const { revision } = stored;
      const key = campaignKey(tenant, id);
      if (await this.#wrote(key, changed, (record) => this.#bucket.update(key, record, revision)))
        return changed;
    }
    throw unrecorded();
  }

  /** Follows no more. Never throws. */
  close(): void {
    this.#known.close();
  }

  async #stored(
    tenant: TenantName,
    id: string,
  ): Promise<{ readonly campaign: Campaign; readonly revision: number } | null> {
    const key = campaignKey(tenant, id);
    const entry = await this.#ask(() => this.#bucket.get(key));
    const campaign = entry?.operation === "PUT" ? decodeCampaign(key, entry.value) : null;
    return entry === null || campaign === null ? null : { campaign, revision: entry.revision };
  }

  /** Asks the bucket. Errors: Problem `busy`, also for what NATS says. */
  async #ask<Answer>(question: () => Promise<Answer>): Promise<Answer> {
    if (this.#questions >= QUESTIONS_MAX) throw unrecorded();
    this.#questions += 1;
    try {
      return await question();
    } catch {
      throw unrecorded();
    } finally {
      this.#questions -= 1;
    }
  }

  /** Writes. @returns false when it is not known to be written: look again. Never rejects. */
  async #wrote(
    key: string,
    campaign: Campaign,
    write: (record: string) => Promise<number>,
  ): Promise<boolean> {
    const revision = await write(encodeCampaign(campaign)).catch(() => null);
    if (revision !== null) this.#known.note(key, campaign, revision);
    return revision !== null;
  }
}

function unrecorded(): Problem {
  return new Problem("busy", { detail: "campaigns cannot be read or recorded now" });
}
