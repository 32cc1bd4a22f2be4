// Frames of plain transfers, made by writing the few bytes that differ into a copy of a frame that the protocol's own
// codec encoded once. About 0.2 µs a command, where building and encoding each one takes 2: the load generator shares
// the machine with what it measures.
//
// Invariant: the bytes are those that the codec would give. The constructor proves it for one frame and ends the run
// when the format has moved under it; a test proves it for any.

import type { TransferCommand } from "../protocol/command.ts";
import { encodeCommandFrame, framedCommandBytes } from "../protocol/command-frame.ts";
import type { OwnerName } from "../protocol/names.ts";
import { BenchFailure } from "./bench-failure.ts";
import type { BenchIds } from "./bench-ids.ts";
import { writeDigits } from "./digits.ts";
import { type FleetWallet, SERIAL_DIGITS, withSerial } from "./fleet.ts";

/** Amounts that take one byte. */
export const AMOUNT_MAX = 100;

/** One transfer of a frame. */
export interface FramedTransfer {
  /** The command's number, which its id hides. */
  readonly number: number;
  /** The number in the name of the owner of each side. */
  readonly from: number;
  readonly to: number;
  /** 1..AMOUNT_MAX */
  readonly amount: number;
}

/** Where the differing bytes lie, from the start of a command. */
interface Places {
  readonly id: number;
  readonly ownerDigits: number;
  readonly fromDigits: number;
  readonly toDigits: number;
  readonly amount: number;
}

/** See the file header. */
export class TransferFrame {
  /** Commands in each frame. */
  readonly count: number;
  readonly #ids: BenchIds;
  readonly #template: Buffer;
  readonly #start: number;
  readonly #size: number;
  readonly #places: Places;

  /** @param sample two wallets of the fleet, with different names */
  constructor(
    ids: BenchIds,
    frame: { reply: string; count: number },
    sample: readonly [FleetWallet, FleetWallet],
  ) {
    const [from, to] = sample;
    const command = transferCommand(ids, { number: 0, from, to, amount: 1 }, 0);
    const { reply, count } = frame;
    this.count = count;
    this.#ids = ids;
    this.#template = Buffer.from(
      encodeCommandFrame({ reply, commands: Array.from({ length: count }, () => command) }),
    );
    this.#size = framedCommandBytes(command);
    this.#start = this.#template.length - this.#size * count;
    this.#places = placesIn(this.#template.subarray(this.#start, this.#start + this.#size), command);
    this.#prove(reply, sample);
  }

  /** A frame of its own, to be filled with `write`, whose ids are of the moment `wallMs`. */
  copy(wallMs: number): Buffer {
    const bytes = Buffer.from(this.#template);
    const prefix = this.#ids.prefixBytes(wallMs);
    for (let at = this.#start + this.#places.id; at < bytes.length; at += this.#size) bytes.set(prefix, at);
    return bytes;
  }

  /** Writes the command at `index` of a frame that `copy` gave. */
  write(bytes: Buffer, index: number, { number, from, to, amount }: FramedTransfer): void {
    const start = this.#start + index * this.#size;
    const { id, ownerDigits, fromDigits, toDigits } = this.#places;
    const tail = this.#ids.tailOf(number);
    const tailAt = start + id + 12;
    bytes[tailAt] = tail >>> 24;
    bytes[tailAt + 1] = tail >>> 16;
    bytes[tailAt + 2] = tail >>> 8;
    bytes[tailAt + 3] = tail;
    writeDigits(bytes, start + ownerDigits, from, SERIAL_DIGITS);
    writeDigits(bytes, start + fromDigits, from, SERIAL_DIGITS);
    writeDigits(bytes, start + toDigits, to, SERIAL_DIGITS);
    bytes[start + this.#places.amount] = amount;
  }

  #prove(reply: string, [from, to]: readonly [FleetWallet, FleetWallet]): void {
    const transfers = Array.from({ length: this.count }, (_, index) => {
      return {
        number: index * 7 + 3,
        from: from.serial + index,
        to: to.serial,
        amount: (index % AMOUNT_MAX) + 1,
      };
    });
    const bytes = this.copy(1);
    for (const [index, transfer] of transfers.entries()) this.write(bytes, index, transfer);
    const commands = transfers.map((transfer) => {
      const sides = { from: withSerial(from, transfer.from), to };
      return transferCommand(this.#ids, { ...transfer, ...sides }, 1);
    });
    if (Buffer.compare(bytes, encodeCommandFrame({ reply, commands })) === 0) return;
    throw new BenchFailure("the frame format has changed and the load generator does not know it yet");
  }
}

/** A transfer between two wallets. */
export interface WalletTransfer {
  readonly number: number;
  readonly from: FleetWallet;
  readonly to: FleetWallet;
  readonly amount: number;
}

/** The same transfer as a command. */
export function transferCommand(
  ids: BenchIds,
  { number, from, to, amount }: WalletTransfer,
  wallMs: number,
): TransferCommand {
  const legs = [{ from: from.wallet, to: to.wallet, amount: BigInt(amount) }];
  const rest = { holdTtlMs: null, code: null, ref: null, meta: null, ifVersion: null };
  return { op: "transfer", id: ids.id(number, wallMs), owner: from.owner, legs, ...rest };
}

function placesIn(bytes: Buffer, { id, owner, legs: [leg] }: TransferCommand): Places {
  const from = leg === undefined ? -1 : bytes.indexOf(leg.from);
  const to = leg === undefined ? -1 : bytes.indexOf(leg.to);
  const digitsOf = (at: number, name: OwnerName): number => at + name.length - SERIAL_DIGITS;
  return {
    id: bytes.indexOf(Buffer.from(id.replaceAll("-", ""), "hex")),
    ownerDigits: digitsOf(bytes.indexOf(owner), owner),
    fromDigits: digitsOf(from, owner),
    toDigits: digitsOf(to, owner),
    amount: to + (leg?.to.length ?? 0),
  };
}
