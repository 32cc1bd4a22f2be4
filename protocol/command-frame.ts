// Frames: commands for many owners of one shard in one message, as the client library and the gateway send
// them. `[version, reply, [[owner, id, content]…]]`, where content is the canonical content of the command as
// it is: a frame that was written canonically is stored slice by slice, without a second encoding.
//
// The usual commands are read the short way (plain-command); what it does not know is read here, value by value.
//
// Decoding is total: whatever the bytes, they give commands or refused shapes. A reply subject that was read
// is given back even when the rest is refused, so that somebody can be told.
//
// Guards against: content that differs from what its command encodes to. A slice is used only when every
// token was in its shortest form and the command's texts and versions came back unchanged.

import type { Command } from "./command.ts";
import { contentOp, encodeCommand, PACK_FORMS, shapeContent, writeContent } from "./command-content.ts";
import type { CommandId } from "./command-id.ts";
import { commandIdFromBytes } from "./command-id.ts";
import { checkShard, echoedText, refusedMessage } from "./command-json.ts";
import type { DecodeContext, DecodedCommand, DecodedCommandOrRefusal } from "./decoded-command.ts";
import { COMMANDS_PER_MESSAGE_MAX, MESSAGE_BYTES_MAX } from "./limits.ts";
import { parseOwner } from "./names.ts";
import type { RefusalCode } from "./outcome.ts";
import { refusal } from "./outcome.ts";
import { mismatch, PackMismatch, PackReader, type PackValue } from "./pack-reader.ts";
import { PackWriter } from "./pack-writer.ts";
import { PlainCommandReader } from "./plain-command.ts";
import { ShapeCheck } from "./shape-check.ts";

/** Version of the frame format. */
export const FRAME_VERSION = 1;

/** Characters of a reply subject; a longer one refuses the frame. */
const REPLY_CHARS_MAX = 256;

/** What a frame says. */
export interface CommandFrame {
  /** Where its outcomes go; whether they may go there is not judged here. */
  readonly reply: string | null;
  readonly commands: readonly Command[];
}

/** What a frame decodes to. */
export interface DecodedFrame {
  readonly reply: string | null;
  /** One element a command, in order; a frame that fails as a whole gives one refused element without id. */
  readonly commands: DecodedCommandOrRefusal[];
}

const writer = new PackWriter();

/** Writes a frame. The caller keeps it within the limits of a message. Never throws; about 0.6 µs a command. */
export function encodeCommandFrame({ reply, commands }: CommandFrame): Uint8Array {
  writer.begin().array(3).int(FRAME_VERSION).textOrNil(reply).array(commands.length);
  for (const command of commands) {
    writer.array(3).text(command.owner).id(command.id);
    writeContent(writer, command);
  }
  return writer.finish();
}

/** Bytes that a command adds to a frame (so that a sender can cut frames in time). */
export function framedCommandBytes(command: Command): number {
  writer.begin().array(3).text(command.owner).id(command.id);
  writeContent(writer, command);
  return writer.length;
}

/**
 * Reads a frame. Contents are views of `bytes`: whoever keeps them must not use the bytes again.
 * Never throws; about 0.6 µs a plain command, 2 µs another.
 */
export function decodeCommandFrame(bytes: Uint8Array, context: DecodeContext): DecodedFrame {
  return decodeFrame(bytes, context, new PlainCommandReader(bytes, context));
}

/** {@link decodeCommandFrame} with every command read the long way: what the short way is held against. */
export function decodeFrameTheLongWay(bytes: Uint8Array, context: DecodeContext): DecodedFrame {
  return decodeFrame(bytes, context, null);
}

function decodeFrame(
  bytes: Uint8Array,
  context: DecodeContext,
  plain: PlainCommandReader | null,
): DecodedFrame {
  if (bytes.length > MESSAGE_BYTES_MAX) return refusedFrame(null, "too_large", "message");
  const reader = new PackReader(bytes);
  let reply: string | null = null;
  try {
    if (reader.arrayLength() !== 3) return refusedFrame(null, "malformed", "frame");
    if (reader.value() !== FRAME_VERSION) return refusedFrame(null, "malformed", "version");
    reply = readReply(reader);
    const length = reader.arrayLength();
    if (length < 0) return refusedFrame(reply, "malformed", "commands");
    if (length > COMMANDS_PER_MESSAGE_MAX) return refusedFrame(reply, "too_large", "commands");
    const commands: DecodedCommandOrRefusal[] = [];
    for (let index = 0; index < length; index += 1) {
      commands.push((plain && readPlain(plain, reader)) ?? readCommand(reader, context));
    }
    return reader.left === 0 ? { reply, commands } : refusedFrame(reply, "malformed", "frame");
  } catch (error) {
    if (error instanceof PackMismatch) return refusedFrame(reply, "malformed", "frame");
    throw error;
  }
}

function readReply(reader: PackReader): string | null {
  const reply = reader.value();
  if (reply === null || (typeof reply === "string" && reply.length <= REPLY_CHARS_MAX)) return reply;
  return mismatch();
}

function readPlain(plain: PlainCommandReader, reader: PackReader): DecodedCommand | undefined {
  const command = plain.read(reader.at);
  if (!command) return undefined;
  reader.at = plain.at;
  return { command, content: reader.slice(plain.contentAt, plain.at), shard: plain.shard };
}

function readCommand(reader: PackReader, context: DecodeContext): DecodedCommandOrRefusal {
  const length = reader.arrayLength();
  if (length !== 3) {
    if (length < 0) reader.value();
    for (let index = 0; index < length; index += 1) reader.value();
    return refusedMessage("malformed", "command");
  }
  const named = reader.value();
  const id = reader.id();
  const otherId = id === null ? reader.value() : null;
  const start = reader.at;
  reader.minimal = true;
  const content = reader.value();
  const slice = reader.minimal ? reader.slice(start, reader.at) : null;
  return decodeOne({ named, id, otherId, content, slice }, context);
}

/** The parts of one command in a frame; `slice` is null when the content was not in its shortest form. */
interface FramedCommand {
  readonly named: PackValue;
  readonly id: CommandId | null;
  readonly otherId: PackValue;
  readonly content: PackValue;
  readonly slice: Uint8Array | null;
}

function decodeOne(framed: FramedCommand, context: DecodeContext): DecodedCommandOrRefusal {
  const { content, slice } = framed;
  const check = new ShapeCheck(PACK_FORMS);
  const id = framed.id ?? check.refuse("id_invalid", "id");
  const owner = parseOwner(framed.named) ?? check.refuse("wrong_owner", "owner");
  if (owner !== undefined && context.owner !== null && owner !== context.owner)
    check.refuse("wrong_owner", "owner");
  checkShard(owner, context, check);
  const command = shapeContent(content, { id, owner }, check);
  if (!command) {
    const shape = check.refusal ?? refusal("malformed");
    return { id: framed.id ?? echoedId(framed.otherId), op: contentOp(content) ?? null, shape };
  }
  const canonical = slice && isCanonical(command, content) ? slice : encodeCommand(command);
  return { command, content: canonical, shard: context.shard };
}

/** Whether the fields whose text or order may vary came in their canonical form. */
function isCanonical(command: Command, content: PackValue): boolean {
  if (!Array.isArray(content)) return false;
  if (command.op === "open") return command.meta === content[6];
  if (command.op !== "transfer") return true;
  return command.meta === content[6] && sameVersions(command.ifVersion, content[7]);
}

function sameVersions(ifVersion: readonly (readonly [string, number])[] | null, packed: unknown): boolean {
  if (ifVersion === null || !Array.isArray(packed)) return ifVersion === packed;
  return ifVersion.every(([wallet], index) => {
    const pair: unknown = packed[index];
    return Array.isArray(pair) && pair[0] === wallet;
  });
}

function echoedId(value: PackValue): string | null {
  return value instanceof Uint8Array ? (commandIdFromBytes(value) ?? null) : echoedText(value);
}

function refusedFrame(reply: string | null, code: RefusalCode, detail: string): DecodedFrame {
  return { reply, commands: [refusedMessage(code, detail)] };
}
