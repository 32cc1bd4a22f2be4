// What runs in a gateway's process: the keys on a connection of their own, and the gateway that asks them.
//
//   start: NATS ► keys ► gateway        stop: gateway ► keys ► NATS
//
// Does not own: signals and messages to the starter (node-main.ts).

import type { Connection } from "../cluster/connection.ts";
import { openConnection } from "../cluster/connection.ts";
import type { GatewayOptions, GatewayParts } from "./gateway.ts";
import { Gateway } from "./gateway.ts";
import { KeyStore } from "./key-store.ts";

/** See the file header. */
export class GatewayProcess {
  readonly gateway: Gateway;
  readonly #keys: KeyStore;
  readonly #connection: Connection;

  private constructor(gateway: Gateway, keys: KeyStore, connection: Connection) {
    this.gateway = gateway;
    this.#keys = keys;
    this.#connection = connection;
  }

  /**
   * Connects, reads the keys, listens.
   * Errors: ClusterError `nats_unreachable`; what JetStream says of the bucket, the system of the address.
   */
  static async start(options: GatewayOptions, parts: Omit<GatewayParts, "keys">): Promise<GatewayProcess> {
    const { natsUrl, credentials, replicas } = options;
    const login = credentials === undefined ? {} : { credentials };
    const connection = await openConnection({ servers: natsUrl, name: "coffer-gateway-keys", ...login });
    let keys: KeyStore | null = null;
    try {
      const store = await KeyStore.open(connection.nc, parts.clock, replicas);
      keys = store;
      const gateway = await Gateway.start(options, {
        ...parts,
        keys: store,
        areKeysReady: () => store.isReady,
      });
      return new GatewayProcess(gateway, store, connection);
    } catch (thrown) {
      keys?.close();
      await connection.close();
      throw thrown;
    }
  }

  /** Answers what is under way and ends. */
  async stop(): Promise<void> {
    await this.gateway.stop();
    this.#keys.close();
    await this.#connection.close();
  }
}
