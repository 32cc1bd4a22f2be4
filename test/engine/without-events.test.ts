// An engine that is started without events: commands settle as ever, there is no stream of events, and a reader is told.
// Started with events again, it publishes everything that the journal holds: nothing is missing.

import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "../../client/main.ts";
import { idOf, openCommand, transferCommand } from "../support/command-mix.ts";
import { until } from "../support/condition.ts";
import { Site } from "../support/site.ts";

const TRANSFERS = 20;

test("without events nothing is published and a reader is told; with events again nothing is missing", async (t) => {
  const site = await Site.start(t, { shards: 1 });
  const silent = await site.startEngine({ events: false });
  await site.client.call(openCommand(idOf(1, 1), "world:usd"));
  await site.client.call(openCommand(idOf(1, 2), "alice:usd"));
  for (let number = 1; number <= TRANSFERS; number += 1) {
    const outcome = await site.client.call(transferCommand(idOf(2, number), ["world:usd>alice:usd:1"]));
    assert.equal(outcome["status"], "posted");
  }
  const { events, eventsPending } = await site.client.status(0);
  assert.deepEqual([events, eventsPending], [false, 0]);

  const coffer = await connect({ servers: site.nats.url, tenant: "demo" });
  t.after(() => coffer.close());
  await assert.rejects(coffer.events({ from: "start" }).open(), /runs without events/);

  await silent.end();
  await site.startEngine({ events: true });
  await until("events are published", async () => (await site.client.status(0))["eventsPending"] === 0);
  const told: string[] = [];
  for await (const event of coffer.events({ from: "start" })) {
    told.push(event.command);
    if (told.length === TRANSFERS + 2) break;
  }
  const sent = Array.from({ length: TRANSFERS }, (_, index) => idOf(2, index + 1));
  assert.deepEqual(told, [idOf(1, 1), idOf(1, 2), ...sent]);
});
