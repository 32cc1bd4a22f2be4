// Contract 3, `peer_timeout` and `pending`: what callers see while one shard does not answer. It is made to halt the
// only way that an outsider can: by a record that bears this cluster's id and proves that the logs diverge.
// Takes the 30 s that a move waits for its votes; they cannot be shortened from outside, where time comes from stamps.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { encodePeerFrame } from "../../protocol/peer-frame-codec.ts";
import { until } from "../support/condition.ts";
import { clusterOf } from "../support/engine.ts";
import { type Installation, install } from "./installation.ts";
import { isObject, type OutcomeJson } from "./json-shape.ts";
import { type Json, newId, type OutsideCaller, ownerOn, type PubAck } from "./outside-caller.ts";

const VOTES_MS_MAX = 60_000;
let installation: Installation;
let caller: OutsideCaller;
const alice = ownerOn(0, "alice");
const bob = ownerOn(1, "bob");
const carol = ownerOn(2, "carol");
const mint = `${alice}:mint`;
const mine = `${alice}:usd`;
const theirs = `${bob}:usd`;
const hers = `${carol}:usd`;

before(async () => {
  installation = await install();
  caller = await installation.caller();
  await caller.must("open", { op: "open", wallet: mint, asset: "USD/2", min: "unlimited" });
  for (const wallet of [mine, theirs, hers])
    await caller.must("open", { op: "open", wallet, asset: "USD/2" });
  await caller.must("posted", legs([mint, mine], 1000));
  await caller.must("posted", legs([mint, theirs], 100));
});

after(() => installation.stop());

function legs(pair: readonly [string, string], amount: number, more: readonly Json[] = []): Json {
  const [from, to] = pair;
  return { op: "transfer", legs: [{ from, to, amount: String(amount) }, ...more] };
}

async function stateOf(shard: number): Promise<unknown> {
  const status: unknown = (await caller.request(`coffer.admin.status.${shard}`)).json();
  assert(isObject(status));
  return status["state"];
}

/** Sends a command whose outcome may take its time. */
async function start(command: Json): Promise<{ ack: PubAck; outcomes: Promise<OutcomeJson[]> }> {
  const reply = caller.resultSubject();
  const outcomes = caller.collect(reply, 1, VOTES_MS_MAX);
  return { ack: await caller.append(alice, command, { reply }), outcomes };
}

test("a record of this cluster that does not fit halts its shard, says so, and no other shard", async () => {
  const zero = { number: 0, hash: new Uint8Array(16) };
  const acked = { number: 999, hash: new Uint8Array(16).fill(1) };
  const head = { cluster: clusterOf(installation.dataDir), from: 3, to: 2, epoch: 1 };
  const frame = encodePeerFrame({ ...head, acked, resend: false, before: zero, lowestKept: 1, groups: [] });
  await caller.appendTo("coffer.s.2.peer.3", frame);
  const said = await installation
    .engine()
    .heard((event) => event.event === "shard" && event.shard === 2 && event.state === "halted");
  assert(said.event === "shard");
  assert.equal(said.reason, "pair_diverged");
  assert.match(said.detail ?? "", /pair 3 to 2/);
  for (const shard of [0, 1, 3]) assert.equal(await stateOf(shard), "active");
});

test("nobody answers for its owners, and what is sent to them is accepted and waits", async () => {
  // What the engine says of a halt, and what the server knows of it, come by two ways.
  await until("nobody is there to answer", async () => {
    const read = caller.nc.request(`coffer.get.demo.${carol}`, JSON.stringify({ get: "owner" }));
    return await read.then(
      () => false,
      (error: unknown) => /no responders/.test(String(error)),
    );
  });
  const { stream } = await caller.append(carol, { ...legs([hers, mine], 1), id: newId() });
  assert.equal(stream, "COFFER_S2");
});

test("a move to it alone stays pending; one with votes, and a hold, end in peer_timeout with everything given back", async () => {
  const two = { ...legs([mine, hers], 10), id: newId() };
  const many = { ...legs([mine, hers], 20, [{ from: theirs, to: mint, amount: "30" }]), id: newId() };
  const hold = { ...legs([mine, hers], 40), hold: { ttlMs: 60_000 }, id: newId() };
  const started = [await start(two), await start(many), await start(hold)];
  const last = Math.max(...started.map(({ ack }) => ack.seq));
  assert.equal((await caller.wallet(mine, { after: String(last) })).held, "70");
  for (const { id } of [two, many, hold]) {
    const { outcome } = await caller.read(alice, { get: "outcome", id });
    assert.deepEqual(outcome, { id, status: "pending" });
  }
  await caller.must("insufficient_funds", legs([mine, mint], 931));
  await caller.must("posted", legs([mine, theirs], 1));

  const [, ofMany, ofHold] = started;
  for (const { id, run } of [
    { id: many.id, run: ofMany },
    { id: hold.id, run: ofHold },
  ]) {
    const [outcome] = (await run?.outcomes) ?? [];
    assert.deepEqual([outcome?.id, outcome?.code], [id, "peer_timeout"]);
    assert.deepEqual(await caller.outcome(alice, id), outcome);
  }
  const { outcome } = await caller.read(alice, { get: "outcome", id: two.id });
  assert.deepEqual(
    outcome,
    { id: two.id, status: "pending" },
    "what the other shard decides alone has no time-out",
  );
  assert.equal(await caller.balance(mine), "999 10 0", "only that move is still reserved");
  await until("the other voter gives back", async () => (await caller.balance(theirs)) === "101 0 0");
  assert.equal((await caller.holds(alice)).rows.length, 0, "a hold that was refused was never placed");
  started[0]?.outcomes.catch(() => undefined);
});
