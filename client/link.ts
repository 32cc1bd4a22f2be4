// The link is this client's one connection to NATS, made again for ever: it says `down` and `up`, restores its
// subscriptions before it says `up`, and never sends anything twice by itself.
//
//   connecting ──► up ──► down ──► up ──► … ──► closed
//
// Does not own: what was under way when it went down; that is nobody's here, the lanes send it again.
// A connection that ends is thrown away and a fresh one is made: the NATS library's own reconnecting keeps about
// 11 KB for each failed dial, and buffers what it then drops.
// Invariant: callbacks of subscriptions never throw into the NATS library (one that did would end its reader).

import type { ConnectionOptions, Msg, NatsConnection, Subscription } from "@nats-io/transport-node";
import { connect, credsAuthenticator, NoRespondersError, RequestError } from "@nats-io/transport-node";
import { CofferUnreachable, reasonText } from "./errors.ts";
import type { IdSource } from "./id-source.ts";
import type { ServerOptions } from "./options.ts";
import { addressesIn, addressUrl } from "./server-address.ts";

/** A silent server is given up after PING_INTERVAL_MS * (PING_OUT_MAX + 1). */
const PING_INTERVAL_MS = 3_000;
const PING_OUT_MAX = 2;
const DIAL_TIMEOUT_MS = 2_000;
/** Pause between two dials: doubles from the first to the last, plus up to as much again at random. */
const DIAL_PAUSE_MS_FIRST = 50;
const DIAL_PAUSE_MS_LAST = 1_000;
/** How long closing waits for what is buffered. */
const FLUSH_WAIT_MS = 1_000;

/** What a request came to. */
export type LinkAnswer =
  | { readonly kind: "answer"; readonly data: Uint8Array }
  | { readonly kind: "no_responders" | "no_answer" };

/** Told about changes of the link. Listeners must not throw. */
export interface LinkListener {
  onUp(): void;
  onDown(): void;
  /** Something went wrong that the link survives, such as a refused permission. */
  onProblem(text: string): void;
}

interface Wanted {
  readonly subject: string;
  readonly onMessage: (message: Msg) => void;
}

/** See the file header. */
export class Link {
  readonly #options: ConnectionOptions;
  readonly #ids: IdSource;
  readonly #wanted: Wanted[] = [];
  readonly #listeners = new Set<LinkListener>();
  #nc: NatsConnection | null = null;
  #isClosed = false;
  #wake: (() => void) | null = null;
  #problem = "";

  private constructor(options: ConnectionOptions, ids: IdSource) {
    this.#options = options;
    this.#ids = ids;
  }

  /**
   * Connects, trying again for `waitMs`.
   * Errors: CofferUnreachable, which names the servers and the last reason, never a password.
   */
  static async open(server: ServerOptions, ids: IdSource, waitMs: number): Promise<Link> {
    const link = new Link(connectionOptions(server), ids);
    const bound = AbortSignal.timeout(waitMs);
    const nc = await link.#dial(() => bound.aborted);
    if (nc === null) {
      const servers = addressesIn(server.servers)
        .map((address) => addressUrl(address).host)
        .join(", ");
      throw new CofferUnreachable(`No NATS server answers at ${servers}: ${link.#problem}.`);
    }
    link.#adopt(nc);
    return link;
  }

  /** False while disconnected, and after `close`. */
  get isUp(): boolean {
    return this.#nc !== null;
  }

  /** The open connection, or null while there is none. Only the reader of events takes it. */
  get connection(): NatsConnection | null {
    return this.#nc;
  }

  /** The last reason why a connection failed or ended; empty when none did. */
  get problem(): string {
    return this.#problem;
  }

  /** Follows changes until the returned function is called. */
  follow(listener: LinkListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Subscribes for the life of the link. Payloads are views over a buffer that is used again: copy what is kept. */
  subscribe(subject: string, onMessage: (message: Msg) => void): void {
    const wanted = { subject, onMessage };
    this.#wanted.push(wanted);
    if (this.#nc !== null) this.#subscribeOn(this.#nc, wanted);
  }

  /** Publishes, when the link is up; `false` when nothing was published. Never throws. */
  publish(subject: string, payload: Uint8Array, reply: string): boolean {
    if (this.#nc === null) return false;
    try {
      this.#nc.publish(subject, payload, { reply });
      return true;
    } catch (thrown) {
      this.#report(reasonText(thrown));
      return false;
    }
  }

  /** Asks and waits for one answer; the data is a copy. Never throws. */
  async request(subject: string, payload: Uint8Array | string, waitMs: number): Promise<LinkAnswer> {
    if (this.#nc === null) return { kind: "no_answer" };
    try {
      const message = await this.#nc.request(subject, payload, { timeout: Math.max(1, Math.ceil(waitMs)) });
      return { kind: "answer", data: message.data.slice() };
    } catch (thrown) {
      const isNobody =
        thrown instanceof NoRespondersError || (thrown instanceof RequestError && thrown.isNoResponders());
      return { kind: isNobody ? "no_responders" : "no_answer" };
    }
  }

  /** Sends what is buffered (bounded) and closes for good. Never throws. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#wake?.();
    const nc = this.#nc;
    this.#nc = null;
    if (nc === null) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const bound = setTimeout(resolve, FLUSH_WAIT_MS);
    await Promise.race([nc.flush().catch(() => undefined), promise]);
    clearTimeout(bound);
    await nc.close().catch(() => undefined);
  }

  async #dial(isOver: () => boolean): Promise<NatsConnection | null> {
    for (let pauseMs = DIAL_PAUSE_MS_FIRST; ; pauseMs = Math.min(pauseMs * 2, DIAL_PAUSE_MS_LAST)) {
      try {
        return await connect(this.#options);
      } catch (thrown) {
        this.#problem = reasonText(thrown);
      }
      if (isOver()) return null;
      await this.#pause(pauseMs * (1 + this.#ids.fraction()));
      if (isOver()) return null;
    }
  }

  async #pause(pauseMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, pauseMs);
    this.#wake = resolve;
    await promise;
    this.#wake = null;
    clearTimeout(timer);
  }

  #adopt(nc: NatsConnection): void {
    this.#nc = nc;
    for (const wanted of this.#wanted) this.#subscribeOn(nc, wanted);
    this.#readProblems(nc).catch((thrown: unknown) => this.#report(reasonText(thrown)));
    nc.closed()
      .then((ended) => this.#onEnd(nc, ended instanceof Error ? ended.message : "the server closed it"))
      .catch((thrown: unknown) => this.#report(reasonText(thrown)));
  }

  async #onEnd(nc: NatsConnection, reason: string): Promise<void> {
    if (this.#nc !== nc) return;
    this.#nc = null;
    this.#problem = reason;
    this.#tell((listener) => listener.onDown());
    const next = await this.#dial(() => this.#isClosed);
    if (next === null) return;
    if (this.#isClosed) {
      await next.close().catch(() => undefined);
      return;
    }
    this.#adopt(next);
    this.#tell((listener) => listener.onUp());
  }

  async #readProblems(nc: NatsConnection): Promise<void> {
    for await (const status of nc.status()) {
      if (status.type === "error") this.#report(status.error.message);
    }
  }

  #subscribeOn(nc: NatsConnection, wanted: Wanted): Subscription {
    return nc.subscribe(wanted.subject, {
      callback: (error, message) => {
        if (error !== null) {
          this.#report(error.message);
          return;
        }
        try {
          wanted.onMessage(message);
        } catch (thrown) {
          this.#report(reasonText(thrown));
        }
      },
    });
  }

  #report(text: string): void {
    this.#problem = text;
    this.#tell((listener) => listener.onProblem(text));
  }

  #tell(call: (listener: LinkListener) => void): void {
    for (const listener of [...this.#listeners]) call(listener);
  }
}

/** The NATS library's options, every one that matters written out. Logins in addresses are taken out of them. */
export function connectionOptions(server: ServerOptions): ConnectionOptions {
  const urls = addressesIn(server.servers).map(addressUrl);
  const login = urls.find((url) => url.username !== "");
  const { credentials, token, user, password, tls } = server;
  return {
    servers: urls.map((url) => `${url.protocol}//${url.host}`),
    name: server.name,
    reconnect: false,
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: PING_OUT_MAX,
    timeout: DIAL_TIMEOUT_MS,
    noAsyncTraces: true,
    inboxPrefix: server.inboxPrefix,
    ...(login === undefined
      ? {}
      : { user: decodeURIComponent(login.username), pass: decodeURIComponent(login.password) }),
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { pass: password }),
    ...(token === undefined ? {} : { token }),
    ...(credentials === undefined ? {} : { authenticator: credsAuthenticator(credentialBytes(credentials)) }),
    ...(tls === undefined ? {} : { tls }),
  };
}

function credentialBytes(credentials: Uint8Array | string): Uint8Array {
  return typeof credentials === "string" ? new TextEncoder().encode(credentials) : credentials;
}
