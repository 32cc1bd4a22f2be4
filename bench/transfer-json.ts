// Plain transfers in JSON, made by writing the few characters that differ into a copy of what the protocol's own codec
// gave once. The constructor proves that the codec gives the same, a test proves it for any.

import { commandToJson } from "../protocol/command-json.ts";
import { BenchFailure } from "./bench-failure.ts";
import type { BenchIds } from "./bench-ids.ts";
import { writeDigits, writeHex32 } from "./digits.ts";
import { type FleetWallet, SERIAL_DIGITS, withSerial } from "./fleet.ts";
import { type FramedTransfer, transferCommand } from "./transfer-frame.ts";

/** The least amount, in minor units: all have two digits. */
export const JSON_AMOUNT_MIN = 10;
/** The greatest, in minor units. */
export const JSON_AMOUNT_MAX = 99;

const AMOUNT_DIGITS = 2;
/** Characters of an id before the part that hides the command's number. */
const ID_PREFIX_CHARS = 28;

/** See the file header. */
export class TransferJson {
  readonly #ids: BenchIds;
  readonly #template: Buffer;
  readonly #idAt: number;
  readonly #fromAt: number;
  readonly #toAt: number;
  readonly #amountAt: number;
  #wallMs = -1;

  /** @param sample two wallets of the fleet, with different names */
  constructor(ids: BenchIds, sample: readonly [FleetWallet, FleetWallet]) {
    const [from, to] = sample;
    const command = transferCommand(ids, { number: 0, from, to, amount: JSON_AMOUNT_MIN }, 0);
    const bytes = Buffer.from(JSON.stringify(commandToJson(command)));
    const digitsOf = (side: FleetWallet): number =>
      bytes.indexOf(`"${side.wallet}"`) + 1 + side.owner.length - SERIAL_DIGITS;
    this.#ids = ids;
    this.#template = bytes;
    this.#idAt = bytes.indexOf(command.id);
    this.#fromAt = digitsOf(from);
    this.#toAt = digitsOf(to);
    this.#amountAt = bytes.lastIndexOf(`"${JSON_AMOUNT_MIN}"`) + 1;
    this.#prove(sample);
  }

  /** One transfer as a message of its own, whose id is of the moment `wallMs`. */
  message({ number, from, to, amount }: FramedTransfer, wallMs: number): Buffer {
    const template = this.#template;
    if (wallMs !== this.#wallMs) {
      template.write(this.#ids.id(0, wallMs).slice(0, ID_PREFIX_CHARS), this.#idAt, "latin1");
      this.#wallMs = wallMs;
    }
    const bytes = Buffer.allocUnsafe(template.length);
    bytes.set(template);
    writeHex32(bytes, this.#idAt + ID_PREFIX_CHARS, this.#ids.tailOf(number));
    writeDigits(bytes, this.#fromAt, from, SERIAL_DIGITS);
    writeDigits(bytes, this.#toAt, to, SERIAL_DIGITS);
    writeDigits(bytes, this.#amountAt, amount, AMOUNT_DIGITS);
    return bytes;
  }

  #prove([from, to]: readonly [FleetWallet, FleetWallet]): void {
    const transfer = { number: 7, from: from.serial + 11, to: to.serial + 13, amount: JSON_AMOUNT_MAX };
    const sides = { from: withSerial(from, transfer.from), to: withSerial(to, transfer.to) };
    const command = transferCommand(this.#ids, { ...transfer, ...sides }, 1);
    const text = JSON.stringify(commandToJson(command));
    if (this.message(transfer, 1).toString() === text) return;
    throw new BenchFailure("the JSON of commands has changed and the load generator does not know it yet");
  }
}
