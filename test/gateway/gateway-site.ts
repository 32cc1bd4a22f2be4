/**
 * A gateway for a test: a nats-server, an engine and a gateway on both, with keys that the test names. Gone with `stop`.
 */
import { randomFillSync } from "node:crypto";
import { Gateway, type GatewayOptions, type GatewayParts } from "../../gateway/gateway.ts";
import type { KeyDirectory } from "../../gateway/key-directory.ts";
import { type Principal, type Scope, withIncluded } from "../../gateway/principal.ts";
import { type OwnerName, parseOwner, parseTenant } from "../../protocol/names.ts";
import { startEngine, type TestEngine } from "../support/engine.ts";
import { startTestNats, type TestNats } from "../support/nats.ts";

/** Time and randomness of the machine. */
export const testClock = {
  wallMs: () => Date.now(),
  steadyMs: () => performance.now(),
  fillRandom: (bytes: Uint8Array) => {
    randomFillSync(bytes);
  },
};

/** Keys by their text, in memory. */
export class TestKeys implements KeyDirectory {
  readonly #principals = new Map<string, Principal>();

  /** Adds a key of a tenant; `owners` undefined = all. */
  add(
    key: string,
    scope: Scope,
    { tenant = "demo", owners }: { tenant?: string; owners?: string[] } = {},
  ): this {
    const name = parseTenant(tenant);
    if (name === undefined) throw new Error(`no tenant: ${tenant}`);
    const bound = owners === undefined ? null : new Set(owners.map(ownerOrThrow));
    this.#principals.set(key, { keyId: key, tenant: name, scopes: withIncluded([scope]), owners: bound });
    return this;
  }

  /** Takes a key away, as a revocation does. */
  remove(key: string): void {
    this.#principals.delete(key);
  }

  principalOf(bearer: string): Principal | null {
    return this.#principals.get(bearer) ?? null;
  }

  isLive(keyId: string): boolean {
    return this.#principals.has(keyId);
  }
}

/** An answer, its body read as JSON where it is JSON. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: Readonly<Record<string, unknown>>;
}

/** What a request may carry beside method and path. */
export interface Call {
  /** Default `admin`; null = none. */
  readonly key?: string | null;
  readonly body?: unknown;
  /** Sent as it is, in place of `body`. */
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** See the file header. */
export interface GatewaySite {
  readonly nats: TestNats;
  readonly engine: TestEngine;
  readonly gateway: Gateway;
  readonly keys: TestKeys;
  readonly problems: string[];
  call(method: string, path: string, call?: Call): Promise<Answer>;
  stop(): Promise<void>;
}

/** Starts one. Keys: `admin`, `write`, `read` for every owner of tenant demo. */
export async function startGatewaySite({
  shards = 4,
  clock = testClock,
  events = true,
} = {}): Promise<GatewaySite> {
  const nats = await startTestNats({ shards });
  const engine = await startEngine({ natsUrl: nats.url, shards, events });
  const keys = new TestKeys().add("admin", "admin").add("write", "write").add("read", "read");
  const problems: string[] = [];
  const gateway = await startTestGateway(nats.url, keys, (text) => problems.push(text), 5_000, {
    parts: { clock },
  });
  return {
    nats,
    engine,
    gateway,
    keys,
    problems,
    call: (method, path, call) => callHttp(gateway.url, method, path, call),
    stop: async () => {
      await gateway.stop();
      await engine.stop();
      await nats.stop();
    },
  };
}

/** Starts a gateway alone. */
export async function startTestGateway(
  natsUrl: string,
  keys: KeyDirectory,
  onProblem: (text: string) => void = () => undefined,
  stopWaitMs = 5_000,
  more: { readonly options?: Partial<GatewayOptions>; readonly parts?: Partial<GatewayParts> } = {},
): Promise<Gateway> {
  const options = { natsUrl, host: "127.0.0.1", port: 0, replicas: 1, stopWaitMs, ...more.options };
  const parts = { clock: testClock, keys, version: "0.0.0-test", onProblem, ...more.parts };
  return await Gateway.start(options, parts);
}

/** Sends one request. Of an answer without an end only the beginning is read. */
export async function callHttp(url: string, method: string, path: string, call: Call = {}): Promise<Answer> {
  const { key = "admin", body, text, headers = {} } = call;
  const sent = text ?? (body === undefined ? undefined : JSON.stringify(body));
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      ...(key === null ? {} : { authorization: `Bearer ${key}` }),
      ...(sent === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(sent === undefined ? {} : { body: sent }),
  });
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
  const answer = isStream ? await beginningOf(response) : await response.text();
  const isJson = (response.headers.get("content-type") ?? "").includes("json") && answer !== "";
  const json: unknown = isJson ? JSON.parse(answer) : {};
  const fields = typeof json === "object" && json !== null ? (json as Record<string, unknown>) : {};
  return { status: response.status, headers: response.headers, text: answer, json: fields };
}

async function beginningOf({ body }: Response): Promise<string> {
  const reader = body?.getReader();
  const first = await reader?.read();
  await reader?.cancel();
  return Buffer.from(first?.value ?? []).toString();
}

function ownerOrThrow(text: string): OwnerName {
  const owner = parseOwner(text);
  if (owner === undefined) throw new Error(`no owner: ${text}`);
  return owner;
}
