// The lane against a log that accepts, refuses, stays silent and goes away in any order.
// Guards against commands that are forgotten, sent in two frames at once, or overtaken without need.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Lane } from "../../client/lane.ts";
import { Pending } from "../../client/pending.ts";
import { type CommandId, parseCommandId } from "../../protocol/command-id.ts";
import { parseOwner } from "../../protocol/names.ts";
import type { Outcome } from "../../protocol/outcome.ts";

const settings = { frameCommands: 3, frameBytes: 50, framesInFlight: 2, ackWaitMs: 100, outcomeWaitMs: 100 };

function commandId(number: number): CommandId {
  const id = parseCommandId(`0190c0de-0000-7000-8000-${String(number).padStart(12, "0")}`);
  assert.ok(id);
  return id;
}

function pendingOf(number: number, bytes: number): Pending {
  const owner = parseOwner("alice");
  assert.ok(owner);
  const command = { op: "release" as const, id: commandId(number), owner, hold: commandId(0) };
  return new Pending({ command, shard: 0, bytes }, Number.POSITIVE_INFINITY, { onOutcome() {} });
}

function outcomeOf({ command }: Pending): Outcome {
  const { id, op } = command;
  return {
    id,
    op,
    status: "released",
    refusal: null,
    replayed: false,
    shard: 0,
    position: 1,
    timeMs: 0,
    balances: [],
  };
}

/** A lane over a log that the test plays. */
class Log {
  nowMs = 0;
  isUp = true;
  readonly frames = new Map<number, readonly Pending[]>();
  readonly firstSends: Pending[] = [];
  readonly lane = new Lane(0, settings, {
    steadyMs: () => this.nowMs,
    fraction: () => 0.5,
    publishFrame: (_, frame, commands) => this.#publish(frame, commands),
  });

  #publish(frame: number, commands: readonly Pending[]): boolean {
    if (!this.isUp) return false;
    assert.ok(commands.length > 0 && commands.length <= settings.frameCommands);
    const bytes = commands.reduce((sum, each) => sum + each.bytes, 0);
    assert.ok(bytes <= settings.frameBytes || commands.length === 1);
    assert.ok(this.frames.size < settings.framesInFlight, "few frames in flight");
    const inFlight = new Set([...this.frames.values()].flat());
    for (const pending of commands) {
      assert.ok(!inFlight.has(pending), "a command is in one frame at most");
      if (!this.firstSends.includes(pending)) this.firstSends.push(pending);
    }
    this.frames.set(frame, commands);
    return true;
  }

  /** Takes a frame out of flight. */
  take(choice: number): { frame: number; commands: readonly Pending[] } | null {
    const frames = [...this.frames];
    const found = frames[choice % Math.max(1, frames.length)];
    if (found === undefined) return null;
    this.frames.delete(found[0]);
    return { frame: found[0], commands: found[1] };
  }
}

const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant("add" as const), value: fc.integer({ min: 1, max: 60 }) }),
    fc.record({ kind: fc.constantFrom("accept" as const, "refuse" as const), value: fc.nat(7) }),
    fc.record({
      kind: fc.constantFrom(
        "silence" as const,
        "down" as const,
        "up" as const,
        "settle" as const,
        "missing" as const,
      ),
      value: fc.nat(50),
    }),
  ),
  { maxLength: 60 },
);

/** Lets so much time pass that every frame in flight is given up. */
function silence(log: Log): void {
  log.nowMs += 10_000;
  log.frames.clear();
  log.lane.sweep(log.nowMs);
}

function play(log: Log, added: Pending[], step: { readonly kind: string; readonly value: number }): void {
  const { lane } = log;
  if (step.kind === "add") {
    const pending = pendingOf(added.length + 1, step.value);
    added.push(pending);
    lane.add(pending);
  } else if (step.kind === "accept" || step.kind === "refuse") {
    const taken = log.take(step.value);
    if (taken === null) return;
    if (step.kind === "accept") lane.onAccepted(taken.frame, 1);
    else lane.onRefused(taken.frame, "busy");
  } else if (step.kind === "silence") {
    silence(log);
  } else if (step.kind === "down" && log.isUp) {
    log.isUp = false;
    log.frames.clear();
    lane.onDown("down");
  } else if (step.kind === "up" && !log.isUp) {
    log.isUp = true;
    lane.onUp();
  } else {
    const pending = added[step.value % Math.max(1, added.length)];
    if (step.kind === "settle" && pending?.finish(outcomeOf(pending), log.nowMs)) lane.forget(pending);
    if (step.kind === "missing" && pending !== undefined) lane.sendAgain(pending);
  }
}

test("whatever the log does, first sends keep their order, and everything is accepted or settled in the end", () => {
  fc.assert(
    fc.property(steps, (run) => {
      const log = new Log();
      const added: Pending[] = [];
      for (const step of run) play(log, added, step);
      if (!log.isUp) play(log, added, { kind: "up", value: 0 });
      for (let round = 0; round < 400; round += 1) {
        play(log, added, { kind: "accept", value: 0 });
        if (round % 20 === 0) silence(log);
        log.lane.pump();
      }
      for (const pending of added)
        assert.ok(pending.state === "accepted" || pending.state === "done", pending.state);
      const expected = added.filter((pending) => log.firstSends.includes(pending));
      assert.deepEqual(
        log.firstSends.map(({ command }) => command.id),
        expected.map(({ command }) => command.id),
      );
    }),
    { numRuns: 300 },
  );
});

test("a lane lags for as long as the oldest accepted command waits and nothing is settled", () => {
  const log = new Log();
  const { lane } = log;
  const added: Pending[] = [];
  for (let number = 0; number < 3; number += 1) play(log, added, { kind: "add", value: 5 });
  log.nowMs = 100;
  assert.equal(lane.lagMs(log.nowMs), 0, "the log does not have it yet");
  play(log, added, { kind: "accept", value: 0 });
  log.nowMs = 150;
  assert.equal(lane.lagMs(log.nowMs), 50);
  const [first, second, third] = added;
  assert.ok(first && second && third);
  assert.ok(second.finish(outcomeOf(second), log.nowMs));
  lane.onSettled(log.nowMs);
  lane.forget(second);
  log.nowMs = 170;
  assert.equal(lane.lagMs(log.nowMs), 20, "a later one was settled meanwhile");
  play(log, added, { kind: "down", value: 0 });
  play(log, added, { kind: "up", value: 0 });
  assert.equal(lane.lagMs(log.nowMs), 0, "it is on its way again");
  play(log, added, { kind: "accept", value: 0 });
  log.nowMs = 175;
  assert.equal(lane.lagMs(log.nowMs), 5);
  for (const pending of [first, third]) if (pending.giveUp("late", log.nowMs)) lane.forget(pending);
  assert.equal(lane.lagMs(log.nowMs), 0, "it waits for nothing");
});

test("frames that are refused go again in their old order", () => {
  const log = new Log();
  const added: Pending[] = [];
  for (let number = 0; number < 9; number += 1) play(log, added, { kind: "add", value: 5 });
  log.lane.pump();
  const [first, second] = [log.take(0), log.take(0)];
  assert.ok(first && second);
  log.lane.onRefused(first.frame, "busy");
  log.lane.onRefused(second.frame, "busy");
  log.nowMs += 10_000;
  log.lane.sweep(log.nowMs);
  const again = [...log.frames.values()].flat();
  assert.deepEqual(again, added.slice(0, 6));
});

test("a refused log is left alone for a while, and longer each time", () => {
  const log = new Log();
  const added: Pending[] = [];
  play(log, added, { kind: "add", value: 5 });
  log.lane.pump();
  const pauses: number[] = [];
  for (let round = 0; round < 10; round += 1) {
    play(log, added, { kind: "refuse", value: 0 });
    const startMs = log.nowMs;
    for (; log.frames.size === 0; log.nowMs += 1) log.lane.sweep(log.nowMs);
    pauses.push(log.nowMs - startMs);
  }
  assert.deepEqual(
    pauses,
    pauses.toSorted((left, right) => left - right),
  );
  assert.ok(
    (pauses[0] ?? 0) >= 25 && (pauses.at(-1) ?? 0) >= 2_000 && (pauses.at(-1) ?? 0) < 4_100,
    String(pauses),
  );
});
