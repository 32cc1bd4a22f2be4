// The options of `connect`: what they mean, their defaults and bounds.
// Checked once, before anything is dialled, so that a mistake is an error that names the option.

import { COMMANDS_PER_MESSAGE_MAX, MESSAGE_BYTES_MAX } from "../protocol/limits.ts";
import { parseTenant, type TenantName } from "../protocol/names.ts";
import { CofferOptionsInvalid } from "./errors.ts";
import { addressesIn } from "./server-address.ts";

/** Files for TLS; an empty object asks for TLS with the system's authorities. */
export interface TlsOptions {
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
}

/** How to connect. Everything but `servers` and `tenant` has a default. */
export interface CofferOptions {
  /** `nats://[user:password@]host:port`, one server or several of one cluster (a list, or commas between). */
  readonly servers: string | readonly string[];
  /** The tenant whose wallets these are, `[a-z0-9-]{1,32}`. */
  readonly tenant: string;
  /** Shown in the server's monitoring. Default `coffer-client`. */
  readonly name?: string;
  /** The contents of a credentials file. */
  readonly credentials?: Uint8Array | string;
  readonly token?: string;
  readonly user?: string;
  readonly password?: string;
  readonly tls?: TlsOptions;
  /** First tokens of this client's inboxes, where its user may not use the common `_INBOX`. */
  readonly inboxPrefix?: string;
  /** How long `connect` waits for a server and for the engine's answer, ms. Default 10,000. */
  readonly connectWaitMs?: number;
  /** How long a command is kept and sent again before it ends as `unknown`, and how long a read is tried, ms. Default 30,000. */
  readonly deadlineMs?: number;
  /** Commands on the way at once, over all shards; `send` waits for room. Default 20,000. */
  readonly windowCommands?: number;
  /** Bytes of commands on the way at once. Default 32 MiB. */
  readonly windowBytes?: number;
  /** Commands that may wait for room; the next `send` rejects with CofferOverloaded. Default 100,000. */
  readonly waitingMax?: number;
  /** Commands in one frame, 1..1,000. Default 500. */
  readonly frameCommands?: number;
  /** Bytes of the commands in one frame, at most 511 KiB. Default 256 KiB. */
  readonly frameBytes?: number;
  /** Frames of one shard that may wait for their PubAck; meanwhile the next frame grows. Default 2. */
  readonly framesInFlight?: number;
  /** How long a frame waits for its PubAck before it is sent again, ms; doubles with each try. Default 2,000. */
  readonly ackWaitMs?: number;
  /** How long an accepted command waits for its outcome before it is asked for, ms; doubles with each try. Default 3,000. */
  readonly outcomeWaitMs?: number;
  /** Called with one line when something went wrong that the client survives. Must not throw. Default: nothing. */
  readonly onProblem?: (text: string) => void;
  /**
   * Called with the number of its commands whenever a frame has left, one that goes again included. Called while it
   * sends: must be quick, and must not throw. Default: nothing.
   */
  readonly onFrame?: (commands: number) => void;
}

/** The part of the options that dials. */
export type ServerOptions = Pick<
  CofferOptions,
  "servers" | "credentials" | "token" | "user" | "password" | "tls"
> & { readonly name: string; readonly inboxPrefix: string };

/** Options with every default filled in. */
export interface CofferSettings {
  readonly server: ServerOptions;
  readonly tenant: TenantName;
  readonly connectWaitMs: number;
  readonly deadlineMs: number;
  readonly windowCommands: number;
  readonly windowBytes: number;
  readonly waitingMax: number;
  readonly frameCommands: number;
  readonly frameBytes: number;
  readonly framesInFlight: number;
  readonly ackWaitMs: number;
  readonly outcomeWaitMs: number;
  readonly onProblem: (text: string) => void;
  readonly onFrame: (commands: number) => void;
}

/** A frame's header and reply subject fit beside its commands. */
const FRAME_BYTES_MAX = MESSAGE_BYTES_MAX - 1024;
/** Longest wait that a timer takes. */
const WAIT_MS_MAX = 2 ** 31 - 1;

/**
 * Fills in the defaults.
 * Errors: CofferOptionsInvalid, which names the option.
 */
export function settingsOf(options: CofferOptions): CofferSettings {
  const tenant = parseTenant(options.tenant);
  if (tenant === undefined) throw new CofferOptionsInvalid("tenant: must match [a-z0-9-]{1,32}");
  return {
    server: serverOptions(options),
    tenant,
    connectWaitMs: numberOf("connectWaitMs", options.connectWaitMs, 10_000, WAIT_MS_MAX),
    deadlineMs: numberOf("deadlineMs", options.deadlineMs, 30_000, WAIT_MS_MAX),
    windowCommands: numberOf("windowCommands", options.windowCommands, 20_000, 1_000_000),
    windowBytes: numberOf("windowBytes", options.windowBytes, 32 * 1024 * 1024, 2 ** 40),
    waitingMax: numberOf("waitingMax", options.waitingMax, 100_000, 10_000_000),
    frameCommands: numberOf("frameCommands", options.frameCommands, 500, COMMANDS_PER_MESSAGE_MAX),
    frameBytes: numberOf("frameBytes", options.frameBytes, 256 * 1024, FRAME_BYTES_MAX),
    framesInFlight: numberOf("framesInFlight", options.framesInFlight, 2, 64),
    ackWaitMs: numberOf("ackWaitMs", options.ackWaitMs, 2_000, WAIT_MS_MAX),
    outcomeWaitMs: numberOf("outcomeWaitMs", options.outcomeWaitMs, 3_000, WAIT_MS_MAX),
    onProblem: options.onProblem ?? (() => undefined),
    onFrame: options.onFrame ?? (() => undefined),
  };
}

/**
 * A wait or bound as a whole number of at least 1; `fallback` when it is not given.
 * Errors: CofferOptionsInvalid.
 */
export function numberOf(name: string, value: number | undefined, fallback: number, max: number): number {
  if (value === undefined) return fallback;
  if (!Number.isInteger(value) || value < 1 || value > max) {
    throw new CofferOptionsInvalid(`${name}: must be a whole number from 1 to ${max}`);
  }
  return value;
}

function serverOptions(options: CofferOptions): ServerOptions {
  const { servers, credentials, token, user, password, tls } = options;
  const list = addressesIn(servers);
  const isUsable = (server: string): boolean =>
    URL.canParse(server.includes("://") ? server : `nats://${server}`);
  if (list.length === 0 || !list.every(isUsable)) {
    throw new CofferOptionsInvalid("servers: must name at least one server, such as nats://127.0.0.1:4222");
  }
  return {
    servers,
    name: options.name ?? "coffer-client",
    inboxPrefix: options.inboxPrefix ?? "_INBOX",
    ...(credentials === undefined ? {} : { credentials }),
    ...(token === undefined ? {} : { token }),
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls }),
  };
}
