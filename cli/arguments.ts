// Turns the words after a command into checked values, by the command's own table. Unknown flags, missing
// values, too many or too few arguments end here with a sentence and a suggestion, before anything is sent.
//
// Forms: `--flag value`, `--flag=value`, `--switch`, `--` (everything after it is an argument). A value may
// start with one dash (`--min -500`), never with two: that is a forgotten value.

import type { ArgumentSpec, CliCommand, FlagSpec } from "./command.ts";
import { flagsOf } from "./command.ts";
import { usageFailure } from "./failure.ts";
import { Parsed } from "./parsed.ts";
import { didYouMean } from "./suggestion.ts";

/**
 * Parses the words after the command's own words.
 * Errors: throws CliFailure `usage`.
 */
export function parseArguments(command: CliCommand, line: readonly string[]): Parsed {
  const specs = new Map<string, FlagSpec>(flagsOf(command).map((spec) => [spec.name, spec]));
  const flags = new Map<string, string[]>();
  const words: string[] = [];
  const rest = [...line];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "--") {
      words.push(...rest.splice(0));
    } else if (word === "-h") {
      flags.set("--help", [""]);
    } else if (word.startsWith("-") && word !== "-") {
      takeFlag(word, rest, { specs, flags, command });
    } else {
      words.push(word);
    }
  }
  if (!flags.has("--help")) checkArguments(command, words);
  const known = [...flagsOf(command), ...command.arguments].map(({ name }) => name);
  const given = command.arguments.flatMap(({ name }, index) => {
    const word = words[index];
    return word === undefined ? [] : [[name, word] as const];
  });
  return new Parsed(new Set(known), flags, new Map(given));
}

interface FlagTable {
  readonly specs: ReadonlyMap<string, FlagSpec>;
  readonly flags: Map<string, string[]>;
  readonly command: CliCommand;
}

/** Takes one flag, and its value from the following words when it needs one. */
function takeFlag(word: string, rest: string[], table: FlagTable): void {
  const equals = word.indexOf("=");
  const name = equals < 0 ? word : word.slice(0, equals);
  const spec = table.specs.get(name);
  if (spec === undefined) {
    const guess = didYouMean(name, [...table.specs.keys()]);
    throw usageFailure(`${table.command.path} has no flag ${name}.${guess}`);
  }
  const given = table.flags.get(name) ?? [];
  if (given.length > 0 && spec.repeats !== true) throw usageFailure(`${name} was given twice.`);
  given.push(valueFor(spec, equals < 0 ? undefined : word.slice(equals + 1), rest));
  table.flags.set(name, given);
}

function valueFor(spec: FlagSpec, attached: string | undefined, rest: string[]): string {
  if (spec.value === null) {
    if (attached !== undefined) throw usageFailure(`${spec.name} takes no value.`);
    return "";
  }
  const value = attached ?? (rest[0]?.startsWith("--") === true ? undefined : rest.shift());
  if (value === undefined || value === "")
    throw usageFailure(`${spec.name} needs a value: ${spec.name} ${spec.value}.`);
  checkChoice(spec.name, value, spec.choices);
  return value;
}

function checkArguments(command: CliCommand, words: readonly string[]): void {
  for (const [index, spec] of command.arguments.entries()) {
    const word = words[index];
    if (word === undefined && spec.optional !== true) {
      throw usageFailure(`${command.path} needs ${spec.name}: ${usageLine(command)}`);
    }
    if (word !== undefined) checkChoice(spec.name, word, spec.choices);
  }
  const extra = words[command.arguments.length];
  if (extra !== undefined) {
    throw usageFailure(`${command.path} does not know what to do with "${extra}": ${usageLine(command)}`);
  }
}

function checkChoice(name: string, value: string, choices: readonly string[] | undefined): void {
  if (choices === undefined || choices.includes(value)) return;
  throw usageFailure(`${name} is one of ${choices.join(", ")}, not "${value}".${didYouMean(value, choices)}`);
}

/** `coffer wallet open WALLET ASSET [flags]` */
export function usageLine(command: CliCommand): string {
  const words = command.arguments.map((spec) => placeholder(spec));
  return ["coffer", command.path, ...words, "[flags]"].join(" ");
}

function placeholder(spec: ArgumentSpec): string {
  return spec.optional === true ? `[${spec.name}]` : spec.name;
}
