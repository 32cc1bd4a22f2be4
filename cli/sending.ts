// Sends one command and prints what it came to, the same way for every operation: the contract's JSON, or a few
// lines of text, and the exit code that goes with the status.
//
// Invariant: the id is known before anything is sent, and is printed when nobody knows what became of it, so that
// the same call with --id asks again instead of doing it twice.

import type { ClientOutcome } from "../client/client-outcome.ts";
import type { CommandInput } from "../client/command-input.ts";
import type { OwnerName } from "../protocol/names.ts";
import type { Outcome } from "../protocol/outcome.ts";
import { REFUSALS } from "../protocol/outcome.ts";
import { outcomeToJson } from "../protocol/outcome-json.ts";
import type { FlagSpec, Invocation } from "./command.ts";
import type { ExitCode } from "./exit-code.ts";
import { EXIT } from "./exit-code.ts";
import { usageFailure } from "./failure.ts";
import { columns } from "./output.ts";
import type { Parsed } from "./parsed.ts";
import { sessionOf, withCoffer } from "./session.ts";
import { idIn, jsonObjectIn, ownerIn } from "./value.ts";

/** Flags of every command that changes something in the engine. */
export const SENDING_FLAGS: readonly FlagSpec[] = [
  {
    name: "--id",
    value: "UUID",
    summary: "the command's id; the same id is settled once (default: a new one)",
  },
  { name: "--dry-run", value: null, summary: "print the command that would be sent and send nothing" },
  { name: "--yes", value: null, summary: "accepted for scripts; nothing is asked" },
];

/** Flags of transfers and holds alike. */
export const TRANSFER_FLAGS: readonly FlagSpec[] = [
  {
    name: "--leg",
    value: "FROM,TO,AMOUNT",
    summary: "one more leg, or all of them instead of FROM TO AMOUNT",
    repeats: true,
  },
  { name: "--code", value: "TEXT", summary: "your code for the kind of transfer, at most 64 bytes" },
  { name: "--ref", value: "TEXT", summary: "your reference, at most 128 bytes" },
  { name: "--meta", value: "JSON", summary: "a JSON object kept with it, at most 2048 bytes" },
  {
    name: "--if-version",
    value: "WALLET=VERSION",
    summary: "refuse unless the wallet has this version",
    repeats: true,
  },
];

/** Flag that says whose hold or transfer is meant. */
export const OWNER_FLAG: FlagSpec = {
  name: "--owner",
  value: "OWNER",
  summary: "whose it is: the owner that the transfer was addressed to (required)",
};

/** The owner that `--owner` names. Errors: CliFailure `usage`, `wallet_invalid`. */
export function ownerOf(parsed: Parsed): OwnerName {
  const owner = parsed.text("--owner");
  if (owner === null) throw usageFailure("Say whose it is: --owner OWNER.");
  return ownerIn(owner);
}

/** A command without the id that it is given when it is sent. */
export type Unsent<Input> = Input extends unknown ? Omit<Input, "id"> : never;

/** A command without its id, which `--id` or this file supplies. */
export type UnsentCommand = Unsent<CommandInput>;

/**
 * Sends the command of a call and prints its outcome.
 * Errors: CliFailure `id_invalid`; CofferError `unreachable`.
 */
export async function sendCommand(invocation: Invocation, fields: UnsentCommand): Promise<ExitCode> {
  const { parsed, output, surroundings } = invocation;
  const session = sessionOf(invocation);
  const id = idIn(parsed.text("--id") ?? surroundings.newId());
  const command: CommandInput = { ...fields, id };
  if (parsed.has("--dry-run")) {
    const shown = JSON.parse(JSON.stringify(command, bigintText));
    const text = `Would send to tenant ${session.tenant} at ${session.server}:\n${JSON.stringify(shown, null, 2)}`;
    output.result({ dryRun: true, tenant: session.tenant, server: session.server, command: shown }, text);
    return EXIT.done;
  }
  const outcome = await withCoffer(session, (coffer) => coffer.send(command));
  return reportOutcome(invocation, outcome);
}

/** Prints an outcome and returns its exit code. */
export function reportOutcome({ output }: Pick<Invocation, "output">, outcome: ClientOutcome): ExitCode {
  if (outcome.status === "unknown") {
    const text = `unknown  ${outcome.id}\n  ${outcome.detail}\n  It may have been carried out. Ask again: the same call with --id ${outcome.id}`;
    output.result({ ...outcome }, text);
    return EXIT.unknown;
  }
  output.result(JSON.parse(JSON.stringify(outcomeToJson(outcome))), outcomeText(outcome));
  return outcome.status === "refused" ? EXIT.refused : EXIT.done;
}

/** An optional JSON object flag as a field, absent when not given. Errors: CliFailure `malformed`. */
export function metaField(text: string | null): { readonly meta?: Readonly<Record<string, unknown>> } {
  return text === null ? {} : { meta: jsonObjectIn(text) };
}

function outcomeText(outcome: Outcome): string {
  const { id, refusal, shard, position, replayed } = outcome;
  const place = `shard ${shard}, position ${position}${replayed ? ", settled before" : ""}`;
  if (refusal !== null) {
    const meaning = REFUSALS.find(({ code }) => code === refusal.code)?.meaning ?? "";
    const detail = refusal.detail === null ? "" : ` (${JSON.stringify(refusal.detail)})`;
    return `refused  ${id ?? "-"}  ${place}\n  ${refusal.code}: ${meaning}${detail}`;
  }
  const rows = (outcome.balances ?? []).map(({ wallet, posted, held, incoming, available, version }) => [
    wallet,
    `posted ${posted}`,
    `held ${held}`,
    `incoming ${incoming}`,
    `available ${available}`,
    `version ${version}`,
  ]);
  return [
    `${outcome.status}  ${id ?? "-"}  ${place}`,
    ...(rows.length === 0 ? [] : [columns(rows, "  ")]),
  ].join("\n");
}

function bigintText(_field: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}
