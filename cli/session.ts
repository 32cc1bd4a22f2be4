// How a command reaches the engine: which server, which tenant, how long to wait, and a client or a plain
// connection that is closed whatever happens.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Coffer } from "../client/mod.ts";
import { connect } from "../client/mod.ts";
import type { Connection } from "../cluster/connection.ts";
import { openConnection } from "../cluster/connection.ts";
import type { TenantName } from "../protocol/names.ts";
import type { Invocation } from "./command.ts";
import { DATA_DIRECTORY, readRunningDev } from "./data-directory.ts";
import { messageOf, usageFailure } from "./failure.ts";
import { durationMsIn, tenantIn } from "./value.ts";

const SERVER_DEFAULT = "nats://127.0.0.1:4222";
const TIMEOUT_MS_DEFAULT = 10_000;
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

/** Where and as whom to ask, and for how long. */
export interface Session {
  readonly server: string;
  readonly tenant: TenantName;
  readonly timeoutMs: number;
  readonly credentials: Uint8Array | null;
  readonly credentialsFile: string | null;
}

/**
 * Reads the common flags.
 * Errors: CliFailure `usage`.
 */
export function sessionOf(
  { parsed, surroundings }: Invocation,
  timeoutMsDefault = TIMEOUT_MS_DEFAULT,
): Session {
  const dev = readRunningDev(resolve(surroundings.directory, DATA_DIRECTORY));
  const given = namedServer({ parsed, surroundings });
  const server = given ?? dev?.nats ?? SERVER_DEFAULT;
  const credentialsFile = parsed.text("--creds");
  const timeout = parsed.text("--timeout");
  const timeoutMs = timeout === null ? timeoutMsDefault : durationMsIn(timeout);
  if (timeoutMs < 1 || timeoutMs > TIMEOUT_MS_MAX) throw usageFailure("--timeout is from 1ms to 24d.");
  const ofDev = given === null || given === dev?.nats ? dev?.tenant : undefined;
  return {
    server,
    tenant: tenantIn(parsed.text("--tenant") ?? ofDev ?? "demo"),
    timeoutMs,
    credentials:
      credentialsFile === null ? null : readCredentials(resolve(surroundings.directory, credentialsFile)),
    credentialsFile: credentialsFile === null ? null : resolve(surroundings.directory, credentialsFile),
  };
}

/** The server that the flag or the environment names, or null. Errors: CliFailure `usage`. */
export function namedServer({
  parsed,
  surroundings,
}: Pick<Invocation, "parsed" | "surroundings">): string | null {
  const server = parsed.text("--server") ?? (surroundings.env.NATS_URL || null);
  if (server === null) return null;
  const isUsable = server
    .split(",")
    .every((one) => URL.canParse(one.includes("://") ? one : `nats://${one}`));
  if (!isUsable) throw usageFailure(`"${server}" is not a server's address, such as nats://127.0.0.1:4222.`);
  return server;
}

/**
 * Runs `work` with a connected client and closes it.
 * Errors: CofferError `unreachable`, …, and whatever `work` throws.
 */
export async function withCoffer<Result>(
  session: Session,
  work: (coffer: Coffer) => Promise<Result>,
): Promise<Result> {
  const coffer = await connect({
    servers: session.server,
    tenant: session.tenant,
    name: "coffer-cli",
    connectWaitMs: session.timeoutMs,
    deadlineMs: session.timeoutMs,
    ...(session.credentials === null ? {} : { credentials: session.credentials }),
  });
  try {
    return await work(coffer);
  } finally {
    await coffer.close();
  }
}

/**
 * Runs `work` with a plain connection and closes it.
 * Errors: ClusterError `nats_unreachable`, and whatever `work` throws.
 */
export async function withConnection<Result>(
  session: Session,
  work: (connection: Connection) => Promise<Result>,
): Promise<Result> {
  const connection = await openConnection({
    servers: session.server,
    name: "coffer-cli",
    connectWaitMs: session.timeoutMs,
    ...(session.credentials === null ? {} : { credentials: session.credentials }),
  });
  try {
    return await work(connection);
  } finally {
    await connection.close();
  }
}

function readCredentials(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw usageFailure(`the credentials file cannot be read: ${messageOf(cause)}.`);
  }
}
