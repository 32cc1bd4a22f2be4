// The sockets that a gateway listens at, all on one address and port, in front of one HTTP server.
//
//   port ─┬─ listener 0 (the server's own) ─┐
//         ├─ listener 1 ────────────────────┼─► HTTP server      the kernel spreads new connections over them
//         └─ … ─────────────────────────────┘
//
// Node takes in one connection of each listener each time round its event loop. A busy loop goes round a few hundred
// times a second, so with one listener a burst of 1,000 new connections waited 5 s to be taken in; with 16 it takes 0.6
// (measured with a loop that is kept for 5 ms a round).
// Does not own: requests and time-outs.
// Invariant: a port that somebody listens at is refused, another gateway's too. Listeners that share a port would let
// two gateways share it without a word, so the port is first bound for ourselves alone. (Two that start
// within the same millisecond can still meet.)

import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import type { FastifyInstance } from "fastify";

/** Listeners on one port; elsewhere than on Linux they would not share its connections. */
const LISTENERS = process.platform === "linux" ? 16 : 1;
/** Connections that wait at each to be taken in, as far as the system lets it. */
const CONNECTIONS_WAITING_MAX = 4_096;
/** How often a stop closes connections that have become idle, ms. */
const IDLE_LOOK_MS = 20;

/** Where to listen. */
export interface ListenPlace {
  readonly host: string;
  /** 0 = a free one. */
  readonly port: number;
}

/** See the file header. */
export class HttpListeners {
  /** Where it listens, such as `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly #app: FastifyInstance;
  readonly #more: readonly Server[];

  private constructor(url: string, app: FastifyInstance, more: readonly Server[]) {
    this.url = url;
    this.#app = app;
    this.#more = more;
  }

  /** Listens for an app that does not listen yet. Errors: what the system says; nothing listens then. */
  static async open(app: FastifyInstance, { host, port }: ListenPlace): Promise<HttpListeners> {
    const isShared = LISTENERS > 1;
    const place = {
      ...{ host, backlog: CONNECTIONS_WAITING_MAX },
      ...(isShared ? { port: await portAlone({ host, port }), reusePort: true } : { port }),
    };
    const listening: Promise<string> = app.listen(place);
    const url = await listening;
    const onConnection = (socket: Socket): void => void app.server.emit("connection", socket);
    const more: Server[] = [];
    try {
      while (more.length + 1 < LISTENERS) {
        const listener = createServer({ noDelay: true, allowHalfOpen: true }, onConnection);
        more.push(listener);
        listener.listen(place);
        await once(listener, "listening");
      }
    } catch (thrown) {
      for (const listener of more) listener.close();
      await app.close();
      throw thrown;
    }
    return new HttpListeners(url, app, more);
  }

  /**
   * Takes no more connections, lets requests under way end, and closes the app. Connections that are left after
   * `waitMs` are cut off. Never rejects.
   */
  async close(waitMs: number): Promise<void> {
    const { server } = this.#app;
    // A connection that was busy when the server closed stays open after its answer, for as long as it is kept alive.
    const idle = setInterval(() => server.closeIdleConnections(), IDLE_LOOK_MS);
    const bound = setTimeout(() => server.closeAllConnections(), waitMs);
    const ended = this.#more.map(
      (listener) => new Promise<void>((resolve) => listener.close(() => resolve())),
    );
    await Promise.all([...ended, this.#app.close().catch(() => undefined)]);
    clearInterval(idle);
    clearTimeout(bound);
  }
}

/** Closes connections beyond so many as they come, whichever listener they came by. */
export function boundConnections(server: Server, connectionsMax: number): void {
  let open = 0;
  server.on("connection", (socket: Socket) => {
    open += 1;
    socket.once("close", () => {
      open -= 1;
    });
    if (open > connectionsMax) socket.destroy();
  });
}

/** The port, bound for a moment by nobody else. Errors: what the system says, such as EADDRINUSE. */
async function portAlone({ host, port }: ListenPlace): Promise<number> {
  const probe = createServer();
  probe.listen({ host, port });
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  return typeof address === "object" && address !== null ? address.port : port;
}
