// The gateway of one process: HTTP in front of the engine. Here it only says that it lives.
// Does not own: the process around it, and the keys (node-main.ts).

import type { FastifyInstance } from "fastify";
import fastify from "fastify";
import type { ClientClock } from "../client/clock.ts";
import type { KeyDirectory } from "./key-directory.ts";

/** What a gateway is told. */
export interface GatewayOptions {
  readonly natsUrl: string;
  readonly credentials?: Uint8Array;
  /** Address to listen at, such as 127.0.0.1. */
  readonly host: string;
  /** 0 = a free one. */
  readonly port: number;
  /** Copies of the bucket of keys. */
  readonly replicas: number;
}

/** What a gateway is given from outside itself. */
export interface GatewayParts {
  readonly clock: ClientClock;
  readonly keys: KeyDirectory;
  /** Version of this package. */
  readonly version?: string;
  /** Called with one line when something went wrong that the gateway survives. */
  readonly onProblem?: (text: string) => void;
}

/** A running gateway. */
export class Gateway {
  readonly url: string;
  readonly port: number;
  readonly #server: FastifyInstance;

  private constructor(server: FastifyInstance, url: string) {
    this.#server = server;
    this.url = url;
    this.port = Number(new URL(url).port);
  }

  /** Listens. Errors: rejects with what the system says. */
  static async start(options: GatewayOptions, _parts: GatewayParts): Promise<Gateway> {
    const server = fastify();
    server.get("/livez", () => ({ status: "live" }));
    const url = await server.listen({ host: options.host, port: options.port });
    return new Gateway(server, url);
  }

  /** Ends it gracefully. */
  async stop(): Promise<void> {
    await this.#server.close();
  }
}
