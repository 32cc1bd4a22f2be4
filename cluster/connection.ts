/**
 * One connection to NATS with every setting written out: tries again for ever, notices a dead peer within seconds,
 * tells its owner when it is down and up again.
 *
 * Does not own: what was under way when the connection broke. The client library drops what it had not sent, and pending
 * requests only time out; log-writer and log-reader each recover by themselves when they hear `down` and `up`.
 * One connection a role and worker thread; the role is its name in the server's monitoring.
 */

import { setTimeout as delay } from "node:timers/promises";
import type { ConnectionOptions, NatsConnection, Status } from "@nats-io/transport-node";
import { connect, createInbox, credsAuthenticator } from "@nats-io/transport-node";
import { ClusterError, errorText } from "./cluster-error.ts";

/** A silent server is given up after PING_INTERVAL_MS * (PING_OUT_MAX + 1). */
export const PING_INTERVAL_MS = 3_000;
/** Pings that may be unanswered before the connection counts as dead. */
export const PING_OUT_MAX = 2;
/** Pause between two tries to reconnect, ms; plus jitter, so that a crowd of clients does not dial at once. */
export const RECONNECT_PAUSE_MS = 100;
const RECONNECT_JITTER_MS = 100;
const DIAL_TIMEOUT_MS = 2_000;
const CLOSE_WAIT_MS = 2_000;

/** How to connect. `connectWaitMs` bounds the first connection (default 10,000); later ones are tried for ever. */
export interface ConnectionSettings {
  /** `nats://[user:password@]host:port`, one or several servers of one cluster (a list, or commas between). */
  readonly servers: string | readonly string[];
  /** Role, such as `coffer-worker-2`. */
  readonly name: string;
  /** The contents of a credentials file. */
  readonly credentials?: Uint8Array;
  /** First token(s) of this connection's inboxes; give each user its own. Default `_INBOX`. */
  readonly inboxPrefix?: string;
  readonly connectWaitMs?: number;
}

/** `down` and `up` alternate; `closed` comes once, with the error that ended it, or empty text after `close()`. */
export type ConnectionEvent =
  | { readonly kind: "down" }
  | { readonly kind: "up" }
  | { readonly kind: "problem"; readonly text: string }
  | { readonly kind: "closed"; readonly text: string };

/** An open connection. */
export interface Connection {
  readonly nc: NatsConnection;
  readonly name: string;
  /** False from `down` to `up`, and after `closed`. */
  isUp(): boolean;
  /** A new inbox subject under this connection's prefix. */
  inbox(): string;
  /** Calls `listener` for each event from now on; the returned function ends that. */
  onEvent(listener: (event: ConnectionEvent) => void): () => void;
  /** Sends what is buffered (bounded by 2 s) and closes. Never throws. */
  close(): Promise<void>;
}

/**
 * Connects, trying again for `connectWaitMs`.
 * Errors: ClusterError `nats_unreachable` (its message names the servers and the last reason, never a password).
 */
export async function openConnection(settings: ConnectionSettings): Promise<Connection> {
  const options = optionsOf(settings);
  const deadline = AbortSignal.timeout(settings.connectWaitMs ?? 10_000);
  for (;;) {
    try {
      return watched(await connect(options), settings);
    } catch (cause) {
      if (deadline.aborted) {
        const servers = [options.servers ?? []].flat().join(", ");
        throw new ClusterError(
          "nats_unreachable",
          `No NATS server answers at ${servers}: ${errorText(cause)}.`,
          { retryable: true, cause },
        );
      }
      await delay(RECONNECT_PAUSE_MS);
    }
  }
}

function optionsOf(settings: ConnectionSettings): ConnectionOptions {
  const urls = [settings.servers]
    .flat()
    .flatMap((servers) => servers.split(","))
    .map((server) => new URL(server.includes("://") ? server : `nats://${server}`));
  const login = urls.find((url) => url.username !== "");
  const { credentials, inboxPrefix } = settings;
  return {
    servers: urls.map((url) => `${url.protocol}//${url.host}`),
    name: settings.name,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_PAUSE_MS,
    reconnectJitter: RECONNECT_JITTER_MS,
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: PING_OUT_MAX,
    timeout: DIAL_TIMEOUT_MS,
    noAsyncTraces: true,
    ...(login === undefined
      ? {}
      : { user: decodeURIComponent(login.username), pass: decodeURIComponent(login.password) }),
    ...(credentials === undefined ? {} : { authenticator: credsAuthenticator(credentials) }),
    ...(inboxPrefix === undefined ? {} : { inboxPrefix }),
  };
}

function watched(nc: NatsConnection, settings: ConnectionSettings): Connection {
  const listeners = new Set<(event: ConnectionEvent) => void>();
  let isUp = true;
  const tell = (event: ConnectionEvent): void => {
    isUp = event.kind === "up" || (isUp && event.kind === "problem");
    for (const listener of [...listeners]) listener(event);
  };
  const follow = async (): Promise<void> => {
    for await (const status of nc.status()) {
      const event = eventOf(status, isUp);
      if (event !== null) tell(event);
    }
  };
  const following = follow();
  const closed = nc.closed().then(async (error) => {
    await following.catch(() => undefined);
    tell({ kind: "closed", text: error instanceof Error ? error.message : "" });
    listeners.clear();
  });
  return {
    nc,
    name: settings.name,
    isUp: () => isUp && !nc.isClosed(),
    inbox: () => createInbox(settings.inboxPrefix ?? ""),
    onEvent: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: async () => {
      if (!nc.isClosed()) {
        const bound = AbortSignal.timeout(CLOSE_WAIT_MS);
        const late = new Promise<void>((resolve) =>
          bound.addEventListener("abort", () => resolve(), { once: true }),
        );
        if (isUp) await Promise.race([nc.flush().catch(() => undefined), late]);
        await nc.close().catch(() => undefined);
      }
      await closed;
    },
  };
}

function eventOf(status: Status, isUp: boolean): ConnectionEvent | null {
  switch (status.type) {
    case "disconnect":
      return isUp ? { kind: "down" } : null;
    case "reconnect":
      return isUp ? null : { kind: "up" };
    case "error":
      return { kind: "problem", text: status.error.message };
    case "ldm":
      return { kind: "problem", text: `server ${status.server} is shutting down` };
    case "staleConnection":
      return { kind: "problem", text: "the server does not answer pings" };
    default:
      return null;
  }
}
