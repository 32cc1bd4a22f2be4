// Writes the JSON text of events straight into bytes (json-bytes.ts).
//
// Owns the text of one event. Does not own messages (event.ts) nor which events are kept.

import type { Op } from "./command.ts";
import type { CommandId } from "./command-id.ts";
import { constantOf, JsonBytes } from "./json-bytes.ts";
import type { Balances, Status } from "./outcome.ts";

/** What one command or step did to wallets of one shard. */
export interface EventContent {
  /** For an expiry: the hold. */
  readonly command: CommandId;
  readonly op: Op | "expire";
  /** Terminal in the record that settles the command, else `pending`. */
  readonly status: Status | "pending" | "expired";
  readonly ref: string | null;
  /** The wallets that changed, after the step. */
  readonly wallets: readonly Balances[];
  readonly timeMs: number;
}

/** An event without its shard. */
export interface EventSource extends EventContent {
  readonly position: number;
  /** 0-based, in its record. */
  readonly index: number;
}

/** Bytes of everything in an event but its reference and wallets. */
const EVENT_ROOM = 512;
const COLON = 0x3a;

const OPEN = constantOf('{"id":"');
const COMMAND = constantOf('","command":"');
const REF = constantOf(',"ref":');
const WALLETS = constantOf(',"wallets":{');
const TIME = constantOf(',"time":"');
const CLOSE = constantOf('"}');

/** See the file header. */
export class EventWriter extends JsonBytes {
  /** One event of a shard. About a third of a microsecond with two wallets. */
  event({ position, index, command, op, status, ref, wallets, timeMs }: EventSource, shard: number): void {
    this.room(EVENT_ROOM);
    this.constant(OPEN);
    this.number(shard);
    this.byte(COLON);
    this.number(position);
    this.byte(COLON);
    this.number(index);
    this.constant(COMMAND);
    this.ascii(command);
    this.kind(op, status);
    if (ref !== null) this.#ref(ref);
    this.constant(WALLETS);
    this.wallets(wallets);
    this.room(EVENT_ROOM);
    this.constant(TIME);
    this.time(timeMs);
    this.constant(CLOSE);
  }

  #ref(ref: string): void {
    this.room(EVENT_ROOM);
    this.constant(REF);
    this.text(JSON.stringify(ref), EVENT_ROOM);
  }
}
