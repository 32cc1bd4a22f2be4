#!/usr/bin/env node
// The entry of the `coffer` program: makes the clock, randomness and signals that everything else is given, runs the
// call, and ends with its exit code. The program itself is loaded only after the runtime was found new enough.
//
// Guards against: a crash inside a native module on an old Node where one sentence would do.

import { randomFillSync } from "node:crypto";
import process from "node:process";
import type { ClientClock } from "../client/clock.ts";
import type { Sink } from "./surroundings.ts";

const NODE_MIN = [22, 12] as const;
/** A second signal within this time is the same key press, passed on by a parent as well, ms. */
const SAME_SIGNAL_MS = 1_000;

const clock: ClientClock = {
  wallMs: () => Date.now(),
  steadyMs: () => performance.now(),
  fillRandom: (bytes) => {
    randomFillSync(bytes);
  },
};

function isNodeEnough(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  return major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1]);
}

/** A reader that went away (head, less) is no error: what is written from then on is dropped. */
function sinkOf(stream: NodeJS.WriteStream): Sink {
  let isBroken = false;
  stream.on("error", () => {
    isBroken = true;
  });
  return {
    isTerminal: stream.isTTY === true,
    isBroken: () => isBroken,
    write: (text) => {
      if (!isBroken) stream.write(text);
    },
  };
}

/** Aborts at the first signal; one that comes clearly later ends the process at once. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  let firstMs = 0;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      if (!controller.signal.aborted) firstMs = clock.steadyMs();
      else if (clock.steadyMs() - firstMs > SAME_SIGNAL_MS) process.exit(130);
      controller.abort();
    });
  }
  return controller.signal;
}

/** How a person calls this program: by its name once installed, by the package's script in a checkout. */
function programName(): string {
  return import.meta.url.endsWith(".ts") ? "npm run -s coffer --" : "coffer";
}

async function main(): Promise<void> {
  if (!isNodeEnough()) {
    const message = `Coffer needs Node ${NODE_MIN.join(".")} or newer, this is ${process.versions.node}. npm start brings its own.`;
    if (process.argv.includes("--json"))
      console.log(JSON.stringify({ error: { code: "node_too_old", message } }));
    else console.error(`coffer: ${message}`);
    process.exitCode = 1;
    return;
  }
  const { runProgram } = await import("./program.ts");
  const { IdSource } = await import("../client/id-source.ts");
  const ids = new IdSource(clock);
  let signal: AbortSignal | undefined;
  const exit = await runProgram(process.argv.slice(2), {
    stdout: sinkOf(process.stdout),
    stderr: sinkOf(process.stderr),
    env: process.env,
    directory: process.cwd(),
    clock,
    newId: () => ids.commandId(),
    // Only a command that asks for the signal takes signals over; the others end like other programs.
    get interrupted() {
      signal ??= interruption();
      return signal;
    },
    program: programName(),
  });
  process.exitCode = exit;
}

await main();
