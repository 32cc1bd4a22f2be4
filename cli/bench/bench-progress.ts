// How far a run is, on standard error: a line with a bar that is rewritten on a terminal, plain lines every few seconds
// elsewhere. Under --json too, since a run takes long and standard output stays the report's alone.

import type { BenchProgress } from "../../bench/report.ts";
import type { Output } from "../output.ts";

const BAR_CHARS = 20;
/** Seconds between two lines where there is no terminal. */
const LINE_SECONDS = 5;

/** Tells an output what a run tells; see the file header. */
export class ProgressLines {
  readonly #output: Output;
  readonly #isTerminal: boolean;
  #phase = "";
  #line = 0;

  constructor(output: Output, isTerminal: boolean) {
    this.#output = output;
    this.#isTerminal = isTerminal;
  }

  /** Shows a state, if it is time for it. */
  tell(progress: BenchProgress): void {
    if (this.#isTerminal) {
      this.#output.progress(`Bench: ${barOf(progress)} ${progressText(progress)}`);
      return;
    }
    const line = Math.floor(progress.seconds / LINE_SECONDS);
    const isDue = progress.phase !== this.#phase || line > this.#line;
    this.#phase = progress.phase;
    this.#line = line;
    if (isDue) this.#output.progress(`Bench: ${progressText(progress)}`, "milestone");
  }
}

/** One state as text. */
function progressText({ phase, done, total, perSecond, seconds, ofSeconds }: BenchProgress): string {
  const share = total === null ? `${done}` : `${done} of ${total}`;
  const time = ofSeconds === null ? "" : ` in ${Math.floor(seconds)} of ${ofSeconds} s`;
  const speed = perSecond > 0 ? `, ${perSecond} a second` : "";
  return total === null && done === 0 && ofSeconds === null ? phase : `${phase} ${share}${time}${speed}`;
}

function barOf({ done, total, seconds, ofSeconds }: BenchProgress): string {
  const share = total === null ? seconds / (ofSeconds ?? Number.POSITIVE_INFINITY) : done / total;
  const filled = Math.max(0, Math.min(BAR_CHARS, Math.round(share * BAR_CHARS)));
  return `[${"#".repeat(filled)}${".".repeat(BAR_CHARS - filled)}]`;
}
