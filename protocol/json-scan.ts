// Finds what JSON.parse lets pass and we do not: a key twice in one object, text that is not well-formed
// Unicode, numbers beyond double, nesting beyond a bound. Works on text that JSON.parse has accepted, so it
// only needs to tell tokens apart. Faults are reported by element of the outermost array, because one bad
// command of a message must not take the others with it.
//
// Guards against: two readers of one message seeing two different amounts under one key.

/** One fault. */
export interface JsonFault {
  /** What is wrong, in a few words. */
  readonly reason: "duplicate field" | "ill-formed text" | "number out of range" | "too deep";
  /** The key that is there twice, else null. */
  readonly key: string | null;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
/** Number tokens longer than this, or with an exponent, are checked for overflow. */
const PLAIN_NUMBER_CHARS = 300;

/**
 * @param text JSON that JSON.parse accepts
 * @param depthMax nesting allowed for the outermost value or, when that is an array and `perElement`, for each element
 * @returns the first fault of each element, by element; a value that is no array is element 0. Empty when all is well.
 */
export function findJsonFaults(
  text: string,
  { depthMax, perElement }: { readonly depthMax: number; readonly perElement: boolean },
): ReadonlyMap<number, JsonFault> {
  return new Scan(text, perElement, depthMax).run();
}

class Scan {
  private readonly text: string;
  private readonly split: boolean;
  private readonly depthMax: number;
  /** Without a backslash in the text a string ends at the next quote, which is found natively. */
  private readonly hasEscapes: boolean;
  private readonly faults = new Map<number, JsonFault>();
  /** Keys of the objects around the present place; null for arrays. */
  private readonly around: (KeySet | null)[] = [];
  private depth = 0;
  private element = 0;
  private keyNext = false;
  private at = 0;

  constructor(text: string, perElement: boolean, depthMax: number) {
    this.text = text;
    this.split = perElement && /^[\t\n\r ]*\[/.test(text);
    this.depthMax = this.split ? depthMax + 1 : depthMax;
    this.hasEscapes = text.includes("\\");
  }

  run(): ReadonlyMap<number, JsonFault> {
    while (this.at < this.text.length) {
      const unit = this.text.charCodeAt(this.at);
      if (unit === QUOTE) this.string();
      else if (unit === 0x2d || (unit >= 0x30 && unit <= 0x39)) this.number();
      else this.mark(unit);
    }
    return this.faults;
  }

  private mark(unit: number): void {
    this.at += 1;
    if (unit === 0x7b || unit === 0x5b) this.open(unit === 0x7b);
    else if (unit === 0x7d || unit === 0x5d) this.close();
    else if (unit === COMMA) this.comma();
  }

  private open(object: boolean): void {
    this.depth += 1;
    if (this.depth > this.depthMax) {
      this.fault("too deep", null);
      return;
    }
    this.around.push(object ? new KeySet() : null);
    this.keyNext = object;
  }

  private close(): void {
    if (this.depth <= this.depthMax) this.around.pop();
    this.depth -= 1;
    this.keyNext = false;
  }

  private comma(): void {
    if (this.depth === 1 && this.split) this.element += 1;
    this.keyNext = this.depth <= this.depthMax && this.around.at(-1) !== null;
  }

  private string(): void {
    const start = this.at;
    let escaped = false;
    let end = this.hasEscapes ? start + 1 : this.text.indexOf('"', start + 1);
    for (; this.hasEscapes; end += 1) {
      const unit = this.text.charCodeAt(end);
      if (unit === QUOTE || Number.isNaN(unit)) break;
      if (unit !== BACKSLASH) continue;
      escaped = true;
      end += 1;
    }
    this.at = end + 1;
    if (!escaped && !this.keyNext) return;
    const value = escaped ? unescaped(this.text.slice(start, end + 1)) : this.text.slice(start + 1, end);
    if (escaped && !value.isWellFormed()) this.fault("ill-formed text", null);
    if (this.keyNext && this.around.at(-1)?.add(value) === false) this.fault("duplicate field", value);
    this.keyNext = false;
  }

  private number(): void {
    const start = this.at;
    let exponent = false;
    for (; this.at < this.text.length; this.at += 1) {
      const unit = this.text.charCodeAt(this.at);
      const digit = (unit >= 0x30 && unit <= 0x39) || unit === 0x2e || unit === 0x2b || unit === 0x2d;
      if (unit === 0x65 || unit === 0x45) exponent = true;
      else if (!digit) break;
    }
    if (!exponent && this.at - start <= PLAIN_NUMBER_CHARS) return;
    if (!Number.isFinite(Number(this.text.slice(start, this.at)))) this.fault("number out of range", null);
  }

  private fault(reason: JsonFault["reason"], key: string | null): void {
    if (!this.faults.has(this.element)) this.faults.set(this.element, { reason, key });
  }
}

function unescaped(token: string): string {
  const value: unknown = JSON.parse(token);
  return typeof value === "string" ? value : "";
}

/** A set of keys that costs little for the few keys of a command and stays linear for many. */
class KeySet {
  private readonly few: string[] = [];
  private many: Set<string> | undefined;

  /** False when the key is there already. */
  add(key: string): boolean {
    if (this.many) {
      const size = this.many.size;
      return this.many.add(key).size > size;
    }
    if (this.few.includes(key)) return false;
    this.few.push(key);
    if (this.few.length > 16) this.many = new Set(this.few);
    return true;
  }
}
