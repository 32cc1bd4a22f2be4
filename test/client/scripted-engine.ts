// Stands where the logs and the engine stand, over a real nats-server, and misbehaves on request: PubAcks and
// outcomes can be withheld, refused or repeated at will, which a healthy engine cannot be asked to do.
//
// It keeps the one rule that clients rely on: the first time an id comes it is carried out, later it is a replay.
import type { Connection } from "../../cluster/connection.ts";
import type { Command } from "../../protocol/command.ts";
import { decodeCommandFrame } from "../../protocol/command-frame.ts";
import { isRefusedShape } from "../../protocol/decoded-command.ts";
import { encodeInfo, INFO_LIMITS } from "../../protocol/info.ts";
import type { Outcome } from "../../protocol/outcome.ts";
import { encodeOutcomes } from "../../protocol/outcome-codec.ts";
import { decodeRead } from "../../protocol/read.ts";
import { encodeReadAnswer, type ReadAnswer } from "../../protocol/read-answer.ts";
import { INFO_SUBJECT, parseAsk, parseRecordSubject } from "../../protocol/subject.ts";

/** What happens to one frame. */
export interface FrameScript {
  /** `lost`: it is in the log, and nobody says so. `dropped`: it never arrived. Default `accepted`. */
  readonly ack?: "accepted" | "busy" | "lost" | "dropped";
  /** Default `sent`. */
  readonly outcomes?: "sent" | "withheld";
}

/** One frame as it arrived. */
export interface SeenFrame {
  readonly shard: number;
  readonly reply: string;
  readonly commands: readonly Command[];
}

/** See the file header. */
export class ScriptedEngine {
  readonly shards: number;
  readonly frames: SeenFrame[] = [];
  /** Commands that were carried out, in order, each once. */
  readonly applied: Command[] = [];
  readonly reads: string[] = [];
  /** Answers to outcome reads; default `known`: the outcome, or outcome_not_found. */
  asked: "known" | "pending" | "silent" = "known";
  cluster = "0190c0de-0000-7000-8000-000000000000";
  readonly #connection: Connection;
  readonly #script: (frame: SeenFrame, index: number) => FrameScript;
  readonly #outcomes = new Map<string, Outcome>();
  readonly #positions: number[];
  readonly #changes = new Set<() => void>();

  constructor(
    connection: Connection,
    shards = 4,
    script: (frame: SeenFrame, index: number) => FrameScript = () => ({}),
  ) {
    this.shards = shards;
    this.#connection = connection;
    this.#script = script;
    this.#positions = Array.from({ length: shards }, () => 0);
  }

  /** Answers `coffer.info`. */
  answerInfo(): this {
    const limits = INFO_LIMITS;
    this.#connection.nc.subscribe(INFO_SUBJECT, {
      callback: (_, message) => {
        const { cluster, shards } = this;
        message.respond(encodeInfo({ version: "0.0.0", cluster, shards, durability: "relaxed", limits }));
      },
    });
    return this;
  }

  /** Takes frames and answers reads. */
  takeFrames(): this {
    this.#connection.nc.subscribe("coffer.s.*.frame.*", {
      callback: (_, message) => this.#onFrame(message.subject, message.data.slice(), message.reply ?? ""),
    });
    this.#connection.nc.subscribe("coffer.ask.*.get.*.*", {
      callback: (_, message) => {
        const answer = this.#answer(message.subject, message.data);
        if (answer !== null) message.respond(encodeReadAnswer(answer));
      },
    });
    return this;
  }

  /** Waits until `isTrue`, looking again after each frame and read. */
  async until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#changes.add(resolve);
      await promise;
      this.#changes.delete(resolve);
    }
  }

  /** Sends the outcomes of commands that were carried out to where a frame said. */
  sendOutcomes(frame: SeenFrame, reply: string = frame.reply): void {
    const outcomes = frame.commands.flatMap((command) => this.#outcomes.get(keyOf(command)) ?? []);
    this.#connection.nc.publish(reply, encodeOutcomes(outcomes));
  }

  #onFrame(subject: string, data: Uint8Array, ackTo: string): void {
    const shard = Number(subject.split(".")[2]);
    const record = parseRecordSubject(subject, shard);
    if (record.kind !== "frame") throw new Error(`not a frame: ${subject}`);
    const decoded = decodeCommandFrame(data, {
      tenant: record.tenant,
      owner: null,
      shard,
      shards: this.shards,
    });
    const commands = decoded.commands.map((each) => {
      if (isRefusedShape(each))
        throw new Error(`the client sent what is refused for its shape: ${JSON.stringify(each)}`);
      return each.command;
    });
    const frame = { shard, reply: decoded.reply ?? "", commands };
    const { ack = "accepted", outcomes = "sent" } = this.#script(frame, this.frames.length);
    this.frames.push(frame);
    if (ack === "busy")
      this.#respond(ackTo, { error: { code: 503, err_code: 10077, description: "maximum bytes exceeded" } });
    if (ack === "accepted" || ack === "lost") {
      const position = (this.#positions[shard] ?? 0) + 1;
      this.#positions[shard] = position;
      if (ack === "accepted") this.#respond(ackTo, { stream: `COFFER_S${shard}`, seq: position });
      for (const command of commands) this.#apply(command, shard, position);
      if (outcomes === "sent") this.sendOutcomes(frame);
    }
    for (const change of this.#changes) change();
  }

  #apply(command: Command, shard: number, position: number): void {
    const known = this.#outcomes.get(keyOf(command));
    if (known !== undefined) {
      this.#outcomes.set(keyOf(command), { ...known, replayed: true });
      return;
    }
    this.applied.push(command);
    const status = command.op === "open" ? "open" : "posted";
    const { id, op } = command;
    this.#outcomes.set(keyOf(command), {
      id,
      op,
      status,
      refusal: null,
      replayed: false,
      shard,
      position,
      timeMs: position,
      balances: [],
    });
  }

  #answer(subject: string, data: Uint8Array): ReadAnswer | null {
    const to = parseAsk(subject);
    const request = to && decodeRead(data, to);
    if (!to || !request?.ok || request.value.get !== "outcome")
      throw new Error(`not an outcome read: ${subject}`);
    this.reads.push(request.value.id);
    for (const change of this.#changes) change();
    const shard = Number(subject.split(".")[2]);
    const asOf = { shard, position: this.#positions[shard] ?? 0, timeMs: 0 };
    if (this.asked === "silent") return null;
    if (this.asked === "pending")
      return { kind: "outcome", outcome: { id: request.value.id, status: "pending" }, asOf };
    const outcome = this.#outcomes.get(`${to.owner} ${request.value.id}`);
    return outcome === undefined
      ? { kind: "failed", code: "outcome_not_found", detail: null }
      : { kind: "outcome", outcome, asOf };
  }

  #respond(subject: string, answer: unknown): void {
    this.#connection.nc.publish(subject, JSON.stringify(answer));
  }
}

function keyOf({ owner, id }: Command): string {
  return `${owner} ${id}`;
}
