// Numbers written as digits of a fixed width, straight into bytes.
// Does not check that they fit: whoever writes a template knows its widths.
// Guards against strings made for a number of which millions are written.

const ZERO = 0x30;
const HEX = Buffer.from("0123456789abcdef");

/** Writes a whole number below 2^31 with leading zeros, `width` digits from `at` on. */
export function writeDigits(bytes: Uint8Array, at: number, value: number, width: number): void {
  let rest = value;
  for (let place = at + width - 1; place >= at; place -= 1) {
    const shorter = (rest / 10) | 0;
    bytes[place] = ZERO + rest - shorter * 10;
    rest = shorter;
  }
}

/** Writes 32 bits as eight hexadecimal digits from `at` on. */
export function writeHex32(bytes: Uint8Array, at: number, value: number): void {
  for (let place = 0; place < 8; place += 1)
    bytes[at + place] = HEX[(value >>> (28 - 4 * place)) & 0x0f] ?? ZERO;
}
