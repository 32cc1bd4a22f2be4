// Reads HTTP answers as far as a load needs them: status, body, and a header when somebody asks for it. In the place of
// autocannon's own parser, which is written in JavaScript and makes a string of every header: it took 6 µs of the 34
// that a request cost the load.
//
// Answers have a length or no body; there is no other kind among the routes that are loaded. Anything else is a
// BenchFailure: a load that cannot read its answers must not go on.

import { BenchFailure } from "../bench-failure.ts";

const HEAD_END = Buffer.from("\r\n\r\n");
const STATUS_AT = "HTTP/1.1 ".length;
const ZERO = 0x30;
const LENGTH = /\r\ncontent-length: *(\d+)/i;
const NONE = Buffer.alloc(0);

/** See the file header. Fields are those of the last answer, until the next one. */
export class ResponseSkim {
  status = 0;
  body: Buffer = NONE;
  #head = "";
  #rest: Buffer | null = null;
  readonly #onAnswer: () => void;

  /** @param onAnswer called for each answer once it is whole */
  constructor(onAnswer: () => void) {
    this.#onAnswer = onAnswer;
  }

  /** Takes bytes as they arrive. Errors: BenchFailure when they are no answers of the kinds above. */
  execute(chunk: Buffer): void {
    let bytes = this.#rest === null ? chunk : Buffer.concat([this.#rest, chunk]);
    while (bytes.length > 0) {
      const headEnd = bytes.indexOf(HEAD_END);
      if (headEnd < 0) break;
      const head = bytes.toString("latin1", 0, headEnd);
      const status = statusIn(bytes);
      const bodyAt = headEnd + HEAD_END.length;
      const end = bodyAt + lengthIn(head, status);
      if (bytes.length < end) break;
      this.status = status;
      this.#head = head;
      this.body = bytes.subarray(bodyAt, end);
      bytes = bytes.subarray(end);
      this.#onAnswer();
    }
    this.#rest = bytes.length > 0 ? bytes : null;
  }

  /** Forgets half an answer: the connection is another one. */
  reset(): void {
    this.#rest = null;
  }

  /** A header of the last answer. @param name in lower case */
  header(name: string): string | null {
    for (const line of this.#head.split("\r\n")) {
      const colon = line.indexOf(":");
      if (colon === name.length && line.slice(0, colon).toLowerCase() === name)
        return line.slice(colon + 1).trim();
    }
    return null;
  }

  /** Whether the last answer's body has this text. */
  says(text: string): boolean {
    return this.body.includes(text, 0, "latin1");
  }
}

function statusIn(bytes: Buffer): number {
  let status = 0;
  for (let at = STATUS_AT; at < STATUS_AT + 3; at += 1) status = status * 10 + ((bytes[at] ?? 0) - ZERO);
  return status;
}

function lengthIn(head: string, status: number): number {
  const length = LENGTH.exec(head)?.[1];
  if (length !== undefined) return Number(length);
  if (status === 304 || status === 204) return 0;
  throw new BenchFailure(`an answer without a length: ${head.slice(0, 200)}`);
}
