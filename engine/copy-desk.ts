// A worker's end of the copying thread: orders go out, each gets one answer.
// Invariant: when the thread is gone every order that waits ends, a copy with a fault, a close in peace.

import type { MessagePort } from "node:worker_threads";
import { StorageFault } from "../storage/storage-error.ts";
import type { CopyAnswer, CopyOrder } from "./copy-protocol.ts";

type OnAnswer = (answer: CopyAnswer) => void;

/** See the file header. */
export class CopyDesk {
  readonly #port: MessagePort;
  readonly #waiting = new Map<number, OnAnswer>();
  #number = 0;
  #isGone = false;

  constructor(port: MessagePort) {
    this.#port = port;
    port.on("message", (answer: CopyAnswer) => this.#end(answer));
    port.on("close", () => this.#onGone());
    // It never keeps a worker alive that has nothing else to do.
    port.unref();
  }

  /** Copies the log of a file. Errors: rejects with `StorageFault`. */
  async copy(path: string): Promise<void> {
    const { fault } = await this.#ask("copy", path);
    if (fault) throw new StorageFault(fault.code, `${path}: its log could not be copied: ${fault.message}`);
  }

  /** Lets go of a file. Never rejects. */
  async close(path: string): Promise<void> {
    await this.#ask("close", path);
  }

  /** Ends the connection to the thread. */
  end(): void {
    this.#port.close();
  }

  #ask(kind: CopyOrder["kind"], path: string): Promise<CopyAnswer> {
    this.#number += 1;
    const number = this.#number;
    return new Promise((resolve) => {
      this.#waiting.set(number, resolve);
      const order: CopyOrder = { kind, path, number };
      if (this.#isGone) this.#onGone();
      else this.#port.postMessage(order);
    });
  }

  #end(answer: CopyAnswer): void {
    this.#waiting.get(answer.number)?.(answer);
    this.#waiting.delete(answer.number);
  }

  #onGone(): void {
    this.#isGone = true;
    const fault = { code: "io", message: "the thread that copies is gone" } as const;
    for (const number of [...this.#waiting.keys()]) this.#end({ number, fault });
  }
}
