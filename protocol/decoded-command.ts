// What the command decoders of both wire forms give: a validated command, or why its shape was refused.
// A refused shape is an ordinary value: it is answered and never recorded, and its id stays free.

import type { Command } from "./command.ts";
import type { OwnerName, TenantName } from "./names.ts";
import type { Refusal } from "./outcome.ts";

/** A command with its canonical content. */
export interface DecodedCommand {
  readonly command: Command;
  /** May be a view over the message that was decoded. */
  readonly content: Uint8Array;
  /** The shard that the decoder has found to be the owner's; null = it has not looked. */
  readonly shard: number | null;
}

/** A command that failed its shape check: never recorded, its id stays free. */
export interface RefusedShape {
  /** Echoed text (at most 64 characters; a valid id in lower case), or null. */
  readonly id: string | null;
  /** Echoed text (at most 64 characters), or null. */
  readonly op: string | null;
  /** The code, and the path of the field that caused it. */
  readonly shape: Refusal;
}

/** One element of a decoded message. */
export type DecodedCommandOrRefusal = DecodedCommand | RefusedShape;

/** Where a message arrived: what its subject says about the commands in it. */
export interface DecodeContext {
  readonly tenant: TenantName;
  /** The addressed owner, from the subject; null where the commands name it themselves (frames) or imply it. */
  readonly owner: OwnerName | null;
  /** The shard whose log holds the message; null = not checked. */
  readonly shard: number | null;
  readonly shards: number;
}

/** Whether an element was refused. */
export function isRefusedShape(decoded: DecodedCommandOrRefusal): decoded is RefusedShape {
  return "shape" in decoded;
}
