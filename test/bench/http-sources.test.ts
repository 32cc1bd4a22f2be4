// The parts of a load over HTTP, each by itself: what is sent, what an answer is taken for, when the next request is due,
// and how a surge is summed up.
// Guards against: a verification that believes what it is told, and a pace that is none.
import assert from "node:assert/strict";
import { test } from "node:test";
import { stretchesOf } from "../../bench/http/http-load.ts";
import type { Slice } from "../../bench/http/http-slice.ts";
import type { LoadPlan, LoadSample, PhaseResult } from "../../bench/http/load-plan.ts";
import { PairChoice } from "../../bench/http/pair-choice.ts";
import { requestSource } from "../../bench/http/request-source.ts";
import { ResponseSkim } from "../../bench/http/response-skim.ts";
import { SeenVersions } from "../../bench/http/seen-versions.ts";
import { COPIES } from "../../bench/http/storm-requests.ts";
import { recoverySeconds, surgeReport, worstRate } from "../../bench/http/surge-report.ts";
import { surgeCsv, surgePlot, surgeSeconds } from "../../bench/http/surge-timeline.ts";
import { ClientTurns, PacedTurns } from "../../bench/http/turn-law.ts";
import { LatencyHistogram } from "../../bench/latency-histogram.ts";
import { parseTenant, parseWallet } from "../../protocol/names.ts";
import { shardOfWallet } from "../../protocol/shard-map.ts";
import { xmlElements } from "./xml-shape.ts";

const wallets = Array.from({ length: 40 }, (_, index) => `owner-${String(index).padStart(3, "0")}:usd`);
const planFor = (changes: Partial<LoadPlan>): LoadPlan => ({
  ...{ url: "http://127.0.0.1:1", key: "k", load: "uniform", phases: [], wallets, hotWallets: 3, shards: 4 },
  ...{ seed: 7, token: "0123456789abcdef", ...changes },
});

/** An answer as a lane is given it. */
function answer(status: number, body: string, headers = ""): ResponseSkim {
  const skim = new ResponseSkim(() => undefined);
  skim.execute(
    Buffer.from(`HTTP/1.1 ${status} X\r\nContent-Length: ${body.length}${headers}\r\n\r\n${body}`),
  );
  return skim;
}
const bodyOf = (bytes: Buffer): { id: string; from: string; to: string; amount: string } =>
  JSON.parse(bytes.toString().split("\r\n\r\n")[1] ?? "");

test("answers are read whole, however they arrive", () => {
  const seen: (readonly [number, string, string | null])[] = [];
  const skim = new ResponseSkim(() => {
    seen.push([skim.status, skim.body.toString(), skim.header("retry-after")]);
  });
  const text =
    "HTTP/1.1 503 Busy\r\nRetry-After: 3\r\nContent-Length: 5\r\n\r\nabcdeHTTP/1.1 304 Same\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
  const expected = [
    [503, "abcde", "3"],
    [304, "", null],
    [200, "{}", null],
  ];
  for (let size = 1; size <= text.length; size += 1) {
    seen.length = 0;
    for (let at = 0; at < text.length; at += size) skim.execute(Buffer.from(text.slice(at, at + size)));
    assert.deepEqual(seen, expected);
  }
  assert.throws(() => skim.execute(Buffer.from("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0")));
});

test("in `cross` no two owners of a pair live on one shard, and all of them pay and are paid", () => {
  const pairs = new PairChoice(planFor({ load: "cross" }));
  const tenant = parseTenant("demo");
  const shards = wallets.map((text) => {
    const wallet = parseWallet(text);
    assert.ok(tenant !== undefined && wallet !== undefined);
    return shardOfWallet(tenant, wallet, 4);
  });
  const [payers, payees] = [new Set<number>(), new Set<number>()];
  for (let count = 0; count < 2_000; count += 1) {
    pairs.next();
    assert.notEqual(shards[pairs.from], shards[pairs.to]);
    payers.add(pairs.from);
    payees.add(pairs.to);
  }
  assert.deepEqual([payers.size, payees.size], [wallets.length, wallets.length]);
  assert.throws(() => new PairChoice(planFor({ load: "cross", shards: 1 })));
});

test("one of the hot wallets is in every pair, as often as the payer", () => {
  const pairs = new PairChoice(planFor({ load: "hot" }));
  let paying = 0;
  for (let count = 0; count < 2_000; count += 1) {
    pairs.next();
    assert.ok(pairs.from < 3 || pairs.to < 3);
    if (pairs.from < 3) paying += 1;
  }
  assert.ok(paying > 900 && paying < 1_200);
});

/** What a system without fault says to a copy. */
class HonestLedger {
  readonly #amounts = new Map<string, string>();

  answerTo(bytes: Buffer): ResponseSkim {
    const { id, amount } = bodyOf(bytes);
    const known = this.#amounts.get(id);
    if (known !== undefined && known !== amount) return answer(422, '{"code":"id_conflict"}');
    this.#amounts.set(id, amount);
    return answer(201, `{"id":"${id}","replayed":${known !== undefined},"position":"${amount}"}`);
  }

  get distinct(): number {
    return this.#amounts.size;
  }
}

test("a storm counts each id once, and takes nothing but the contract for an answer", () => {
  const source = requestSource(planFor({ load: "storm" }));
  const ledger = new HonestLedger();
  const lanes = Array.from({ length: 16 }, () => source.lane());
  const copies = new Map<string, number>();
  for (let turn = 0; turn < 400; turn += 1) {
    const sent = lanes.map((lane) => [lane, Buffer.from(lane.next(0))] as const);
    // Those of the second half are answered first: every order must do.
    for (const [lane, bytes] of [...sent.slice(8), ...sent.slice(0, 8)]) {
      const { id } = bodyOf(bytes);
      copies.set(id, (copies.get(id) ?? 0) + 1);
      assert.equal(lane.onAnswer(ledger.answerTo(bytes), 0), "good");
    }
  }
  const { book } = source;
  source.close();
  assert.equal(book.settled, ledger.distinct);
  assert.ok([...copies.values()].filter((count) => count === COPIES).length > 300);
  assert.ok([...copies.values()].every((count) => count <= COPIES));
  assert.equal(
    [...book.changes].reduce((sum, change) => sum + change, 0),
    0,
  );
  assert.deepEqual([book.unanswered, book.examples], [[], []]);
});

/** The first copies of an altered transfer and of a plain one, each on a lane of its own. */
function stormLanes() {
  const source = requestSource(planFor({ load: "storm" }));
  const lanes = Array.from({ length: 32 }, () => source.lane());
  const sent = lanes.map((lane) => ({ lane, ...bodyOf(Buffer.from(lane.next(0))) }));
  const altered = sent.slice(24);
  assert.deepEqual(
    altered.map(({ amount }) => amount),
    ["1", "1", "2", "1", "1", "1", "1", "1"],
  );
  return { source, plain: sent.slice(0, 8), altered };
}
const first = '{"replayed":false,"position":"5"}';
const again = '{"replayed":true,"position":"5"}';

test("a storm finds an id that moved money twice, an answer that changed, and a second first", () => {
  const wrong: readonly (readonly [string, number, string])[] = [
    ["another answer", 201, '{"replayed":true,"position":"6"}'],
    ["a second first", 201, first],
    ["a conflict of equal contents", 422, '{"code":"id_conflict"}'],
    ["a refusal", 422, '{"code":"insufficient_funds"}'],
  ];
  for (const [name, status, body] of wrong) {
    const { plain } = stormLanes();
    assert.equal(plain[0]?.lane.onAnswer(answer(201, first), 0), "good");
    assert.equal(plain[1]?.lane.onAnswer(answer(201, again), 0), "good");
    assert.equal(plain[2]?.lane.onAnswer(answer(status, body), 0), "wrong", name);
  }
  const both = stormLanes().altered;
  assert.equal(both[0]?.lane.onAnswer(answer(201, first), 0), "good");
  assert.equal(both[2]?.lane.onAnswer(answer(201, again), 0), "wrong", "two contents settled");
  const neither = stormLanes().altered;
  assert.equal(neither[0]?.lane.onAnswer(answer(422, '{"code":"id_conflict"}'), 0), "good");
  assert.equal(neither[2]?.lane.onAnswer(answer(422, '{"code":"id_conflict"}'), 0), "wrong", "both refused");
  const own = stormLanes().altered;
  assert.equal(own[0]?.lane.onAnswer(answer(201, first), 0), "good");
  assert.equal(
    own[1]?.lane.onAnswer(answer(422, '{"code":"id_conflict"}'), 0),
    "wrong",
    "settled, then refused",
  );
  const late = stormLanes().altered;
  assert.equal(late[0]?.lane.onAnswer(answer(422, '{"code":"id_conflict"}'), 0), "good");
  assert.equal(late[1]?.lane.onAnswer(answer(201, first), 0), "wrong", "refused, then settled");
});

test("of a storm what nobody answered is asked for, each content once", () => {
  const { source, plain, altered } = stormLanes();
  for (const { lane } of [...plain.slice(1), ...altered]) lane.giveUp();
  plain[0]?.lane.onAnswer(answer(201, first), 0);
  source.close();
  const { unanswered } = source.book;
  // The plain one is settled; of the altered one both contents are open, and one of them will be refused.
  assert.deepEqual(
    unanswered.map(({ body, mayConflict }) => [bodyOf(Buffer.from(`\r\n\r\n${body}`)).amount, mayConflict]),
    [
      ["1", true],
      ["2", true],
    ],
  );
});

test("a read may be as old as it says, and no older", () => {
  const seen = new SeenVersions(2);
  seen.note(1, 5, 1_500);
  seen.note(1, 7, 3_200);
  seen.note(1, 6, 3_300);
  // Of the second of a moment it is not known what came before it.
  const at = (atMs: number): number => seen.leastAt(1, atMs);
  assert.deepEqual([at(1_900), at(2_000), at(3_999), at(4_000), at(9_000)], [0, 5, 5, 7, 7]);
  assert.equal(seen.leastAt(0, 9_000), 0);
  seen.note(1, 9, 60_000);
  assert.deepEqual([at(60_900), at(61_000), at(49_000)], [7, 9, 0]);
});

test("reads that go back, are too old, or are of another wallet are wrong", () => {
  const source = requestSource(planFor({ load: "reads" }));
  const lane = source.lane();
  /** Sends until it is a read, and answers it. */
  const read = (sentMs: number, version: number, age: string, other = false): string => {
    for (;;) {
      const text = lane.next(sentMs).toString();
      const wallet = /^GET \/v1\/wallets\/(.*)\?consistency=cached /.exec(text)?.[1];
      if (wallet === undefined) lane.onAnswer(answer(201, '{"balances":{}}'), sentMs);
      else {
        const body = `{"wallet":"${other ? "else" : wallet}","version":"${version}"}`;
        return lane.onAnswer(answer(200, body, `\r\nAge: ${age}`), sentMs);
      }
    }
  };
  for (let count = 0; count < 2_000; count += 1) assert.equal(read(10_000, 8, "0"), "good");
  assert.equal(read(12_900, 7, "1"), "good", "two seconds ago it may have been so");
  assert.equal(read(13_000, 7, "1"), "wrong", "it was not so two seconds ago");
  assert.equal(read(15_000, 8, "5"), "good");
  for (const age of ["6", "x", "-"]) assert.equal(read(15_000, 8, age), "wrong");
  assert.equal(read(15_000, 8, "0", true), "wrong");
});

test("a campaign grants each owner once, whoever asks again, and counts each grant once", () => {
  const source = requestSource(planFor({ load: "claims", wallets: wallets.slice(0, 5) }));
  const lane = source.lane();
  const owners = Array.from({ length: 8 }, () => bodyOf(lane.next(0)));
  assert.deepEqual(owners.slice(0, 4), owners.slice(4));
  assert.equal(new Set(owners.map((body) => JSON.stringify(body))).size, 4);
  const refusal = '{"code":"insufficient_funds"}';
  /** Answers the claims of the four owners, in order. */
  const round = (...answers: (readonly [number, string])[]) =>
    answers.map(([status, body]) => {
      lane.next(0);
      return lane.onAnswer(answer(status, body), 0);
    });
  const exhausted = [503, '{"code":"campaign_exhausted"}'] as const;
  const granted = [201, '{"replayed":false}'] as const;
  const replayed = [201, '{"replayed":true}'] as const;
  const unknown = [503, '{"code":"unknown"}'] as const;
  assert.deepEqual(round(granted, [422, refusal], unknown, unknown), ["good", "good", "open", "open"]);
  assert.deepEqual(round(replayed, [422, refusal], granted, unknown), ["good", "good", "good", "open"]);
  assert.deepEqual(round(granted, granted, [422, refusal], exhausted), ["wrong", "wrong", "wrong", "shed"]);
  lane.next(0);
  lane.giveUp();
  source.close();
  const { settled, changes, unanswered } = source.book;
  assert.equal(settled, 2);
  const amount = changes[1] ?? 0;
  assert.deepEqual([...changes], [-2 * amount, amount, 0, amount, 0]);
  // The fourth is asked for, once; the first and the third are known.
  assert.deepEqual(
    unanswered.map(({ changes: moved, outcomePath }) => [moved, outcomePath?.split("?")[1]]),
    [
      [
        [
          [0, -amount],
          [4, amount],
        ],
        "owner=owner-004",
      ],
    ],
  );
});

test("a pace is even, and what was due and not sent is known", () => {
  const turns = new PacedTurns(1_000, 100);
  const due = [turns.take(1_000), turns.take(1_000), turns.take(1_025), turns.take(1_025), turns.take(1_025)];
  assert.deepEqual(due, [1_000, null, 1_010, 1_020, null]);
  assert.deepEqual(turns.overdue(1_055), [25, 15, 5]);
});

test("a client comes back at once, or when it was told, not before and not much later", () => {
  const turns = new ClientTurns(1_000, 2);
  assert.deepEqual([turns.take(1_000), turns.take(1_001), turns.take(1_002)], [1_000, 1_001, null]);
  turns.back(1_003, null);
  assert.equal(turns.take(1_003), 1_003);
  turns.back(1_005, 2);
  turns.back(1_005, 500);
  for (let nowMs = 1_010; nowMs < 3_005; nowMs += 10) {
    turns.tick(nowMs);
    assert.equal(turns.take(nowMs), null);
  }
  turns.tick(3_020);
  assert.deepEqual([turns.take(3_020), turns.take(3_020)], [3_020, null]);
  // Nobody waits longer than a minute, and nobody is forgotten when time jumps.
  turns.tick(61_100);
  assert.deepEqual([turns.take(61_100), turns.take(61_100)], [61_100, null]);
});

const sample = (settled: number, p95: number, seconds = 1): LoadSample => ({
  ...{ endMs: 0, seconds, settled, answered: settled, shed: 0 },
  latencyMs: { p50: p95, p95, p99: p95 },
});

test("phases that differ in nothing but length share their connections", () => {
  const calm = { connections: 2, clients: 2, patience: 1, ratePerSecond: null, seconds: 1 };
  const many = { ...calm, connections: 20, clients: 20 };
  const phases = [
    { ...calm, name: "warm-up" },
    { ...calm, name: "calm", seconds: 9 },
    { ...many, name: "surge" },
    { ...calm, name: "after" },
  ];
  const names = stretchesOf(phases).map((stretch) => stretch.map(({ name }) => name));
  assert.deepEqual(names, [["warm-up", "calm"], ["surge"], ["after"]]);
});

test("a surge is over when rate and latency of one second are as before", () => {
  const before = { peak: 100, p95Ms: 50 };
  assert.equal(recoverySeconds([sample(100, 10)], before), 1);
  assert.equal(recoverySeconds([sample(89, 10), sample(95, 76), sample(95, 75)], before), 3);
  assert.equal(recoverySeconds([sample(89, 10)], before), null);
});

test("the worst stretch of a surge is found wherever it lies", () => {
  const rates = [100, 100, 100, 10, 20, 10, 20, 10, 100];
  assert.equal(worstRate(rates.map((rate) => sample(rate, 1))), 14);
  assert.equal(worstRate([sample(30, 1), sample(10, 1)]), 20);
  assert.equal(worstRate([]), 0);
});

test("a surge is summed up by its phases, and drawn second by second", () => {
  const latency = new LatencyHistogram();
  latency.add(20, 100);
  const phase = (name: string, settled: number, shed: number): PhaseResult => ({
    ...{ name, seconds: 2, settled, statuses: {}, unsent: 0, generatorMicros: 1 },
    ...{ verdicts: { good: settled, shed, open: 0, wrong: 0 }, latencies: { transfer: latency.parts } },
    samples: [sample(settled / 2, 20)],
  });
  const phases = [phase("calm", 20_000, 0), phase("surge", 18_000, 4_000), phase("after", 20_000, 0)];
  const memory = [{ atMs: 0, rssBytes: new Map([["gateway", 300 * 2 ** 20]]) }];
  const slice = { result: { phases }, memory } as unknown as Slice;
  const report = surgeReport(slice, 2_000);
  assert.deepEqual(
    [report.peakPerSecond, report.demandPerSecond, report.demandToPeak, report.arrivedPerSecond],
    [10_000, 100_000, 10, 11_000],
  );
  assert.deepEqual([report.shedPerSecond, report.ratioToPeak, report.worstRatioToPeak], [2_000, 0.9, 0.9]);
  assert.deepEqual([report.gatewayRssMb, report.recoverySeconds], [300, 1]);
  const seconds = surgeSeconds(slice);
  const csv = surgeCsv(seconds).trim().split("\r\n");
  assert.deepEqual([csv.length, csv[2]], [4, "1.5,surge,9000,0,9000,20,20,20,300"]);
  for (const drawn of [seconds, []]) assert.equal(xmlElements(surgePlot("t", "s", drawn))[0]?.name, "svg");
});
