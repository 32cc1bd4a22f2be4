// Routes that change one wallet: open, limits, freeze, unfreeze, close.
// Does not own the way of a command (command-call.ts), only what is different for these.

import type { Coffer } from "../../client/mod.ts";
import type { Outcome } from "../../protocol/outcome.ts";
import { type Created, callCommand } from "../command-call.ts";
import type { CommandJson } from "../command-desk.ts";
import { READ_DEADLINE_MS } from "../read-answer.ts";
import { callerOf, parameterOf, type Route, type RouteContext } from "../route.ts";
import { commandSchema, schemas } from "../schemas.ts";

const tags = ["wallets"];

/** See the file header. */
export const walletRoutes: readonly Route[] = [
  {
    method: "POST",
    path: "/v1/wallets",
    access: "write",
    sendsCommands: true,
    schema: commandSchema({
      summary: "Open a wallet; 200 when it was open with the same fields",
      tags,
      body: schemas.open,
      created: true,
    }),
    handler: (context, request, reply) => {
      const { tenant } = callerOf(request);
      const created = (command: CommandJson, outcome: Outcome): Created | Promise<Created> =>
        openedAnswer(context.clients.ready(tenant), command, outcome);
      return callCommand(context, request, reply, { op: "open", fields: {}, created });
    },
  },
  {
    method: "PATCH",
    path: "/v1/wallets/:wallet",
    access: "admin",
    sendsCommands: true,
    schema: commandSchema({
      summary: "Change a wallet's bounds",
      tags,
      params: schemas.walletParams,
      body: schemas.limit,
      created: false,
    }),
    handler: (context, request, reply) => changeWallet("limit", { context, request, reply }),
  },
  statusRoute("freeze", "Refuse new debits and credits of a wallet"),
  statusRoute("unfreeze", "Take them again"),
  statusRoute("close", "Close an empty wallet for good"),
];

function statusRoute(op: "freeze" | "unfreeze" | "close", summary: string): Route {
  return {
    method: "POST",
    path: `/v1/wallets/:wallet/${op}`,
    access: "admin",
    sendsCommands: true,
    schema: commandSchema({
      summary,
      tags,
      params: schemas.walletParams,
      body: schemas.status,
      created: false,
    }),
    handler: (context, request, reply) => changeWallet(op, { context, request, reply }),
  };
}

type Handled = Record<"context", RouteContext> & {
  readonly request: Parameters<Route["handler"]>[1];
  readonly reply: Parameters<Route["handler"]>[2];
};

function changeWallet(
  op: "limit" | "freeze" | "unfreeze" | "close",
  { context, request, reply }: Handled,
): void | Promise<void> {
  const wallet = parameterOf(request.params, "wallet");
  return callCommand(context, request, reply, { op, fields: { wallet }, created: null });
}

/**
 * 201 for the command that made the wallet, 200 for one that found it. The outcome is the same for both, but its version
 * is 1 only while nothing else has happened, and the wallet's first entry names the command that made it.
 */
async function openedAnswer(
  client: Coffer | null,
  { wallet }: CommandJson,
  outcome: Outcome,
): Promise<Created> {
  const name = String(wallet);
  const location = `/v1/wallets/${name}`;
  const isFirst =
    outcome.balances?.[0]?.version === 1 && (client === null || (await isMaker(client, name, outcome.id)));
  return { status: isFirst ? 201 : 200, location };
}

/** Whether a command made a wallet, as far as its first page tells; when it does not, yes. */
async function isMaker(client: Coffer, wallet: string, id: string | null): Promise<boolean> {
  const pages = client.entries(wallet, { limit: 500, deadlineMs: READ_DEADLINE_MS });
  const page = await pages.next().catch(() => null);
  const first = page?.done === false ? page.value.elements.at(-1) : undefined;
  return first?.version !== 1 || first.command === id;
}
