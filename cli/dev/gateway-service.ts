// The gateway of a dev: one supervised child, started again on the port that it had.
//
//   start ──► ready ──ended──► start on the same port …
//     └─ the usual port was taken meanwhile ──► start on a free one
//
// Does not own: keys (dev-key.ts), what is printed (commands/dev.ts).

import type { ClientClock } from "../../client/clock.ts";
import { CliFailure } from "../failure.ts";
import type { GatewayOrder } from "./gateway-process.ts";
import { HTTP_HOST, HTTP_PORT, startGateway } from "./gateway-process.ts";
import { exitSentence } from "./main-process.ts";
import { isFree } from "./nats-service.ts";
import type { Ending, Running, Supervised } from "./supervisor.ts";
import { Supervisor } from "./supervisor.ts";

/** What a gateway of a dev needs. */
export interface GatewayParts {
  /** What it is told, but for the place. */
  readonly order: Omit<GatewayOrder, "host" | "port">;
  /** Null = 8080, or a free one when that is taken. */
  readonly port: number | null;
  readonly clock: Pick<ClientClock, "steadyMs">;
  readonly onRestart: Supervised["onRestart"];
  onNotice(text: string): void;
  /** It serves again after a restart. */
  onReadyAgain(): void;
}

/** See the file header. */
export class GatewayService {
  readonly #parts: GatewayParts;
  readonly #supervisor: Supervisor;
  readonly #first = Promise.withResolvers<string>();
  /** The port that it had; null before it was ready. */
  #port: number | null = null;
  /** The usual port was free when we looked, and taken when the gateway came. */
  #isUsualTaken = false;

  constructor(parts: GatewayParts) {
    this.#parts = parts;
    this.#supervisor = new Supervisor({
      name: "gateway",
      start: () => this.#launch(),
      clock: parts.clock,
      onRestart: (restart) => {
        if (this.#port !== null) parts.onRestart(restart);
      },
    });
  }

  /**
   * Starts it. @returns its URL, once it answers
   * Errors: CliFailure with the code of its last ending when it is given up before.
   */
  async start(): Promise<string> {
    await this.#supervisor.start();
    const givenUp = this.#supervisor.ended().then(({ code, reason }) => {
      throw new CliFailure(code, `the gateway does not start: ${reason}`);
    });
    return await Promise.race([this.#first.promise, givenUp]);
  }

  /** Settles when it is given up or was stopped. Call it after `start`. */
  ended(): Promise<Ending> {
    return this.#supervisor.ended();
  }

  /** Stops it. Returns when it is gone. */
  async stop(): Promise<void> {
    await this.#supervisor.stop();
  }

  async #launch(): Promise<Running> {
    const port = this.#port ?? (await this.#firstPort());
    const gateway = startGateway({ ...this.#parts.order, host: HTTP_HOST, port }, (message) => {
      if (message.event === "notice") this.#parts.onNotice(message.message);
      if (message.event !== "ready") return;
      const isAgain = this.#port !== null;
      this.#port = message.port;
      this.#first.resolve(message.url);
      if (isAgain) this.#parts.onReadyAgain();
    });
    const ended = gateway.exited.then((exit): Ending => {
      const code = exit.failure?.code ?? "gateway_ended";
      const isTaken = code === "port_in_use" && this.#port === null;
      if (isTaken) this.#isUsualTaken = true;
      return { reason: exitSentence(exit), code, isFinal: isTaken && this.#parts.port !== null };
    });
    return { pid: gateway.pid, ended, stop: () => gateway.stop() };
  }

  async #firstPort(): Promise<number> {
    if (this.#parts.port !== null) return this.#parts.port;
    return !this.#isUsualTaken && (await isFree(HTTP_PORT)) ? HTTP_PORT : 0;
  }
}
