// Applies the commands of a record in order. Owns ids: a known one gets its first outcome again, waits with
// the first while that is open, or conflicts; a new one is claimed, decided, and its outcome recorded.
//
// Invariant: whatever passes the id check is recorded with exactly one outcome, refusals too.

import { assert } from "../protocol/assert.ts";
import { differingField } from "../protocol/command-content.ts";
import { type DecodedCommand, isRefusedShape, type RefusedShape } from "../protocol/decoded-command.ts";
import { sameBytes } from "../protocol/digest.ts";
import type { TenantName } from "../protocol/names.ts";
import { type Outcome, refusal } from "../protocol/outcome.ts";
import { shardOf } from "../protocol/shard-map.ts";
import type { Applying } from "./applying.ts";
import { decideCapture, decideRelease } from "./decide-hold.ts";
import { decideReverse } from "./decide-reverse.ts";
import { decideTransfer } from "./decide-transfer.ts";
import { decideLimit, decideOpen, decideStatus } from "./decide-wallet.ts";
import type { CommandRow, Ledger } from "./ledger.ts";
import { refusedOutcome } from "./terminal-outcome.ts";

/** Applies commands in order; one that refuses does not stop the others. Errors: bugs and the ledger's. */
export function applyCommands(
  applying: Applying,
  tenant: TenantName,
  commands: readonly (DecodedCommand | RefusedShape)[],
): void {
  for (let index = 0; index < commands.length; index += 1) {
    const decoded = commands[index];
    if (!decoded) continue;
    applying.progress.unit = { kind: "command", index };
    if (isRefusedShape(decoded)) {
      applying.answers.answered.push({
        index,
        outcome: refusedOutcome(applying.ledger, decoded, decoded.shape),
      });
    } else applyCommand(applying, tenant, index, decoded);
  }
}

function applyCommand(applying: Applying, tenant: TenantName, index: number, decoded: DecodedCommand): void {
  const { ledger, answers } = applying;
  const { command, content } = decoded;
  if (!isOfThisShard(ledger, tenant, decoded)) {
    answers.answered.push({
      index,
      outcome: refusedOutcome(ledger, command, refusal("wrong_shard", command.owner)),
    });
    return;
  }
  const quarantined = isQuarantined(applying, index);
  const claim = ledger.claimCommand({ tenant, owner: command.owner, id: command.id, content });
  if ("existing" in claim) {
    answerAgain(applying, index, decoded, claim.existing, quarantined);
    return;
  }
  const { number } = claim;
  const outcome = quarantined
    ? refusedOutcome(ledger, command, refusal("internal_error"))
    : decide(ledger, tenant, number, decoded);
  if (!outcome) {
    answers.waiting.push({ index, number, replayed: false });
    return;
  }
  ledger.settleCommand(number, outcome);
  answers.answered.push({ index, outcome });
}

/** What the decoder has looked at for this shard is not hashed again. */
function isOfThisShard(ledger: Ledger, tenant: TenantName, { command, shard }: DecodedCommand): boolean {
  if (shard !== null) return shard === ledger.shard;
  return ledger.shards === 1 || shardOf(tenant, command.owner, ledger.shards) === ledger.shard;
}

/** The canonical contents decide, byte by byte. What is quarantined skips naming the field, which may be what threw. */
function answerAgain(
  { ledger, answers }: Applying,
  index: number,
  { command, content }: DecodedCommand,
  existing: CommandRow,
  quarantined: boolean,
): void {
  if (!sameBytes(existing.content, content)) {
    const detail = quarantined ? null : differingField(existing.content, content);
    answers.answered.push({
      index,
      outcome: refusedOutcome(ledger, command, refusal("id_conflict", detail)),
    });
  } else if (existing.outcome) {
    answers.answered.push({ index, outcome: { ...existing.outcome, replayed: true } });
  } else answers.waiting.push({ index, number: existing.number, replayed: true });
}

function isQuarantined({ quarantined }: Applying, index: number): boolean {
  return quarantined.some((unit) => unit.kind === "command" && unit.index === index);
}

/** The terminal outcome, or null when other shards have been asked. */
function decide(
  ledger: Ledger,
  tenant: TenantName,
  number: number,
  { command }: DecodedCommand,
): Outcome | null {
  assert(number >= 1, "commands are numbered from 1");
  switch (command.op) {
    case "transfer":
      return decideTransfer(ledger, { number, tenant, command });
    case "open":
      return decideOpen(ledger, tenant, command);
    case "capture":
      return decideCapture(ledger, { number, tenant, command });
    case "release":
      return decideRelease(ledger, { number, tenant, command });
    case "reverse":
      return decideReverse(ledger, { number, tenant, command });
    case "freeze":
    case "unfreeze":
    case "close":
      return decideStatus(ledger, tenant, command);
    case "limit":
      return decideLimit(ledger, tenant, command);
  }
}
