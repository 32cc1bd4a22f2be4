/**
 * A service as the contract describes one: plain JSON on the outside subjects, PubAcks tracked, reads by request.
 * Owns no retries: every test says itself what it sends again.
 */
import type { Msg } from "@nats-io/transport-node";
import type { Connection } from "../../cluster/connection.ts";
import { LogWriter, type PublishResult } from "../../cluster/log-writer.ts";
import { until } from "./condition.ts";

/** JSON fields, not looked at yet. */
export type Json = Readonly<Record<string, unknown>>;

/** One command and the owner it is addressed to. */
export interface JsonCommand {
  readonly owner: string;
  readonly body: Json & { readonly op: string; readonly id: string };
}

const ASK_MS = 10_000;

/** See the file header. */
export class JsonClient {
  readonly connection: Connection;
  readonly #writer: LogWriter;

  constructor(connection: Connection) {
    this.connection = connection;
    this.#writer = new LogWriter({ connection, timeoutMs: ASK_MS });
  }

  /** Publishes commands of one owner, as one record; resolves with the PubAck or what came instead. */
  async publish(
    commands: JsonCommand | readonly [JsonCommand, ...JsonCommand[]],
    reply?: string,
  ): Promise<PublishResult> {
    const [list, content] = isOne(commands)
      ? [[commands], commands.body]
      : [commands, commands.map(({ body }) => body)];
    return await this.#writer.publish({
      subject: `coffer.cmd.demo.${list[0]?.owner}`,
      data: Buffer.from(JSON.stringify(content)),
      ...(reply === undefined ? {} : { headers: [["Coffer-Reply", reply]] }),
    });
  }

  /** Publishes one command and requires its PubAck. @returns its position */
  async accepted(command: JsonCommand): Promise<number> {
    const result = await this.publish(command);
    if (result.kind !== "ok")
      throw new Error(`${command.body.op} was not accepted: ${JSON.stringify(result)}`);
    return result.sequence;
  }

  /** Calls; tries again while nobody answers or the answer is busy. */
  async call({ owner, body }: JsonCommand): Promise<Json> {
    return await until(`the call of ${body.id} is answered`, async () => {
      const answer = await this.ask(`coffer.call.demo.${owner}`, body);
      return answer["code"] === "busy" ? undefined : answer;
    });
  }

  /** Reads; tries again while nobody answers or the answer is busy. */
  async get(owner: string, request: Json): Promise<Json> {
    return await until(`${JSON.stringify(request)} of ${owner} is answered`, async () => {
      const answer = await this.ask(`coffer.get.demo.${owner}`, request);
      return answer["code"] === "busy" ? undefined : answer;
    });
  }

  /** The outcome of an id: settled, `{status:"pending"}`, or undefined when the id is unknown. */
  async outcome(owner: string, id: string): Promise<Json | undefined> {
    const answer = await this.get(owner, { get: "outcome", id });
    return answer["code"] === "outcome_not_found" ? undefined : objectOf(answer["outcome"]);
  }

  /** The outcome of a command once it is settled. */
  async settled({ owner, body }: JsonCommand, withinMs?: number): Promise<Json> {
    const look = async (): Promise<Json | undefined> => {
      const outcome = await this.outcome(owner, body.id);
      return outcome && outcome["status"] !== "pending" ? outcome : undefined;
    };
    return await until(`${body.op} ${body.id} of ${owner} is settled`, look, withinMs);
  }

  /** What the node says of a shard. */
  async status(shard: number): Promise<Json> {
    return await this.ask(`coffer.admin.status.${shard}`, {});
  }

  /** Waits until a shard is halted for a reason. @returns its status */
  async halted(shard: number, reason: string, withinMs?: number): Promise<Json> {
    const look = async (): Promise<Json | undefined> => {
      const status = await this.status(shard);
      return status["state"] === "halted" && status["reason"] === reason ? status : undefined;
    };
    return await until(`shard ${shard} is halted: ${reason}`, look, withinMs);
  }

  /** One request, one answer. Errors: rejects when nobody answers. */
  async ask(subject: string, question: Json): Promise<Json> {
    const answer: Msg = await this.connection.nc.request(subject, JSON.stringify(question), {
      timeout: ASK_MS,
    });
    return objectOf(answer.json());
  }

  /** Forgets what is unanswered. The connection is its maker's. */
  close(): void {
    this.#writer.close();
  }
}

function isOne(commands: JsonCommand | readonly JsonCommand[]): commands is JsonCommand {
  return "body" in commands;
}

/** The value as an object. Errors: throws when it is none. */
export function objectOf(value: unknown): Json {
  if (typeof value !== "object" || value === null) throw new Error(`no object: ${JSON.stringify(value)}`);
  return { ...value };
}
