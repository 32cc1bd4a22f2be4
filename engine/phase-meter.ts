// Measures where the time of commands goes (protocol/phases). Owns a shard's counters since its activation and
// nothing else: no decision ever looks at them. Two clock readings a turn stage and one a record, none a command.
//
// The time of a record begins with the server's stamp (wall clock, ns) and goes on in the engine's monotonic
// clock. Both ends of a turn read both clocks: a total is wall clock alone, the phases inside the engine are
// monotonic. Across machines the clocks' difference is part of `log` and of the total.

import { PhaseHistogram } from "../protocol/phase-histogram.ts";
import {
  type PhaseCounters,
  type PhaseTime,
  phaseRecord,
  TURN_STAGES,
  type TurnStage,
} from "../protocol/phases.ts";
import type { Clock } from "./clock.ts";
import type { QueuedRecord } from "./turn-queue.ts";
import type { TurnRecord } from "./turn-record.ts";

const NS_PER_MS = 1e6;

/** See the file header. */
export class PhaseMeter {
  readonly #clock: Clock;
  readonly #phases = phaseRecord(() => new PhaseTimer());
  readonly #total = new PhaseTimer();
  /** Of the turn under way, in ms. */
  readonly #stageMs = phaseRecord(() => 0);
  #commands = 0;
  #records = 0;
  #turns = 0;
  #beganMs = 0;
  #beganWallMs = 0;
  #stageBeganMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A turn begins, and its first stage. */
  begin(): void {
    this.#beganWallMs = this.#clock.wallMs();
    this.#beganMs = this.#clock.monotonicMs();
    this.#stageBeganMs = this.#beganMs;
    for (const stage of TURN_STAGES) this.#stageMs[stage] = 0;
  }

  /** A stage of the turn ends, and the next begins. */
  readonly end = (stage: TurnStage): void => {
    const nowMs = this.#clock.monotonicMs();
    this.#stageMs[stage] += nowMs - this.#stageBeganMs;
    this.#stageBeganMs = nowMs;
  };

  /**
   * The turn has ended: its outcomes are handed over. A turn that fails never comes here; its records wait on.
   * @param queued the turn's records as they were read, and @param records the same ones as they were applied
   */
  finish(queued: readonly QueuedRecord[], records: readonly TurnRecord[]): void {
    this.end("reply");
    const endedWallMs = this.#clock.wallMs();
    const wallAheadMs = this.#beganWallMs - this.#beganMs;
    let commands = 0;
    for (const [index, { log, receivedMs }] of queued.entries()) {
      const weight = commandsIn(records[index]);
      if (weight === 0) continue;
      const storedMs = log.timestampMs + log.timestampNanos / NS_PER_MS;
      commands += weight;
      this.#records += 1;
      this.#phases.log.add(receivedMs + wallAheadMs - storedMs, weight);
      this.#phases.queue.add(this.#beganMs - receivedMs, weight);
      this.#total.add(endedWallMs - storedMs, weight);
    }
    for (const stage of TURN_STAGES) this.#phases[stage].addWork(this.#stageMs[stage], commands);
    this.#commands += commands;
    this.#turns += 1;
  }

  /** The counters now. */
  get counters(): PhaseCounters {
    return {
      commands: this.#commands,
      records: this.#records,
      turns: this.#turns,
      total: this.#total.time(),
      phases: phaseRecord((phase) => this.#phases[phase].time()),
    };
  }
}

function commandsIn(turnRecord: TurnRecord | undefined): number {
  return turnRecord?.record.kind === "commands" ? turnRecord.record.commands.length : 0;
}

class PhaseTimer {
  readonly #spread = new PhaseHistogram();
  #ms = 0;
  #workMs = 0;

  /** So many commands took so long, each. */
  add(ms: number, commands: number): void {
    this.#ms += ms * commands;
    this.#spread.add(ms, commands);
  }

  /** The thread worked so long, and so many commands waited for it. */
  addWork(ms: number, commands: number): void {
    this.#workMs += ms;
    if (commands > 0) this.add(ms, commands);
  }

  time(): PhaseTime {
    return { seconds: this.#ms / 1000, workSeconds: this.#workMs / 1000, spread: this.#spread.counts() };
  }
}
