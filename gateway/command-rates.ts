// The rates that operators name, as settings of admission: so many commands a second, and twice as many at once.
// Does not own what they mean (admission/settings.ts), nor the flags that name them (cli).
// Invariant: a rate that is not named stays what it was.

import type { AdmissionSettings } from "./admission/settings.ts";

/** Commands a second. */
export interface CommandRates {
  readonly key?: number;
  readonly tenant?: number;
  readonly owner?: number;
}

/** Settings with the rates that are named in place of their own. */
export function withRates(settings: AdmissionSettings, rates: CommandRates): AdmissionSettings {
  const rateOf = (name: keyof CommandRates): AdmissionSettings[typeof name] => {
    const perSecond = rates[name];
    if (perSecond === undefined) return settings[name];
    return { ...settings[name], perSecond, burst: Math.max(1, 2 * perSecond) };
  };
  return { ...settings, key: rateOf("key"), tenant: rateOf("tenant"), owner: rateOf("owner") };
}
