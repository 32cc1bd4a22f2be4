// The saga machines cell by cell: every state on every event, with the phase that follows and the effects. The
// types ask for every cell; `bug` is an event that cannot reach the state and must throw.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Saga, SagaPeer } from "../../actors/ledger.ts";
import { stepCheck } from "../../actors/saga-check.ts";
import { stepMany } from "../../actors/saga-many.ts";
import {
  type ParticipantEvent,
  type ParticipantState,
  stepParticipant,
} from "../../actors/saga-participant.ts";
import type { SagaEvent, SagaStep } from "../../actors/saga-step.ts";
import { stepTwo } from "../../actors/saga-two.ts";
import type { ItemLeg, ResultItem } from "../../protocol/item.ts";
import { type AssetName, parseAsset, parseOwner } from "../../protocol/names.ts";
import { type RefusalCode, refusal } from "../../protocol/outcome.ts";
import { commandId } from "./command-script.ts";
import { TENANT, walletName } from "./test-wallets.ts";

// The sagas of this file: a coordinator on shard 0, others on shards 1 and 2. Leg 0 goes from shard 0 to
// shard 1, leg 1 from shard 1 to shard 2: neither of the two sees both its wallets.

function assetName(text: string): AssetName {
  const name = parseAsset(text);
  assert.ok(name);
  return name;
}

const USD = assetName("USD/2");
const EUR = assetName("EUR/2");
const LEG_0: ItemLeg = { leg: 0, from: walletName("a:x"), to: walletName("b:x"), amount: 5n, asset: USD };
const LEG_1: ItemLeg = { leg: 1, from: walletName("b:x"), to: walletName("c:x"), amount: 5n, asset: null };

function peer(shard: number, legs: readonly ItemLeg[]): SagaPeer {
  return { shard, legs, vote: "waiting", refusal: null, leg: 0, acknowledged: false };
}

function newSaga(phase: Saga["phase"], peers: readonly SagaPeer[]): Saga {
  const owner = parseOwner("a");
  assert.ok(owner);
  return {
    number: 7,
    phase,
    move: phase === "checking" ? "hold" : "transfer",
    tenant: TENANT,
    owner,
    command: commandId(1),
    op: "transfer",
    code: null,
    ref: null,
    own: [{ wallet: walletName("a:x"), debit: 5n, credit: 0n, leg: 0, counterparty: walletName("b:x") }],
    peers,
    target: null,
    transfer: null,
    amount: 0n,
    final: false,
    assets: [[walletName("a:x"), USD]],
  };
}

const OTHERS = [peer(1, [LEG_0, LEG_1]), peer(2, [LEG_1])];

interface Answer {
  readonly code?: RefusalCode;
  readonly leg?: number;
  readonly asset?: AssetName;
}

function result(from: number, of: ResultItem["of"], { code, leg = 0, asset = USD }: Answer = {}): SagaEvent {
  const assets =
    code || of === "apply" || of === "commit"
      ? []
      : ([[walletName(from === 1 ? "b:x" : "c:x"), asset]] as const);
  return {
    kind: "result",
    from,
    item: { kind: "result", saga: 7, of, refusal: code ? refusal(code) : null, leg, assets },
  };
}

/** A step in one line: the phase that follows, or `ended`, and the effects. */
function describe(step: SagaStep): string {
  const effects = step.effects.map((effect) => {
    if (effect.kind === "send") return `${effect.item}>${effect.shard}`;
    if (effect.kind === "settle") return effect.refusal ? `refuse:${effect.refusal.code}` : "settle";
    if (effect.kind === "post") return effect.settled ? "post" : "post:pending";
    return effect.kind;
  });
  return [step.saga?.phase ?? "ended", ...effects].join(" ");
}

function attempt(step: () => SagaStep): string {
  try {
    return describe(step());
  } catch (error) {
    assert.equal((error as Error).name, "AssertionFailure");
    return "bug";
  }
}

const TIMER: SagaEvent = { kind: "vote_timer" };

const EVENTS = {
  done: result(1, "apply"),
  refusedApply: result(1, "apply", { code: "wallet_frozen" }),
  fits: result(1, "check"),
  fitsNot: result(1, "check", { code: "max_exceeded", leg: 0 }),
  lastFits: result(2, "check"),
  lastFitsNot: result(2, "check", { code: "wallet_frozen", leg: 1 }),
  yes: result(1, "prepare"),
  no: result(1, "prepare", { code: "insufficient_funds", leg: 1 }),
  lastYes: result(2, "prepare"),
  lastYesOtherAsset: result(2, "prepare", { asset: EUR }),
  lastNo: result(2, "prepare", { code: "wallet_closed", leg: 1 }),
  committed: result(1, "commit"),
  lastCommitted: result(2, "commit"),
  refusedCommit: result(1, "commit", { code: "wallet_closed" }),
  stranger: result(3, "prepare"),
  timer: TIMER,
} as const satisfies Record<string, SagaEvent>;

type EventName = keyof typeof EVENTS;

function run(step: (saga: Saga, event: SagaEvent) => SagaStep, saga: Saga, ...events: EventName[]): Saga {
  return events.reduce((current, event) => {
    const next = step(current, EVENTS[event]).saga;
    assert.ok(next, event);
    return next;
  }, saga);
}

function assertTable<State extends string>(
  step: (saga: Saga, event: SagaEvent) => SagaStep,
  states: Record<State, Saga>,
  table: Record<State, Record<EventName, string>>,
): void {
  for (const state of Object.keys(table) as State[]) {
    for (const event of Object.keys(EVENTS) as EventName[]) {
      const found = attempt(() => step(states[state], EVENTS[event]));
      assert.equal(found, table[state][event], `${state} on ${event}`);
    }
  }
}

test("a move with one other shard follows its table", () => {
  const bugs = {
    fits: "bug",
    fitsNot: "bug",
    lastFits: "bug",
    lastFitsNot: "bug",
    yes: "bug",
    no: "bug",
    lastYes: "bug",
    lastYesOtherAsset: "bug",
    lastNo: "bug",
    committed: "bug",
    lastCommitted: "bug",
    refusedCommit: "bug",
    stranger: "bug",
    timer: "bug",
  } as const;
  assertTable(
    stepTwo,
    { applying: newSaga("applying", OTHERS.slice(0, 1)) },
    {
      applying: { done: "ended post settle", refusedApply: "ended return refuse:wallet_frozen", ...bugs },
    },
  );
});

test("placing a hold over shards follows its table", () => {
  const checking = newSaga("checking", OTHERS);
  const states = {
    checking,
    oneFits: run(stepCheck, checking, "fits"),
    oneFitsNot: run(stepCheck, checking, "fitsNot"),
  };
  const bugs = {
    done: "bug",
    refusedApply: "bug",
    yes: "bug",
    no: "bug",
    lastYes: "bug",
    lastYesOtherAsset: "bug",
    lastNo: "bug",
    committed: "bug",
    lastCommitted: "bug",
    refusedCommit: "bug",
    stranger: "bug",
  } as const;
  assertTable(stepCheck, states, {
    checking: {
      fits: "checking",
      fitsNot: "checking",
      lastFits: "checking",
      lastFitsNot: "checking",
      timer: "ended return refuse:peer_timeout",
      ...bugs,
    },
    oneFits: {
      fits: "checking",
      fitsNot: "checking",
      lastFits: "ended clear_vote_timer settle",
      lastFitsNot: "ended clear_vote_timer return refuse:wallet_frozen",
      timer: "ended return refuse:peer_timeout",
      ...bugs,
    },
    oneFitsNot: {
      fits: "checking",
      fitsNot: "checking",
      lastFits: "ended clear_vote_timer return refuse:max_exceeded",
      lastFitsNot: "ended clear_vote_timer return refuse:max_exceeded",
      timer: "ended return refuse:max_exceeded",
      ...bugs,
    },
  });
});

test("a move with several other shards follows its table", () => {
  const preparing = newSaga("preparing", OTHERS);
  const committing = run(stepMany, preparing, "yes", "lastYes");
  const states = {
    preparing,
    oneYes: run(stepMany, preparing, "yes"),
    oneNo: run(stepMany, preparing, "no"),
    committing,
    oneCommitted: run(stepMany, committing, "committed"),
  };
  const others = {
    done: "bug",
    refusedApply: "bug",
    fits: "bug",
    fitsNot: "bug",
    lastFits: "bug",
    lastFitsNot: "bug",
    stranger: "bug",
  } as const;
  const undecided = { committed: "bug", lastCommitted: "bug", refusedCommit: "bug" } as const;
  const decided = {
    yes: "bug",
    no: "bug",
    lastYes: "bug",
    lastYesOtherAsset: "bug",
    lastNo: "bug",
    refusedCommit: "bug",
    timer: "bug",
  } as const;
  assertTable(stepMany, states, {
    preparing: {
      yes: "preparing",
      no: "preparing",
      lastYes: "preparing",
      lastYesOtherAsset: "preparing",
      lastNo: "preparing",
      timer: "ended return abort>1 abort>2 refuse:peer_timeout",
      ...undecided,
      ...others,
    },
    oneYes: {
      yes: "preparing",
      no: "preparing",
      lastYes: "committing clear_vote_timer post:pending commit>1 commit>2",
      lastYesOtherAsset: "ended clear_vote_timer return abort>1 abort>2 refuse:asset_mismatch",
      lastNo: "ended clear_vote_timer return abort>1 refuse:wallet_closed",
      timer: "ended return abort>1 abort>2 refuse:peer_timeout",
      ...undecided,
      ...others,
    },
    oneNo: {
      yes: "preparing",
      no: "preparing",
      lastYes: "ended clear_vote_timer return abort>2 refuse:insufficient_funds",
      lastYesOtherAsset: "ended clear_vote_timer return abort>2 refuse:insufficient_funds",
      lastNo: "ended clear_vote_timer return refuse:wallet_closed",
      timer: "ended return abort>2 refuse:insufficient_funds",
      ...undecided,
      ...others,
    },
    committing: { committed: "committing", lastCommitted: "committing", ...decided, ...others },
    oneCommitted: { committed: "bug", lastCommitted: "ended settle", ...decided, ...others },
  });
});

test("of refused legs the lowest wins, whichever vote came first", () => {
  const refusedHigh = result(1, "prepare", { code: "wallet_closed", leg: 1 });
  const refusedLow = result(2, "prepare", { code: "insufficient_funds", leg: 0 });
  for (const [first, second] of [
    [refusedHigh, refusedLow],
    [refusedLow, refusedHigh],
  ] as const) {
    const { saga } = stepMany(newSaga("preparing", OTHERS), first);
    assert.ok(saga);
    assert.match(describe(stepMany(saga, second)), /refuse:insufficient_funds$/);
  }
});

test("a vote counts once, and a repeated one changes nothing", () => {
  const voted = run(stepMany, newSaga("preparing", OTHERS), "yes");
  assert.equal(stepMany(voted, EVENTS.no).saga, voted);
});

test("what a shard does for another coordinator follows its table", () => {
  const events = {
    applyFits: { item: "apply", fits: true },
    applyRefused: { item: "apply", fits: false },
    checkFits: { item: "check", fits: true },
    checkRefused: { item: "check", fits: false },
    prepareFits: { item: "prepare", fits: true },
    prepareRefused: { item: "prepare", fits: false },
    commit: { item: "commit" },
    abort: { item: "abort" },
  } as const satisfies Record<string, ParticipantEvent>;
  const table: Record<ParticipantState, Record<keyof typeof events, string>> = {
    none: {
      applyFits: "none move answer",
      applyRefused: "none answer",
      checkFits: "none answer",
      checkRefused: "none answer",
      prepareFits: "prepared reserve answer",
      prepareRefused: "none answer",
      commit: "bug",
      abort: "none",
    },
    prepared: {
      applyFits: "bug",
      applyRefused: "bug",
      checkFits: "bug",
      checkRefused: "bug",
      prepareFits: "bug",
      prepareRefused: "bug",
      commit: "none post answer",
      abort: "none return",
    },
  };
  for (const state of Object.keys(table) as ParticipantState[]) {
    for (const event of Object.keys(events) as (keyof typeof events)[]) {
      let found = "bug";
      try {
        const step = stepParticipant(state, events[event]);
        found = [step.state, ...step.effects].join(" ");
      } catch (error) {
        assert.equal((error as Error).name, "AssertionFailure");
      }
      assert.equal(found, table[state][event], `${state} on ${event}`);
    }
  }
});
