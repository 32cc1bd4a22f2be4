// What a single request gets from admission, and what holds after any sequence of requests.
// Guards against: a place that leaks or is given twice, a shed request that has used something up, an answer without
// what the caller needs to come back.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Admission, type AdmissionReadings } from "../../../gateway/admission/admission.ts";
import { type AdmissionSettings, DEFAULT_ADMISSION } from "../../../gateway/admission/settings.ts";
import type { Shed, ShedReason } from "../../../gateway/admission/shed.ts";
import { Seeded } from "../../actors/seeded.ts";

const caller = { keyId: "k", tenant: "t" };
const claim = { owner: "t/o", shard: 0, wallets: ["t/o:a", "t/o:b"] };

const small: AdmissionSettings = {
  ...DEFAULT_ADMISSION,
  key: { perSecond: 10, burst: 40, bucketsMax: 4 },
  tenant: { perSecond: 20, burst: 60, bucketsMax: 4 },
  owner: { perSecond: 5, burst: 20, bucketsMax: 4 },
  window: { ...DEFAULT_ADMISSION.window, min: 8, initial: 16, max: 32, samplesMin: 1 },
  placesMax: 4,
  calm: 0,
  shardMin: 0,
  walletMin: 2,
  membersMax: 3,
};

interface Bench {
  readonly admission: Admission;
  nowMs: number;
  lateMs: number;
  lagMs: number;
  room: number;
}

function benchOf(settings: AdmissionSettings, seed = 1): Bench {
  const random = new Seeded(seed);
  const state = { nowMs: 0, lateMs: 0, lagMs: 0, room: 1_000 };
  const readings: AdmissionReadings = {
    eventLoopDelayMs: () => state.lateMs,
    shardLagMs: () => state.lagMs,
    clientRoom: () => state.room,
  };
  const parts = {
    steadyMs: () => state.nowMs,
    random: () => random.below(1_000) / 1_000,
    readings,
    shards: () => 2,
  };
  return Object.assign(state, { admission: new Admission(settings, parts) });
}

function ticketOf(result: number | Shed): number {
  assert.equal(typeof result, "number", JSON.stringify(result));
  return Number(result);
}

function shedOf(result: number | Shed | null): Shed {
  assert.ok(result !== null && typeof result !== "number", "it is shed");
  return result;
}

/** Asks until it is shed, releasing at once, so that only rates count. */
function spend(bench: Bench, each = caller): Shed {
  for (;;) {
    const result = bench.admission.admit(each);
    if (typeof result !== "number") return result;
    bench.admission.release(result, "dropped");
  }
}

test("a key beyond its rate gets 429 with the fields of the draft, and passes after Retry-After", () => {
  const bench = benchOf(small);
  const shed = spend(bench);
  assert.deepEqual(
    { ...shed, retryAfterSeconds: 0 },
    {
      reason: "key_rate",
      status: 429,
      code: "rate_limited",
      detail: "the key's rate is used up",
      retryAfterSeconds: 0,
      rateLimit: '"key";r=0;t=1',
      rateLimitPolicy: '"key";q=40;w=4, "tenant";q=60;w=3, "owner";q=20;w=4',
    },
  );
  bench.nowMs += shed.retryAfterSeconds * 1_000;
  ticketOf(bench.admission.admit(caller));
});

test("Retry-After has a bound, however long the wait", () => {
  const bench = benchOf({ ...small, key: { perSecond: 0.01, burst: 40, bucketsMax: 4 } });
  const { retryAfterSeconds, rateLimit } = spend(bench);
  assert.deepEqual([retryAfterSeconds, rateLimit], [60, '"key";r=0;t=100']);
});

test("two keys of a tenant together meet the tenant's rate", () => {
  const bench = benchOf(small);
  assert.equal(spend(bench).reason, "key_rate");
  assert.equal(spend(bench, { keyId: "other", tenant: "t" }).reason, "tenant_rate");
});

test("a batch takes as many tokens as it has commands, and one beyond the burst takes a full bucket", () => {
  const bench = benchOf(small);
  const take = (commands: number): Shed | null => {
    bench.admission.release(ticketOf(bench.admission.admit(caller)), "dropped");
    return bench.admission.charge(caller, commands);
  };
  assert.equal(take(1_000), null);
  assert.equal(shedOf(bench.admission.admit(caller)).reason, "key_rate");
  bench.nowMs += 4_000;
  assert.equal(take(30), null);
  assert.equal(take(10), null);
  assert.equal(shedOf(bench.admission.admit(caller)).reason, "key_rate");
});

test("256 requests at once are never shed by default: not for one wallet, a late loop, or slow answers", () => {
  const bench = benchOf(DEFAULT_ADMISSION);
  Object.assign(bench, { lateMs: 5_000, lagMs: 5_000 });
  const { admission } = bench;
  const hot = { owner: "t/hot", shard: 1, wallets: ["t/hot:a"] };
  for (let round = 0; round < 20; round += 1) {
    const tickets = Array.from({ length: 256 }, () => ticketOf(admission.admit(caller, 300)));
    for (const ticket of tickets) assert.equal(admission.claim(ticket, hot), null);
    bench.nowMs += 2_000;
    for (const ticket of tickets) admission.release(ticket, "answered");
  }
  assert.equal(admission.state().windowLimit, DEFAULT_ADMISSION.window.min);
});

test("beyond that one wallet gets its cap, and another one still has places", () => {
  const { admission } = benchOf(DEFAULT_ADMISSION);
  const shedsOf = (wallet: string, shard: number): (string | null)[] =>
    Array.from({ length: 400 }, () => {
      const ticket = admission.admit(caller);
      if (typeof ticket !== "number") return ticket.reason;
      const shed = admission.claim(ticket, { owner: wallet, shard, wallets: [wallet] });
      if (shed !== null) admission.release(ticket, "dropped");
      return shed?.reason ?? null;
    });
  const hot = shedsOf("hot", 0);
  assert.deepEqual([hot.indexOf("wallet"), new Set(hot.slice(256)).size], [256, 1]);
  assert.equal(shedsOf("cold", 1).indexOf("wallet"), DEFAULT_ADMISSION.window.initial / 8);
});

const late = (bench: Bench) => Object.assign(bench, { lateMs: 600 }).admission;

const sheds: readonly [shows: string, prepare: (bench: Bench) => number | Shed | null, reason: ShedReason][] =
  [
    ["a late event loop", (b) => late(b).admit(caller), "event_loop"],
    ["a late event loop, reads too", (b) => late(b).pass(caller), "event_loop"],
    ["a full client", (b) => Object.assign(b, { room: 0 }).admission.admit(caller), "client_window"],
    [
      "a shard that lags",
      (b) => {
        b.lagMs = 2_000;
        return b.admission.claim(ticketOf(b.admission.admit(caller)), claim);
      },
      "shard_lag",
    ],
    [
      "a full window",
      (b) => {
        for (let count = 0; count < 16; count += 1) ticketOf(b.admission.admit(caller));
        return b.admission.admit(caller);
      },
      "window",
    ],
    [
      "a hot wallet",
      (b) => {
        const claimed = () => b.admission.claim(ticketOf(b.admission.admit(caller)), claim);
        assert.equal(claimed(), null);
        assert.equal(claimed(), null);
        return claimed();
      },
      "wallet",
    ],
    [
      "a shard that has its part",
      (b) => {
        const claimed = (name: number) =>
          b.admission.claim(ticketOf(b.admission.admit(caller)), { owner: `${name}`, shard: 1, wallets: [] });
        for (let count = 0; count < 12; count += 1) assert.equal(claimed(count), null);
        return claimed(12);
      },
      "shard_share",
    ],
  ];

for (const [shows, prepare, reason] of sheds) {
  test(`${shows} sheds with 503, busy and Retry-After of 1 to 4 s`, () => {
    const shed = shedOf(prepare(benchOf(small)));
    assert.deepEqual([shed.reason, shed.status, shed.code, shed.rateLimit], [reason, 503, "busy", null]);
    assert.ok(shed.retryAfterSeconds >= 1 && shed.retryAfterSeconds <= 4);
  });
}

test("between the ends of a ramp the chance to be shed rises evenly", () => {
  const bench = benchOf(DEFAULT_ADMISSION);
  bench.lateMs = 375;
  let shed = 0;
  for (let count = 0; count < 4_000; count += 1) if (bench.admission.pass(caller) !== null) shed += 1;
  assert.ok(shed > 1_800 && shed < 2_200, `${shed} of 4,000`);
});

test("an owner beyond its rate gets 429, and its wallets are not counted for it", () => {
  const bench = benchOf(small);
  const claimNext = () => {
    const ticket = ticketOf(bench.admission.admit(caller));
    const shed = bench.admission.claim(ticket, claim);
    bench.admission.release(ticket, "dropped");
    return shed;
  };
  for (let count = 0; count < 20; count += 1) assert.equal(claimNext(), null);
  assert.equal(shedOf(claimNext()).reason, "owner_rate");
  bench.nowMs += 1_000;
  assert.equal(claimNext(), null);
});

test("a ticket that is given back twice, or after its place went to another, throws", () => {
  const { admission } = benchOf(small);
  const ticket = ticketOf(admission.admit(caller));
  admission.release(ticket, "answered");
  assert.throws(() => admission.release(ticket, "answered"));
  const next = ticketOf(admission.admit(caller));
  assert.notEqual(next, ticket);
  assert.throws(() => admission.release(ticket, "dropped"));
  admission.release(next, "dropped");
  assert.equal(admission.state().inFlight, 0);
});

test("a command that names a wallet twice counts once in it", () => {
  const { admission } = benchOf(small);
  const wallets = ["w", "w", "w"];
  for (let count = 0; count < 2; count += 1)
    assert.equal(admission.claim(ticketOf(admission.admit(caller)), { ...claim, wallets }), null);
});

const step = fc.record({
  caller: fc.record({
    keyId: fc.constantFrom("a", "b", "c"),
    tenant: fc.constantFrom("s", "t", "u", "v", "w"),
  }),
  bodyBytes: fc.constantFrom(0, 100, 200, 40_000, Number.POSITIVE_INFINITY),
  wallets: fc.array(fc.constantFrom("1", "2", "3", "4"), { maxLength: 3 }),
  shard: fc.integer({ min: 0, max: 1 }),
  passMs: fc.integer({ min: 0, max: 60 }),
  ends: fc.integer({ min: 0, max: 3 }),
  lateMs: fc.constantFrom(0, 0, 0, 100),
});

test("never more than the window is unanswered, no wallet exceeds its cap, and all comes back", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), fc.integer(), (steps, seed) => {
      const bench = benchOf({ ...small, key: { ...small.key, perSecond: 500 } }, seed);
      const { admission } = bench;
      const open: { readonly ticket: number; readonly wallets: ReadonlySet<string> }[] = [];
      for (const each of steps) {
        bench.nowMs += each.passMs;
        bench.lateMs = each.lateMs;
        for (const { ticket } of open.splice(0, each.ends)) admission.release(ticket, "answered");
        const before = admission.state();
        const result = admission.admit(each.caller, each.bodyBytes);
        const after = admission.state();
        if (typeof result === "number") {
          assert.ok(after.inFlight <= after.windowLimit);
          const { wallets, shard } = each;
          const shed = admission.claim(result, { owner: each.caller.keyId, shard, wallets });
          open.push({ ticket: result, wallets: new Set(shed === null ? wallets : []) });
        } else {
          assert.equal(after.inFlight, before.inFlight);
          const most = result.status === 429 ? small.retryRateSeconds : small.retryBusySeconds;
          assert.ok(result.retryAfterSeconds >= 1 && result.retryAfterSeconds <= most);
        }
        const cap = Math.max(small.walletMin, Math.floor(32 * small.walletPart));
        for (const wallet of ["1", "2", "3", "4"])
          assert.ok(open.filter(({ wallets }) => wallets.has(wallet)).length <= cap);
      }
      for (const { ticket } of open) admission.release(ticket, "dropped");
      assert.equal(admission.state().inFlight, 0);
      bench.nowMs += 200_000;
      bench.lateMs = 0;
      admission.release(ticketOf(admission.admit(caller)), "answered");
      assert.equal(admission.claim(ticketOf(admission.admit(caller)), claim), null);
    }),
    { numRuns: 200 },
  );
});
