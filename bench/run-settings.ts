// The options of a run with the scenario's defaults filled in: what a scenario and the generator read.
// Does not own the defaults (scenario.ts, option-defaults.ts).
// Imports nothing, since every part of a run reads it.

/** Ways to choose wallets; see wallet-choice.ts. */
export const DISTRIBUTIONS = ["uniform", "zipfian", "hot"] as const;
/** Ways to send single commands: JSON on `coffer.cmd`, or frames of one. */
export const ENCODINGS = ["json", "msgpack"] as const;

/** See the file header. */
export interface RunSettings {
  readonly seconds: number;
  /** Of the same load before what is measured; 0 = none. */
  readonly warmUpSeconds: number;
  /** Ends the run instead of `seconds`; null = the time does. */
  readonly commands: number | null;
  /** Rows that `growth` fills the journal with; null = its default. */
  readonly rows: number | null;
  readonly wallets: number;
  readonly distribution: (typeof DISTRIBUTIONS)[number];
  /** null = whatever the scenario gives. */
  readonly crossShare: number | null;
  readonly frameCommands: number;
  /** Messages. */
  readonly inFlight: number;
  readonly ratePerSecond: number | null;
  readonly encoding: (typeof ENCODINGS)[number];
  /** null = all shards take turns. */
  readonly shard: number | null;
  readonly seed: number;
}
