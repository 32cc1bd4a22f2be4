// Invariant 3 of one shard, for the deep sweep: every recorded command has one outcome or is open with a saga;
// that the index leads to it is checked in verify-claims.ts.

import type { ReadOnlyShard, StoredCommand } from "./read-only-shard.ts";
import type { Report } from "./violation.ts";

/** Lines of one kind of finding that a query returns at most. */
const FINDINGS_MAX = 100;

/** Checks all commands. Cost: about 8 µs a command. */
export function verifyCommands(door: ReadOnlyShard, report: Report): void {
  let count = 0;
  for (const command of door.commands()) {
    count += 1;
    if (command.number !== count) report(3, "command_numbers", `command ${command.number} is the ${count}th`);
    count = command.number;
    checkCommand(door, command, report);
  }
  const { lastCommand } = door.meta;
  if (count !== lastCommand) report(3, "command_numbers", `the last command is ${count}, not ${lastCommand}`);
  for (const number of door.strayOutcomes(FINDINGS_MAX)) {
    report(3, "command_with_two_outcomes", `the late outcome ${number} has no command`);
  }
  for (const number of door.miscountedOwners(FINDINGS_MAX)) {
    report(4, "owner_miscounted", `owner ${number} has another number of wallets than it counts`);
  }
}

function checkCommand(door: ReadOnlyShard, command: StoredCommand, report: Report): void {
  const { number, id, outcome, outcomes } = command;
  if (outcomes > 1)
    report(3, "command_with_two_outcomes", `command ${number} (${id}) has a late outcome too`);
  if (outcome === null && !door.saga(number)) {
    report(3, "command_without_outcome", `command ${number} (${id}) is neither settled nor under way`);
  }
  if (outcome && (outcome.position > door.meta.position || outcome.position < 1)) {
    report(3, "outcome_impossible", `command ${number} (${id}) settled at ${outcome.position}`);
  }
}
