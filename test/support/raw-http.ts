/**
 * HTTP as bytes: what no well-behaved client would send, and whatever comes back until the connection ends.
 * Does not judge: it takes answers apart, in the order they came.
 */
import { connect, type Socket } from "node:net";
import { within } from "./condition.ts";

/** One answer as it came over the wire. */
export interface RawAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** A connection to a gateway that a test writes into as it likes. */
export class RawConnection {
  readonly socket: Socket;
  /** All that came, once the connection has ended, however it did. Never rejects. */
  readonly ended: Promise<string>;
  #text = "";

  private constructor(socket: Socket) {
    this.socket = socket;
    const { promise, resolve } = Promise.withResolvers<string>();
    this.ended = promise;
    socket.setEncoding("latin1").on("data", (text: string) => {
      this.#text += text;
    });
    // A connection that is reset has ended, too.
    socket.on("error", () => undefined).on("close", () => resolve(this.#text));
  }

  /** Opens one. */
  static async open(port: number): Promise<RawConnection> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true }, resolve);
    socket.once("error", reject);
    await within("a connection", promise);
    return new RawConnection(socket);
  }

  /** What came so far. */
  get text(): string {
    return this.#text;
  }
}

/** Sends bytes, says nothing more, and returns the answers. @param isHalfClosed whether our end is closed after them */
export async function sendRaw(
  port: number,
  bytes: string | Buffer,
  { isHalfClosed = false } = {},
): Promise<RawAnswer[]> {
  const connection = await RawConnection.open(port);
  if (isHalfClosed) connection.socket.end(bytes);
  else connection.socket.write(bytes);
  connection.socket.on("end", () => connection.socket.end());
  try {
    return answersIn(await within("the end of the connection", connection.ended));
  } finally {
    connection.socket.destroy();
  }
}

/** Takes what came apart. What does not begin like an answer ends the list. */
export function answersIn(text: string): RawAnswer[] {
  const answers: RawAnswer[] = [];
  for (let rest = text; ; ) {
    const head = /^HTTP\/1\.[01] (\d{3})[^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n/.exec(rest);
    if (head === null) return answers;
    const lines = (head[2] ?? "").split("\r\n").filter((line) => line !== "");
    const headers = new Map(lines.map((line): [string, string] => [nameIn(line), valueIn(line)]));
    const length = Number(headers.get("content-length") ?? 0);
    const end = head[0].length + length;
    answers.push({ status: Number(head[1]), headers, body: rest.slice(head[0].length, end) });
    rest = rest.slice(end);
  }
}

function nameIn(line: string): string {
  return line.slice(0, line.indexOf(":")).toLowerCase();
}

function valueIn(line: string): string {
  return line.slice(line.indexOf(":") + 1).trim();
}
