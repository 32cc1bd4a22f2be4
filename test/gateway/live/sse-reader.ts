/**
 * A reader of a stream of live events, as a browser is one: keeps the last id, takes messages apart, can come back.
 * It checks what every reader may rely on: each wallet's versions come one by one, none twice, none left out.
 */
import assert from "node:assert/strict";
import { type IncomingMessage, request } from "node:http";

type Json = Readonly<Record<string, unknown>>;

/** One message with data. */
export interface SseMessage {
  readonly event: string;
  readonly id: string;
  readonly data: Json;
}

/** What is known of wallets from messages: their last versions. Shared by readers that come back for one another. */
export class Versions {
  readonly of = new Map<string, number>();
  changes = 0;
  resets = 0;

  take({ event, data }: SseMessage): void {
    if (event === "snapshot") {
      if (data["reset"] === true) this.resets += 1;
      for (const owner of data["owners"] as Json[])
        for (const { wallet, version } of owner["wallets"] as Json[])
          this.of.set(String(wallet), Number(version));
      return;
    }
    assert.equal(event, "change");
    const wallet = String(data["wallet"]);
    const expected = (this.of.get(wallet) ?? 0) + 1;
    assert.equal(Number(data["version"]), expected, `${wallet}: ${JSON.stringify(data)}`);
    this.of.set(wallet, expected);
    this.changes += 1;
  }
}

/** How a stream is asked for. */
export interface StreamCall {
  readonly owners?: readonly string[];
  readonly key?: string | null;
  readonly lastEventId?: string;
  /** Added to the query. */
  readonly query?: string;
  readonly versions?: Versions;
}

/** See the file header. */
export class SseReader {
  readonly messages: SseMessage[] = [];
  readonly versions: Versions;
  status = 0;
  headers: IncomingMessage["headers"] = {};
  /** The body of an answer that is no stream. */
  body = "";
  heartbeats = 0;
  lastId: string;
  isEnded = false;
  failure: unknown = null;
  /** A message that was cut off is none; what follows an id without data is the id alone. */
  #rest = "";
  readonly #close: () => void;

  private constructor(url: string, call: StreamCall) {
    const { owners = [], key = "read", lastEventId, query = "", versions = new Versions() } = call;
    this.versions = versions;
    this.lastId = lastEventId ?? "";
    const asked = [...owners.map((owner) => `owner=${owner}`), query].filter((part) => part !== "");
    const sent = request(`${url}/v1/events?${asked.join("&")}`, {
      agent: false,
      headers: {
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        ...(lastEventId === undefined ? {} : { "last-event-id": lastEventId }),
      },
    });
    sent.on("response", (answer) => this.#read(answer));
    sent.on("error", () => this.#onEnd());
    sent.end();
    this.#close = () => sent.destroy();
  }

  /** Asks for a stream; look at `status` for when it is there. */
  static open(url: string, call: StreamCall = {}): SseReader {
    return new SseReader(url, call);
  }

  /** Messages of a kind. */
  of(event: "snapshot" | "change"): SseMessage[] {
    return this.messages.filter((message) => message.event === event);
  }

  /** Breaks the connection off. */
  close(): void {
    this.#close();
  }

  #onEnd(): void {
    this.isEnded = true;
  }

  #read(answer: IncomingMessage): void {
    this.status = answer.statusCode ?? 0;
    this.headers = answer.headers;
    const isStream = answer.headers["content-type"]?.startsWith("text/event-stream") ?? false;
    answer.setEncoding("utf8");
    answer.on("data", (text: string) => {
      if (!isStream) this.body += text;
      else this.#take(text);
    });
    for (const end of ["end", "error", "close"]) answer.on(end, () => this.#onEnd());
  }

  #take(text: string): void {
    const blocks = (this.#rest + text).split("\n\n");
    this.#rest = blocks.pop() ?? "";
    for (const block of blocks) this.#block(block.split("\n"));
  }

  #block(lines: readonly string[]): void {
    const fields = new Map(
      lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]),
    );
    if (lines.includes(": heartbeat")) this.heartbeats += 1;
    const id = fields.get("id");
    if (id !== undefined) this.lastId = id;
    const data = fields.get("data");
    if (data === undefined) return;
    const message = { event: fields.get("event") ?? "message", id: id ?? "", data: JSON.parse(data) as Json };
    this.messages.push(message);
    try {
      this.versions.take(message);
    } catch (thrown) {
      this.failure ??= thrown;
    }
  }
}
