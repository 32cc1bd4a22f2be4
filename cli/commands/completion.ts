// `coffer completion`: scripts for the three shells, made of the same tables as the help. The scripts are static
// text: completing never starts this program.

import type { CliCommand } from "../command.ts";
import { flagsOf } from "../command.ts";
import { EXIT } from "../exit-code.ts";

/** Words that can follow a command's own words. */
interface Completions {
  readonly path: string;
  readonly words: readonly string[];
  /** Values by flag, where the table has choices. */
  readonly choices: ReadonlyMap<string, readonly string[]>;
}

/** The command, over the list that it is itself a member of. */
export function completionCommand(commands: () => readonly CliCommand[]): CliCommand {
  return {
    path: "completion",
    summary: "Print a completion script for a shell",
    arguments: [{ name: "SHELL", summary: "which shell", choices: ["bash", "zsh", "fish"] }],
    flags: [],
    examples: [
      { line: "completion bash", does: "load in bash with: source <(coffer completion bash)" },
      { line: "completion zsh", does: "load in zsh with: source <(coffer completion zsh)" },
      { line: "completion fish", does: "load in fish with: coffer completion fish | source" },
    ],
    run: ({ parsed, output }) => {
      const shell = parsed.required("SHELL");
      const script = completionScript(shell, commands());
      output.result({ shell, script }, script);
      return Promise.resolve(EXIT.done);
    },
  };
}

/** The script for `bash`, `zsh` or `fish`. Never throws. */
export function completionScript(shell: string, commands: readonly CliCommand[]): string {
  const table = commands.map((command) => completionsOf(command));
  const groups = groupsOf(table);
  if (shell === "fish") return fishScript(table, groups);
  return shell === "zsh" ? zshScript(table, groups) : bashScript(table, groups);
}

function completionsOf(command: CliCommand): Completions {
  const flags = flagsOf(command);
  const values = command.arguments.flatMap(({ choices }) => choices ?? []);
  const choices = new Map(
    flags.flatMap((flag) => (flag.choices === undefined ? [] : [[flag.name, flag.choices]])),
  );
  return { path: command.path, words: [...values, ...flags.map(({ name }) => name)], choices };
}

/** First words, and the second words that can follow each (none for a command of one word). */
function groupsOf(table: readonly Completions[]): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  for (const { path } of table) {
    const [first = "", second] = path.split(" ");
    const seconds = groups.get(first) ?? [];
    if (second !== undefined) seconds.push(second);
    groups.set(first, seconds);
  }
  return groups;
}

/** The lines of a shell `case` over path and previous word that are common to bash and zsh. */
function caseLines(table: readonly Completions[], groups: ReadonlyMap<string, readonly string[]>): string[] {
  const isGroup = (first: string): boolean => (groups.get(first)?.length ?? 0) > 0;
  const twoWords = [...groups.keys()].filter(isGroup);
  const chosen = table.flatMap(({ path, choices }) =>
    [...choices].map(([flag, values]) => `    "${path} ${flag}") candidates="${values.join(" ")}" ;;`),
  );
  return [
    `  case "$first" in ${twoWords.join("|")}) path="$first $second" ;; *) path="$first" ;; esac`,
    `  case "$path $previous" in`,
    ...chosen,
    `    *) case "$path" in`,
    `    "") candidates="${[...groups.keys()].join(" ")} help" ;;`,
    ...twoWords.map((first) => `    "${first} ") candidates="${(groups.get(first) ?? []).join(" ")}" ;;`),
    ...table.map(({ path, words }) => `    "${path}") candidates="${words.join(" ")}" ;;`),
    "    esac ;;",
    "  esac",
  ];
}

function bashScript(table: readonly Completions[], groups: ReadonlyMap<string, readonly string[]>): string {
  return [
    "# coffer completion for bash",
    "_coffer() {",
    `  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"`,
    '  local first="" second="" path="" candidates=""',
    `  if (( COMP_CWORD > 1 )); then first="\${COMP_WORDS[1]}"; fi`,
    `  if (( COMP_CWORD > 2 )); then second="\${COMP_WORDS[2]}"; fi`,
    ...caseLines(table, groups),
    '  COMPREPLY=( $(compgen -W "$candidates" -- "$current") )',
    "}",
    "complete -o default -F _coffer coffer",
  ].join("\n");
}

function zshScript(table: readonly Completions[], groups: ReadonlyMap<string, readonly string[]>): string {
  return [
    "#compdef coffer",
    "# coffer completion for zsh",
    "_coffer() {",
    `  local previous="\${words[CURRENT-1]}" first="" second="" path="" candidates=""`,
    `  if (( CURRENT > 2 )); then first="\${words[2]}"; fi`,
    `  if (( CURRENT > 3 )); then second="\${words[3]}"; fi`,
    ...caseLines(table, groups),
    "  compadd -- $=candidates",
    "}",
    "compdef _coffer coffer",
  ].join("\n");
}

function fishScript(table: readonly Completions[], groups: ReadonlyMap<string, readonly string[]>): string {
  const lines = [`complete -c coffer -f -n __fish_use_subcommand -a "${[...groups.keys()].join(" ")} help"`];
  for (const [first, seconds] of groups) {
    if (seconds.length === 0) continue;
    const none = `__fish_seen_subcommand_from ${first}; and not __fish_seen_subcommand_from ${seconds.join(" ")}`;
    lines.push(`complete -c coffer -f -n "${none}" -a "${seconds.join(" ")}"`);
  }
  for (const { path, words, choices } of table) {
    const condition = path
      .split(" ")
      .map((word) => `__fish_seen_subcommand_from ${word}`)
      .join("; and ");
    for (const word of words) {
      const values = choices.get(word);
      const option = word.startsWith("--") ? `-l ${word.slice(2)}` : `-a ${word}`;
      const tail = values === undefined ? "" : ` -x -a "${values.join(" ")}"`;
      lines.push(`complete -c coffer -n "${condition}" ${option}${tail}`);
    }
  }
  return ["# coffer completion for fish", ...lines].join("\n");
}
