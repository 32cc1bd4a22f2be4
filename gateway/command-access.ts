// Which commands a caller may send: the access that an operation asks for, and the owners whose money it takes.
//
// Invariant: a caller who is bound to owners can take money only from their wallets, and sees only their balances.
// Guards against: money made by a key that may only move it (a wallet below zero is a source of money).

import { isJsonObject } from "../protocol/canonical-json.ts";
import { impliedOwner, isOp } from "../protocol/command-shape.ts";
import { type OwnerName, ownerOf, parseOwner, parseWallet } from "../protocol/names.ts";
import { type Access, mayTouch } from "./authorize.ts";
import type { CommandJson } from "./command-desk.ts";
import type { Principal } from "./principal.ts";
import { Problem, type ProblemCode } from "./problem.ts";

/** The owner that a command is addressed to; undefined when it names none. Never throws. */
export function addressedOwner(command: CommandJson): OwnerName | undefined {
  const { op } = command;
  if (op === "capture" || op === "release" || op === "reverse") return parseOwner(command["owner"]);
  return isOp(op) ? impliedOwner(op, command) : undefined;
}

/** What a command asks for: moving money and opening wallets is `write`, what binds others is `admin`. */
export function accessOfCommand({ op, min }: CommandJson): Access {
  if (op === "open") return min === undefined || min === "0" ? "write" : "admin";
  return op === "freeze" || op === "unfreeze" || op === "close" || op === "limit" ? "admin" : "write";
}

/**
 * Why a caller may not send a command, or null.
 * A foreign owner's wallet, hold or transfer is told to be missing, whether it exists or not. Never throws.
 */
export function forbiddenIn(principal: Principal, command: CommandJson): Problem | null {
  const access = accessOfCommand(command);
  if (access !== "public" && !principal.scopes.has(access))
    return new Problem("forbidden", { detail: `${String(command["op"]).slice(0, 16)} asks for ${access}` });
  if (principal.owners === null) return null;
  const owner = addressedOwner(command);
  if (owner !== undefined && !mayTouch(principal, owner)) return missing(command, null);
  for (const source of sourcesOf(command)) {
    const wallet = parseWallet(source);
    if (wallet !== undefined && !mayTouch(principal, ownerOf(wallet))) return missing(command, wallet);
  }
  return null;
}

function missing(command: CommandJson, wallet: string | null): Problem {
  const { op, id } = command;
  const [code, detail] = missingThing(op, command, wallet);
  return new Problem(code, {
    detail: typeof detail === "string" ? detail.slice(0, 128) : null,
    id: typeof id === "string" ? id.slice(0, 64) : null,
  });
}

function missingThing(op: unknown, command: CommandJson, wallet: string | null): [ProblemCode, unknown] {
  if (op === "capture" || op === "release") return ["hold_not_found", command["hold"]];
  if (op === "reverse") return ["transfer_not_found", command["transfer"]];
  return ["wallet_not_found", wallet ?? command["wallet"] ?? command["from"] ?? null];
}

function sourcesOf({ op, legs }: CommandJson): unknown[] {
  if (op !== "transfer" || !Array.isArray(legs)) return [];
  return legs.map((leg: unknown) => (isJsonObject(leg) ? leg["from"] : undefined));
}
