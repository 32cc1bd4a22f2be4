// Divides the window's room among members: tenants, and inside each tenant its keys. There is no queue to divide, a
// request gets in at once or not at all, so what is divided is places.
//
//   within its share (of the active members)   gets in while there is any room
//   beyond its share                           gets in while that leaves the others what they claim
//
// A member claims what it lately asked for, up to its share: each refusal raises its claim by what was refused, and
// what it does not use fades by halves. So a member whose share is taken gets it back as soon as the others' commands
// are answered, and one that asks for less than its share leaves the rest to whoever wants it. Members that were seen
// lately and claim nothing have one place in sixteen together, so that a rare request finds room; a member that is
// alone may use everything.
// The rule is max-min fairness (Bertsekas and Gallager, "Data Networks", 6.5.2) held by reservations: as all wait
// equally long for an answer, places divide the rate in the same proportion (Little's law).
//
// Invariant: the sum of what members have is what the group has. State: `membersMax` members; the others share one.

import assert from "node:assert/strict";

/** A claim below this is none, commands. */
const CLAIM_MIN = 0.05;
/** Part of the room that is kept for members that claim nothing. */
const RARE_PART = 1 / 16;
/** The place of members beyond the bound. No key or tenant has this name. */
const OTHERS = "";

/** How a group treats its members. */
export interface ShareSettings {
  readonly claimHalfLifeMs: number;
  readonly memberKeptMs: number;
  readonly membersMax: number;
}

/** One tenant or key, as long as it is remembered. */
export class ShareMember {
  readonly group: FairShares;
  /** The members that divide this one's places, made when there are any. */
  parts: FairShares | null = null;
  inFlight = 0;
  /** Commands that it lately wanted unanswered at once. */
  wanted = 0;
  /** What of its share is kept for it beyond `inFlight`. */
  kept = 0;
  seenAtMs = 0;

  constructor(group: FairShares) {
    this.group = group;
  }
}

/** See the file header. */
export class FairShares {
  readonly #settings: ShareSettings;
  readonly #members = new Map<string, ShareMember>();
  #capacity: number;
  #share: number;
  #active = 0;
  #inFlight = 0;
  #kept = 0;
  /** Places kept for members that claim nothing. */
  #rare = 0;
  #refreshedAtMs: number;

  constructor(settings: ShareSettings, capacity: number, nowMs: number) {
    this.#settings = settings;
    this.#capacity = capacity;
    this.#share = capacity;
    this.#refreshedAtMs = nowMs;
  }

  /** Commands that the members have unanswered. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Members that are remembered. */
  get size(): number {
    return this.#members.size;
  }

  /** The member of a name, remembered from now on. */
  member(name: string, nowMs: number): ShareMember {
    const known = this.#members.get(name);
    if (known !== undefined) {
      known.seenAtMs = nowMs;
      return known;
    }
    if (this.#members.size >= this.#settings.membersMax && name !== OTHERS) return this.member(OTHERS, nowMs);
    const made = new ShareMember(this);
    made.seenAtMs = nowMs;
    this.#members.set(name, made);
    this.#active += 1;
    this.#share = (this.#capacity - this.#rare) / this.#active;
    return made;
  }

  /** Whether a member may have so many more. @param capacity room of the whole group */
  fits(member: ShareMember, commands: number, capacity: number): boolean {
    const after = this.#inFlight + commands;
    if (after > capacity) return false;
    return member.inFlight < this.#share || after + this.#keptForOthers(member) <= capacity;
  }

  /** The room that a member's own parts divide: what others leave it, at least its share. */
  ceiling(member: ShareMember, capacity: number): number {
    const others = this.#inFlight - member.inFlight + this.#keptForOthers(member);
    return Math.max(Math.min(this.#share, capacity), capacity - others);
  }

  /** Notes what a member asks for; `isRefused`: it did not get it. */
  onAsked(member: ShareMember, commands: number, isRefused: boolean): void {
    const least = member.inFlight + commands;
    if (isRefused) member.wanted = Math.min(this.#capacity, Math.max(least, member.wanted + commands));
    else if (member.wanted < least) member.wanted = least;
    else return;
    this.#keep(member);
  }

  /** A member has so many more (less when negative). */
  change(member: ShareMember, commands: number): void {
    member.inFlight += commands;
    this.#inFlight += commands;
    assert.ok(member.inFlight >= 0, "no more comes back than was taken");
    this.#keep(member);
  }

  /** Fades claims and computes shares anew; to be called every few ms. Time: in proportion to the members. */
  refresh(capacity: number, nowMs: number): void {
    const passedMs = Math.max(0, nowMs - this.#refreshedAtMs);
    const remains = 0.5 ** (passedMs / this.#settings.claimHalfLifeMs);
    this.#refreshedAtMs = nowMs;
    this.#capacity = capacity;
    this.#active = 0;
    for (const [name, member] of this.#members) {
      member.wanted = member.inFlight + Math.max(0, member.wanted - member.inFlight) * remains;
      if (member.wanted >= CLAIM_MIN) this.#active += 1;
      else if (nowMs - member.seenAtMs > this.#settings.memberKeptMs) this.#members.delete(name);
    }
    this.#rare = Math.min(this.#members.size - this.#active, Math.ceil(capacity * RARE_PART));
    this.#share = (capacity - this.#rare) / Math.max(1, this.#active);
    this.#kept = 0;
    for (const member of this.#members.values()) {
      member.kept = 0;
      this.#keep(member);
      member.parts?.refresh(this.ceiling(member, capacity), nowMs);
    }
  }

  #keptForOthers(member: ShareMember): number {
    return this.#rare + this.#kept - member.kept;
  }

  #keep(member: ShareMember): void {
    const kept = Math.max(0, Math.min(member.wanted, this.#share) - member.inFlight);
    this.#kept += kept - member.kept;
    member.kept = kept;
  }
}
