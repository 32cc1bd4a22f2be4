// Help as text, from the commands' tables: the overview, a group (`coffer wallet`), one command. docs/cli.md is
// made of the same pieces, so page and program cannot disagree.

import { usageLine } from "./arguments.ts";
import type { CliCommand, FlagSpec } from "./command.ts";
import { COMMON_FLAGS } from "./command.ts";
import { columns } from "./output.ts";

const EXIT_CODES = [
  ["0", "done"],
  ["1", "refused by the engine, a violation found, or it could not be done here"],
  ["2", "the command line is wrong; nothing was sent"],
  ["3", "unknown: ask again with the same id"],
  ["4", "no server or engine answers, or it takes nothing now; nothing was recorded"],
] as const;

/** The overview: every command with its summary, the common flags, the exit codes. */
export function overviewHelp(commands: readonly CliCommand[]): string {
  return [
    "Coffer keeps wallets: every command is settled once, on disk, and answers the same for ever.",
    "Usage: coffer COMMAND [arguments] [flags]\n       coffer COMMAND --help",
    section(
      "Commands",
      columns(
        commands.map(({ path, summary }) => [path, summary]),
        "  ",
      ),
    ),
    section("Flags of every command", flagTable(COMMON_FLAGS)),
    section("Exit codes", columns(EXIT_CODES, "  ")),
    "Amounts are whole minor units (1250 of USD/2 is 12.50); ids are UUIDs and can be sent again safely.",
  ].join("\n\n");
}

/** The commands of one group. */
export function groupHelp(group: string, commands: readonly CliCommand[]): string {
  return [
    `Usage: coffer ${group} COMMAND [arguments] [flags]`,
    section(
      "Commands",
      columns(
        commands.map(({ path, summary }) => [path, summary]),
        "  ",
      ),
    ),
  ].join("\n\n");
}

/** Everything about one command. */
export function commandHelp(command: CliCommand): string {
  const words = command.arguments.map(({ name, summary, choices }) => [name, withChoices(summary, choices)]);
  return [
    command.summary,
    `Usage: ${usageLine(command)}`,
    ...(command.details === undefined ? [] : [command.details]),
    ...(words.length === 0 ? [] : [section("Arguments", columns(words, "  "))]),
    ...(command.flags.length === 0 ? [] : [section("Flags", flagTable(command.flags))]),
    section("Flags of every command", flagTable(COMMON_FLAGS)),
    section("Examples", command.examples.map(({ line, does }) => `  # ${does}\n  coffer ${line}`).join("\n")),
  ].join("\n\n");
}

/** The page docs/cli.md. A test compares it with this, so it is never edited by hand. */
export function helpPage(commands: readonly CliCommand[]): string {
  const block = (text: string): string => `\`\`\`text\n${text}\n\`\`\``;
  const parts = [
    "# The `coffer` program",
    "This page is what `coffer help --all` prints; a test keeps the two equal.",
    block(overviewHelp(commands)),
    ...commands.map((command) => `## coffer ${command.path}\n\n${block(commandHelp(command))}`),
  ];
  return `${parts.join("\n\n")}\n`;
}

function section(title: string, body: string): string {
  return `${title}:\n${body}`;
}

function flagTable(flags: readonly FlagSpec[]): string {
  const rows = flags.map(({ name, value, summary, choices, repeats }) => [
    value === null ? name : `${name} ${value}`,
    `${withChoices(summary, choices)}${repeats === true ? " (may be repeated)" : ""}`,
  ]);
  return columns(rows, "  ");
}

function withChoices(summary: string, choices: readonly string[] | undefined): string {
  return choices === undefined ? summary : `${summary}: ${choices.join(", ")}`;
}
