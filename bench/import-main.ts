// `npm run bench:import`: what it costs that a tenant's commands come from an account of its own, which imports its
// subjects from the engine's account as a service. One server, one stream behind a mapping; slices in which the
// engine's own account publishes alternate with slices in which the tenant's does, so that both have the same machine.
//
// Owns its server and its directory; needs no engine, because nothing behind the stream can tell the two apart.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { findNatsServer } from "../cluster/nats-binary.ts";
import { readNatsConfTemplate, SYNC_OF_PROFILE } from "../cluster/nats-conf.ts";
import { startNatsServer } from "../cluster/nats-server.ts";
import { assert } from "../protocol/assert.ts";
import { parseOwner, parseTenant } from "../protocol/names.ts";
import { commandSubject, shardStreamSubjects } from "../protocol/subject.ts";
import { orUsage } from "./or-usage.ts";
import { usageOf } from "./process-usage.ts";

const USAGE = `Usage: npm run bench:import -- [--pairs N] [--seconds S] [--durability strict|relaxed] [--json]
  --pairs N        slices of each kind, one after the other (default: 5)
  --seconds S      length of a slice (default: 2)
  --durability P   how the server syncs (default: relaxed)
  --json           one line of JSON`;
const TENANT = "demo";
const SUBJECTS = subjectsOfOwners(1_000);
/** What the tenant may publish. */
const SERVICE = `${SUBJECTS[0]?.slice(0, SUBJECTS[0].lastIndexOf("."))}.*`;
const MESSAGE_BYTES = 150;
const IN_FLIGHT = 512;
/** How long the last acknowledgements of a slice may take, ms. */
const ACK_WAIT_MS = 30_000;
const SECONDS_MAX = 3_600;

/** One slice: acknowledged messages a second, and what each cost the server. */
interface Slice {
  readonly acksPerSecond: number;
  readonly serverMicros: number;
}

const { values } = orUsage(USAGE, () =>
  parseArgs({
    options: {
      pairs: { type: "string", default: "5" },
      seconds: { type: "string", default: "2" },
      durability: { type: "string", default: "relaxed" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  }),
);
const [pairs, seconds] = [Number(values.pairs), Number(values.seconds)];
const isUsable = Number.isInteger(pairs) && pairs > 0 && seconds > 0 && seconds <= SECONDS_MAX;
const profile = values.durability === "strict" || values.durability === "relaxed" ? values.durability : null;
if (values.help) console.log(USAGE);
else if (!isUsable || profile === null) {
  console.error(USAGE);
  process.exitCode = 2;
} else {
  await measure(profile);
}

async function measure(durability: keyof typeof SYNC_OF_PROFILE): Promise<void> {
  const { path } = await findNatsServer({ env: process.env, onProgress: (line) => console.error(line) });
  const directory = await mkdtemp(join(tmpdir(), "coffer-bench-"));
  const template = withAccounts(await readNatsConfTemplate());
  const sync = SYNC_OF_PROFILE[durability];
  const server = await startNatsServer({ binary: path, directory, shards: 1, sync, template });
  try {
    const own = await connect({ servers: server.url });
    const tenant = await connect({ servers: server.url, user: TENANT, pass: TENANT });
    await addStream(own);
    const slices: Record<"own" | "imported", Slice[]> = { own: [], imported: [] };
    for (let pair = 0; pair < pairs; pair += 1) {
      slices.own.push(await slice(own, server.pid));
      slices.imported.push(await slice(tenant, server.pid));
      console.error(`${pair + 1} of ${pairs} pairs`);
    }
    await Promise.all([own.close(), tenant.close()]);
    report(durability, slices);
  } finally {
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

/** The project's configuration with an account for the engine, which has the streams and mappings, and one for a tenant. */
function withAccounts(template: string): string {
  const start = template.search(/^mappings \{/m);
  const end = template.indexOf("\n}", start) + 2;
  return `${template.slice(0, start)}accounts {
  ENGINE {
    jetstream: enabled
    users: [ { user: engine, password: engine } ]
    exports: [ { service: "${SERVICE}", accounts: [TENANT] } ]
    ${template.slice(start, end)}
  }
  TENANT {
    users: [ { user: ${TENANT}, password: ${TENANT} } ]
    imports: [ { service: { account: ENGINE, subject: "${SERVICE}" } } ]
  }
}
no_auth_user: engine
${template.slice(end)}`;
}

function subjectsOfOwners(count: number): string[] {
  const tenant = parseTenant(TENANT);
  assert(tenant !== undefined, "the tenant is a name");
  return Array.from({ length: count }, (_, index) => {
    const owner = parseOwner(`owner${index}`);
    assert(owner !== undefined, "an owner is a name");
    return commandSubject(tenant, owner);
  });
}

async function addStream(nc: NatsConnection): Promise<void> {
  const config = {
    name: "IMPORTS",
    subjects: shardStreamSubjects(0),
    storage: "file",
    retention: "limits",
    max_bytes: 2 ** 30,
  };
  const answer = await nc.request("$JS.API.STREAM.CREATE.IMPORTS", JSON.stringify(config));
  if (answer.string().includes('"error"')) throw new Error(`the stream was refused: ${answer.string()}`);
}

async function slice(nc: NatsConnection, pid: number): Promise<Slice> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const inbox = `_INBOX.import.${nc.info?.client_id ?? 0}`;
  const payload = Buffer.alloc(MESSAGE_BYTES, 1);
  const before = await usageOf(pid);
  const startMs = performance.now();
  let [sent, acked] = [0, 0];
  const send = (): void => {
    nc.publish(SUBJECTS[sent % SUBJECTS.length] ?? "", payload, { reply: inbox });
    sent += 1;
  };
  const subscription = nc.subscribe(inbox, {
    callback: (error, message) => {
      if (error !== null || !message.string().includes('"seq"'))
        reject(error ?? new Error(`no acknowledgement: ${message.string()}`));
      acked += 1;
      if (performance.now() - startMs < seconds * 1000) send();
      else if (acked === sent) resolve();
    },
  });
  const wait = seconds * 1000 + ACK_WAIT_MS;
  const late = setTimeout(() => reject(new Error("a message was not acknowledged")), wait);
  for (let index = 0; index < IN_FLIGHT; index += 1) send();
  await promise.finally(() => clearTimeout(late));
  const tookMs = performance.now() - startMs;
  const after = await usageOf(pid);
  subscription.unsubscribe();
  const cpuSeconds = (after?.cpuSeconds ?? Number.NaN) - (before?.cpuSeconds ?? Number.NaN);
  return { acksPerSecond: (acked * 1000) / tookMs, serverMicros: (cpuSeconds * 1e6) / acked };
}

function report(durability: string, slices: Readonly<Record<"own" | "imported", readonly Slice[]>>): void {
  const told = (of: keyof Slice, digits: number) => ({
    own: slices.own.map((each) => Number(each[of].toFixed(digits))),
    imported: slices.imported.map((each) => Number(each[of].toFixed(digits))),
  });
  const [acks, micros] = [told("acksPerSecond", 0), told("serverMicros", 1)];
  if (values.json) {
    console.log(JSON.stringify({ durability, acksPerSecond: acks, serverMicros: micros }));
    return;
  }
  for (const kind of ["own", "imported"] as const) {
    const name = kind === "own" ? "the engine's account" : "a tenant's account, imported";
    console.log(
      `${name}: ${acks[kind].join(", ")} acknowledged a second; ${micros[kind].join(", ")} µs of the server each`,
    );
  }
}
