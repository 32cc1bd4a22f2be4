// From the words of a call to an exit code: finds the command, parses its words, runs it, prints what went wrong.
// The one place of this room where errors are caught.

import { parseArguments } from "./arguments.ts";
import { COMMANDS } from "./catalog.ts";
import type { CliCommand } from "./command.ts";
import { COMMON_FLAGS } from "./command.ts";
import type { ExitCode } from "./exit-code.ts";
import { EXIT } from "./exit-code.ts";
import { failureFrom, usageFailure } from "./failure.ts";
import { commandHelp, groupHelp, helpPage, overviewHelp } from "./help.ts";
import type { Output } from "./output.ts";
import { outputTo } from "./output.ts";
import { didYouMean } from "./suggestion.ts";
import type { Surroundings } from "./surroundings.ts";

/**
 * Runs one call of the program. Never throws: whatever happens is printed and becomes the exit code.
 * @param words the words after the program's name
 */
export async function runProgram(words: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
  const isJson = words.some((word, index) => word === "--json" && !words.slice(0, index).includes("--"));
  const output = outputTo(surroundings.stdout, surroundings.stderr, isJson);
  try {
    return await dispatch(words, output, surroundings);
  } catch (thrown) {
    const failure = failureFrom(thrown);
    output.failure(failure);
    return failure.exit;
  }
}

async function dispatch(
  words: readonly string[],
  output: Output,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { path, rest } = splitLine(words);
  if (path.length === 0 || path[0] === "help") return printHelp(path.slice(1), rest, output);
  const command = commandAt(path);
  const used = command.path.split(" ").length;
  const parsed = parseArguments(command, [...path.slice(used), ...rest]);
  if (parsed.has("--help")) {
    output.result({ help: commandHelp(command) }, commandHelp(command));
    return EXIT.done;
  }
  return await command.run({ parsed, output, surroundings });
}

/** The leading words without flags, and everything else; flags before the command (`coffer --json status`) move behind it. */
function splitLine(words: readonly string[]): {
  readonly path: readonly string[];
  readonly rest: readonly string[];
} {
  const rest = [...words];
  const early: string[] = [];
  while (rest[0]?.startsWith("-") === true) {
    const flag = rest.shift() ?? "";
    early.push(flag);
    const takesValue = COMMON_FLAGS.some(({ name, value }) => name === flag && value !== null);
    if (takesValue && rest[0] !== undefined) early.push(rest.shift() ?? "");
  }
  const firstFlag = rest.findIndex((word) => word.startsWith("-"));
  const path = firstFlag < 0 ? rest : rest.slice(0, firstFlag);
  return { path, rest: [...(firstFlag < 0 ? [] : rest.slice(firstFlag)), ...early] };
}

/** The command that the words name. Errors: CliFailure `usage` with the group's commands or a suggestion. */
function commandAt(path: readonly string[]): CliCommand {
  const [first = "", second] = path;
  const single = COMMANDS.find((command) => command.path === first);
  if (single !== undefined) return single;
  const group = groupOf(first);
  if (group.length === 0) {
    const known = COMMANDS.map((command) => command.path.split(" ")[0] ?? "");
    throw usageFailure(`there is no command ${first}.${didYouMean(first, known)} See coffer help.`);
  }
  const found = group.find((command) => command.path === `${first} ${second}`);
  if (found !== undefined) return found;
  const seconds = group.map((command) => command.path.split(" ")[1] ?? "");
  const guess = second === undefined ? "" : didYouMean(second, seconds);
  const said = second === undefined ? `${first} needs one of` : `${first} has no ${second}.${guess} It has`;
  throw usageFailure(`${said}: ${seconds.join(", ")}.`);
}

function groupOf(first: string): readonly CliCommand[] {
  return COMMANDS.filter((command) => command.path.startsWith(`${first} `));
}

function printHelp(topic: readonly string[], flags: readonly string[], output: Output): ExitCode {
  const text = helpText(topic, flags);
  output.result({ help: text }, text.trimEnd());
  return EXIT.done;
}

function helpText(topic: readonly string[], flags: readonly string[]): string {
  const unknown = flags.find((flag) => !["--json", "--help", "-h", "--all"].includes(flag));
  if (unknown !== undefined)
    throw usageFailure(`there is no flag ${unknown} without a command. See coffer help.`);
  if (flags.includes("--all")) return helpPage(COMMANDS);
  const [first, second] = topic;
  if (first === undefined) return overviewHelp(COMMANDS);
  const group = groupOf(first);
  return group.length > 0 && second === undefined ? groupHelp(first, group) : commandHelp(commandAt(topic));
}
