// Measures one scenario: slices of Coffer and of the baseline in turns, each on a system of its own, and what a scenario
// has beside them.
//
//   Coffer, baseline, Coffer, baseline …  ►  Coffer at the baseline's best rate, where the scenario asks for it

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BenchClock } from "../bench-clock.ts";
import type { BenchSettings } from "./bench-settings.ts";
import { claimTerms } from "./claim-requests.ts";
import { FUNDS } from "./http-fleet.ts";
import { httpPlot } from "./http-plot.ts";
import { type ClaimsReport, type ScenarioReport, scenarioReport } from "./http-report.ts";
import { type HttpScenario, phasesOf } from "./http-scenario.ts";
import { runSlice, type Slice, type SlicePlan } from "./http-slice.ts";
import {
  baselineSystem,
  cofferSystem,
  type Durability,
  type LoadedSystem,
  runningSystem,
} from "./loaded-system.ts";
import { surgeReport } from "./surge-report.ts";
import { surgeCsv, surgePlot, surgeSeconds } from "./surge-timeline.ts";

/** What a run takes from outside. */
export interface ScenarioParts {
  readonly settings: BenchSettings;
  readonly clock: BenchClock;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly tell: (line: string) => void;
}

/** One scenario, being measured. */
export class ScenarioRun {
  readonly #name: string;
  readonly #scenario: HttpScenario;
  readonly #parts: ScenarioParts;

  constructor(name: string, scenario: HttpScenario, parts: ScenarioParts) {
    this.#name = name;
    this.#scenario = scenario;
    this.#parts = parts;
  }

  /** Measures it. Errors: BenchFailure */
  async measure(): Promise<ScenarioReport> {
    const { settings } = this.#parts;
    const { isCompared, isPaced, isSurge, slices: usual } = this.#scenario;
    const own: Slice[] = [];
    const baseline: Slice[] = [];
    for (let turn = 0; turn < (settings.slices ?? usual); turn += 1) {
      if (settings.only !== "baseline") own.push(await this.#slice(await this.#coffer()));
      if (settings.only === "baseline" || (isCompared && settings.only === null))
        baseline.push(await this.#slice(await this.#baseline()));
    }
    const isBoth = own.length > 0 && baseline.length > 0;
    const paced = isPaced && isBoth ? await this.#paced(baseline) : null;
    const [last] = own;
    const surge = isSurge && last !== undefined ? surgeReport(last, this.#clients()) : null;
    const [first, second] = own.length > 0 ? [own, baseline] : [baseline, []];
    this.#draw(first, second);
    return scenarioReport(first, second, this.#durability, { paced, surge, claims: this.#claims(last) });
  }

  get #durability(): Durability {
    return this.#scenario.durability ?? this.#parts.settings.durability;
  }

  /** Coffer at the rate that the baseline settles at best. */
  async #paced(baseline: readonly Slice[]): Promise<Slice> {
    const rates = baseline.map(({ settledPerSecond }) => settledPerSecond);
    const ratePerSecond = Math.round(rates.reduce((sum, rate) => sum + rate, 0) / rates.length);
    this.#tell(`Coffer at ${ratePerSecond}/s, at which the baseline is full`);
    return await this.#slice(await this.#coffer(), ratePerSecond);
  }

  async #slice(system: LoadedSystem, ratePerSecond: number | null = null): Promise<Slice> {
    const { clock } = this.#parts;
    const token = this.#token();
    const onProgress = (line: string): void => this.#tell(line);
    return await runSlice(system, this.#plan(ratePerSecond), { token, clock, onProgress });
  }

  #plan(ratePerSecond: number | null): SlicePlan {
    const { load, hotWallets, shards, wallets, isSpared } = this.#scenario;
    const { phases, shards: asked, wallets: walletsAsked } = this.#parts.settings;
    return {
      ...{ load, hotWallets, shards: asked ?? shards, seed: 1, maySpare: isSpared },
      ...phasesOf(this.#scenario, { ...phases, ratePerSecond: ratePerSecond ?? phases.ratePerSecond }),
      walletCount: walletsAsked ?? wallets,
    };
  }

  #claims(slice: Slice | undefined): ClaimsReport | null {
    if (this.#scenario.load !== "claims" || slice === undefined) return null;
    const { walletCount } = this.#plan(null);
    const granted = slice.result.phases.reduce((sum, { settled }) => sum + settled, 0);
    return { claimants: walletCount - 1, budgetClaims: claimTerms(walletCount, FUNDS).budgetClaims, granted };
  }

  #clients(): number {
    return this.#plan(null).phases.find(({ name }) => name === "surge")?.clients ?? 0;
  }

  async #coffer(): Promise<LoadedSystem> {
    const { target, shards } = this.#parts.settings;
    if (target !== null) return runningSystem(target.url, target.key);
    return await cofferSystem({ durability: this.#durability, shards: shards ?? this.#scenario.shards });
  }

  async #baseline(): Promise<LoadedSystem> {
    const { clock, env, settings, tell } = this.#parts;
    const pool = settings.poolSize === null ? {} : { poolSize: settings.poolSize };
    const secret = clock.uniqueBytes(32);
    return await baselineSystem({ env, durability: this.#durability, secret, onProgress: tell, ...pool });
  }

  /** Writes the figures, where they are asked for. */
  #draw(...all: readonly (readonly Slice[])[]): void {
    const { plotDirectory } = this.#parts.settings;
    if (plotDirectory === null) return;
    mkdirSync(plotDirectory, { recursive: true });
    const [title, subtitle] = [`HTTP: ${this.#name}`, this.#scenario.summary];
    const [slice] = all.flat();
    if (this.#scenario.isSurge && slice !== undefined) {
      const seconds = surgeSeconds(slice);
      this.#write(plotDirectory, "svg", surgePlot(title, subtitle, seconds));
      this.#write(plotDirectory, "csv", surgeCsv(seconds));
      return;
    }
    const systems = all.flatMap((slices) => {
      const about = slices[0]?.about;
      return about === undefined
        ? []
        : [{ name: about, samples: slices.flatMap(({ load }) => load.samples) }];
    });
    this.#write(plotDirectory, "svg", httpPlot({ title, subtitle, systems }));
  }

  #write(directory: string, ending: string, text: string): void {
    const file = join(directory, `http-${this.#name}.${ending}`);
    writeFileSync(file, text);
    this.#tell(file);
  }

  #tell(line: string): void {
    this.#parts.tell(`${this.#name}: ${line}`);
  }

  #token(): string {
    return Buffer.from(this.#parts.clock.uniqueBytes(8)).toString("hex");
  }
}
