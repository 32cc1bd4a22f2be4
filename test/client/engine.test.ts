// The client against a real server and a real engine: what services rely on, end to end.
// Failures are real ones: processes are killed and started again on the same data.
import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import {
  type ClientOutcome,
  type Coffer,
  type CofferOptions,
  CofferOptionsInvalid,
  type CommandInput,
  connect,
  type Entry,
  type Event,
  type Outcome,
  type Page,
} from "../../client/mod.ts";
import { makeDataDir, startEngine, type TestEngine } from "../support/engine.ts";
import { startTestNats, type TestNats } from "../support/nats.ts";

const bound = { timeout: 90_000 };

let nats: TestNats;
let dataDir: string;
let engine: TestEngine;
let coffer: Coffer;

before(async () => {
  nats = await startTestNats({ shards: 4 });
  dataDir = await makeDataDir(4);
  engine = await startEngine({ natsUrl: nats.url, shards: 4, dataDir });
  coffer = await client();
});
after(async () => {
  await coffer?.close();
  await engine?.stop();
  await nats?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

async function client(options: Partial<CofferOptions> = {}): Promise<Coffer> {
  return await connect({ servers: nats.url, tenant: "demo", ...options });
}

let lastOwner = 0;
/** An owner that no other test uses. */
function newOwner(): string {
  lastOwner += 1;
  return `owner${lastOwner}`;
}

function settled(outcome: ClientOutcome | undefined): Outcome {
  assert.ok(outcome !== undefined && outcome.status !== "unknown");
  return outcome;
}

async function settle(command: CommandInput, at: Coffer = coffer): Promise<Outcome> {
  return settled(await at.send(command));
}

async function expectStatus(command: CommandInput, status: string): Promise<Outcome> {
  const outcome = await settle(command);
  assert.equal(outcome.status, status, `${outcome.refusal?.code} ${outcome.refusal?.detail}`);
  return outcome;
}

async function expectRefusal(command: CommandInput, code: string): Promise<void> {
  const outcome = await settle(command);
  assert.equal(outcome.refusal?.code, code);
}

/** An owner with an open wallet `usd` that holds `amount`, and a source of money of its own. */
async function fundedOwner(amount: bigint): Promise<string> {
  const owner = newOwner();
  const asset = "USD/2";
  await expectStatus({ op: "open", wallet: `${owner}:world`, asset, min: "unlimited" }, "open");
  await expectStatus({ op: "open", wallet: `${owner}:usd`, asset }, "open");
  if (amount > 0n) {
    await expectStatus({ op: "transfer", from: `${owner}:world`, to: `${owner}:usd`, amount }, "posted");
  }
  return owner;
}

async function postedOf(wallet: string, at: Coffer = coffer): Promise<bigint | undefined> {
  return (await at.wallet(wallet))?.posted;
}

async function pagesOf<Element>(pages: AsyncIterable<Page<Element>>): Promise<Element[][]> {
  const all: Element[][] = [];
  for await (const page of pages) all.push([...page.elements]);
  return all;
}

describe("commands", bound, () => {
  test("every operation does what its name says", async () => {
    const [alice, bob] = [await fundedOwner(10_000n), await fundedOwner(0n)];
    const [from, to] = [`${alice}:usd`, `${bob}:usd`];
    const transfer = await expectStatus(
      { op: "transfer", from, to, amount: 1_000n, ref: "order-7" },
      "posted",
    );
    await expectStatus(
      { op: "reverse", owner: alice, transfer: transfer.id ?? "", amount: "400" },
      "reversed",
    );
    const hold = await expectStatus(
      { op: "transfer", from, to, amount: 900n, hold: { ttlMs: 60_000 } },
      "held",
    );
    assert.equal((await coffer.wallet(from))?.held, 900n);
    await expectStatus(
      { op: "capture", owner: alice, hold: hold.id ?? "", amount: 500n, final: false },
      "captured",
    );
    await expectStatus({ op: "release", owner: alice, hold: hold.id ?? "" }, "released");
    await expectStatus({ op: "freeze", wallet: from, reason: "court order" }, "done");
    await expectRefusal({ op: "transfer", from, to, amount: 1n }, "wallet_frozen");
    await expectStatus({ op: "unfreeze", wallet: from, reason: "lifted" }, "done");
    await expectStatus({ op: "limit", wallet: from, max: 20_000n }, "done");
    const balances = await coffer.wallet(from);
    assert.deepEqual([balances?.posted, balances?.held, balances?.max], [8_900n, 0n, 20_000n]);
    assert.equal(await postedOf(to), 1_100n);
    await expectStatus({ op: "transfer", from: to, to: from, amount: 1_100n }, "posted");
    await expectStatus({ op: "close", wallet: to, reason: "moved away" }, "done");
    assert.equal((await coffer.wallet(to))?.status, "closed");
  });

  test("the same command again gives the same outcome, another one under its id a conflict", async () => {
    const owner = await fundedOwner(100n);
    const command: CommandInput = {
      op: "transfer",
      id: "0190c0de-0000-7000-8000-0000000000c1",
      from: `${owner}:usd`,
      to: `${owner}:world`,
      amount: 30n,
    };
    const first = await settle(command);
    const again = await settle(command);
    assert.deepEqual({ ...again, replayed: false }, first);
    assert.equal(again.replayed, true);
    await expectRefusal({ ...command, amount: 31n }, "id_conflict");
    assert.equal(await postedOf(`${owner}:usd`), 70n);
  });

  test("a frame that is doubted at once is sent again, and money moves once", async () => {
    const owner = await fundedOwner(100_000n);
    const doubtful = await client({ ackWaitMs: 1, outcomeWaitMs: 1, frameCommands: 50 });
    const commands = Array.from({ length: 2_000 }, (): CommandInput => {
      return { op: "transfer", from: `${owner}:usd`, to: `${owner}:world`, amount: 3n };
    });
    const outcomes = await doubtful.sendMany(commands);
    assert.ok(outcomes.every(({ status }) => status === "posted"));
    assert.equal(await postedOf(`${owner}:usd`), 94_000n);
    await doubtful.close();
  });

  test("commands of one owner apply in the order of the calls", async () => {
    const owner = await fundedOwner(1_000_000n);
    const commands = Array.from({ length: 500 }, (_, index): CommandInput => {
      return { op: "transfer", from: `${owner}:usd`, to: `${owner}:world`, amount: BigInt(index + 1) };
    });
    await coffer.sendMany(commands);
    const entries: Entry[] = (await pagesOf(coffer.entries(`${owner}:usd`, { limit: 500 }))).flat();
    const amounts = entries.filter(({ amount }) => amount < 0n).map(({ amount }) => Number(-amount));
    assert.deepEqual(
      amounts.toReversed(),
      commands.map((_, index) => index + 1),
    );
  });

  test("many owners on all shards are settled through one client", async () => {
    const owners = await Promise.all(Array.from({ length: 12 }, () => fundedOwner(10_000n)));
    const commands = Array.from({ length: 1_200 }, (_, index): CommandInput => {
      const [from = "", to = ""] = [owners[index % 12], owners[(index * 7 + 1) % 12]];
      return {
        op: "transfer",
        from: `${from}:usd`,
        to: `${to === from ? `${to}:world` : `${to}:usd`}`,
        amount: 1n,
      };
    });
    let posted = 0;
    for await (const outcome of coffer.outcomes(commands, { inFlight: 200 })) {
      assert.equal(outcome.status, "posted");
      posted += 1;
    }
    assert.equal(posted, 1_200);
    let sum = 0n;
    for (const owner of owners)
      for (const { posted: amount } of (await coffer.owner(owner)).wallets) sum += amount;
    assert.equal(sum, 0n);
  });
});

describe("reads", bound, () => {
  test("show what does not exist as null, and name what cannot be asked", async () => {
    assert.equal(await coffer.wallet("nobody:usd"), null);
    assert.deepEqual(await pagesOf(coffer.entries("nobody:usd")), []);
    assert.deepEqual((await coffer.owner("nobody")).wallets, []);
    await assert.rejects(coffer.wallet("nobody"), CofferOptionsInvalid);
    await assert.rejects(coffer.owner("no:body"), CofferOptionsInvalid);
    await assert.rejects(pagesOf(coffer.holds("nobody", { limit: 101 })), CofferOptionsInvalid);
    await assert.rejects(pagesOf(coffer.holds("nobody", { cursor: "?" })), CofferOptionsInvalid);
  });

  test("an owner's wallets are shown at one instant, no earlier than asked for", async () => {
    const owner = await fundedOwner(500n);
    const moved = await settle({ op: "transfer", from: `${owner}:usd`, to: `${owner}:world`, amount: 200n });
    const { wallets, asOf } = await coffer.owner(owner, { after: moved.position });
    assert.deepEqual(wallets.map(({ posted }) => posted).toSorted(), [-300n, 300n]);
    assert.equal(asOf.shard, moved.shard);
    assert.ok(asOf.position >= moved.position);
  });

  test("entries and holds come in pages, newest first", async () => {
    const owner = await fundedOwner(500n);
    const [from, to] = [`${owner}:usd`, `${owner}:world`];
    for (let amount = 1n; amount <= 5n; amount += 1n) {
      await expectStatus({ op: "transfer", from, to, amount, hold: { ttlMs: 60_000 } }, "held");
    }
    const holds = await pagesOf(coffer.holds(owner, { limit: 2 }));
    assert.deepEqual(
      holds.map((page) => page.map((hold) => hold.legs[0]?.amount)),
      [[5n, 4n], [3n, 2n], [1n]],
    );
    const entries = await pagesOf(coffer.entries(from, { limit: 3 }));
    assert.deepEqual(
      entries.map((page) => page.map(({ version }) => version)),
      [[7, 6, 5], [4, 3, 2], [1]],
    );
    for await (const page of coffer.entries(from, { limit: 3 })) {
      assert.ok(page.next);
      const rest = await pagesOf(coffer.entries(from, { limit: 3, cursor: page.next }));
      assert.deepEqual(rest, entries.slice(1));
      break;
    }
  });
});

describe("events", bound, () => {
  test("tell of every change once, and go on where a reader stopped", async () => {
    const owner = await fundedOwner(1_000n);
    const feed = coffer.events();
    await feed.open();
    const commands = Array.from({ length: 30 }, (_, index): CommandInput => {
      return { op: "transfer", from: `${owner}:usd`, to: `${owner}:world`, amount: 1n, ref: `r${index}` };
    });
    await coffer.sendMany(commands.slice(0, 20));
    const seen: Event[] = [];
    const read = async (events: AsyncIterable<Event>, count: number): Promise<void> => {
      for await (const event of events) if (event.ref?.startsWith("r") && seen.push(event) === count) break;
    };
    await read(feed, 12);
    await coffer.sendMany(commands.slice(20));
    const restarted = await client();
    await read(restarted.events({ from: feed.position }), 30);
    await restarted.close();
    assert.deepEqual(
      seen.map(({ ref }) => ref),
      commands.map((_, index) => `r${index}`),
    );
    assert.ok(seen.every(({ op, status }) => op === "transfer" && status === "posted"));
  });
});

describe("failures", bound, () => {
  test("a command that the engine was away for ends as unknown, and is found when it is back", async () => {
    const owner = await fundedOwner(100n);
    await engine.kill();
    const command: CommandInput = { op: "transfer", from: `${owner}:usd`, to: `${owner}:world`, amount: 40n };
    const outcome = await coffer.send(command, { deadlineMs: 300 });
    assert.equal(outcome.status, "unknown");
    await assert.rejects(coffer.wallet(`${owner}:usd`, { deadlineMs: 200 }), { code: "unreachable" });
    const waiting = coffer.send({ ...command, amount: 2n }, { deadlineMs: 60_000 });
    engine = await startEngine({ natsUrl: nats.url, shards: 4, dataDir });
    assert.equal((await waiting).status, "posted");
    assert.equal((await coffer.resolve(outcome.id ?? "", owner)).status, "posted");
    const again = await settle({ ...command, id: outcome.id ?? "" });
    assert.deepEqual([again.status, again.replayed], ["posted", true]);
    assert.equal(await postedOf(`${owner}:usd`), 58n);
  });

  test("an engine that is killed in mid-burst costs nothing but time", async () => {
    const owner = await fundedOwner(10_000n);
    const commands = Array.from({ length: 3_000 }, (): CommandInput => {
      return { op: "transfer", from: `${owner}:usd`, to: `${owner}:world`, amount: 1n };
    });
    const sending = await client({ frameCommands: 10, deadlineMs: 60_000 });
    let restarting: Promise<void> | null = null;
    const restart = async (): Promise<void> => {
      await engine.kill();
      engine = await startEngine({ natsUrl: nats.url, shards: 4, dataDir });
    };
    let posted = 0;
    for await (const outcome of sending.outcomes(commands, { inFlight: 100 })) {
      assert.equal(outcome.status, "posted");
      posted += 1;
      if (posted === 1_000) restarting = restart();
    }
    assert.equal(posted, 3_000);
    await restarting;
    assert.equal(await postedOf(`${owner}:usd`), 7_000n);
    await sending.close();
  });

  test("a server that is restarted in mid-burst costs nothing but time", async () => {
    const owner = await fundedOwner(10_000n);
    const commands = Array.from({ length: 3_000 }, (): CommandInput => {
      return { op: "transfer", from: `${owner}:usd`, to: `${owner}:world`, amount: 1n };
    });
    const sending = await client({ frameCommands: 10, deadlineMs: 60_000 });
    let restarting: Promise<void> | null = null;
    let posted = 0;
    for await (const outcome of sending.outcomes(commands, { inFlight: 100 })) {
      assert.equal(outcome.status, "posted");
      posted += 1;
      if (posted === 1_000) restarting = nats.restart("stop");
    }
    assert.equal(posted, 3_000);
    await restarting;
    assert.equal(await postedOf(`${owner}:usd`, sending), 7_000n);
    await sending.close();
  });

  test("close waits until everything that was sent is settled", async () => {
    const owner = await fundedOwner(10_000n);
    const closing = await client();
    const commands = Array.from({ length: 1_000 }, (): CommandInput => {
      return { op: "transfer", from: `${owner}:usd`, to: `${owner}:world`, amount: 1n };
    });
    const sent = Promise.all(commands.map((command) => closing.send(command)));
    await closing.close({ deadlineMs: 30_000 });
    assert.ok((await sent).every(({ status }) => status === "posted"));
    assert.equal(await postedOf(`${owner}:usd`), 9_000n);
  });
});
