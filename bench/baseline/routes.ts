// The baseline's HTTP: the gateway's routes for wallets, transfers and batches on Fastify, with the same check of keys
// and the same shapes of requests and answers, so that one load script and one verification serve both.
//
// Does not own what a command does (ledger.ts). What the scenarios do not use is not there: holds, reverses, events.

import { createHash, timingSafeEqual } from "node:crypto";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Ledger } from "./ledger.ts";
import {
  type LedgerCommand,
  type OpenBody,
  openOf,
  type TransferBody,
  transferOf,
} from "./ledger-command.ts";
import type { WalletRow } from "./ledger-turn.ts";

/** Commands of one request to `/v1/batches`. */
const BATCH_MAX = 1_000;
const UUID = { type: "string", pattern: "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$" };
const WALLET = { type: "string", pattern: "^[A-Za-z0-9_-]{1,64}:[a-z0-9_-]{1,32}$" };
const ASSET = { type: "string", pattern: "^[A-Z][A-Z0-9]{0,11}/[0-9]{1,2}$" };
const AMOUNT = { type: "string", pattern: "^[1-9][0-9]{0,17}$" };
const LEG = {
  type: "object",
  required: ["from", "to", "amount"],
  additionalProperties: false,
  properties: { from: WALLET, to: WALLET, amount: AMOUNT },
};
const OPEN_FIELDS = {
  id: UUID,
  wallet: WALLET,
  asset: ASSET,
  min: { type: "string", pattern: "^(0|unlimited|-[1-9][0-9]{0,17})$" },
};
const TRANSFER_FIELDS = {
  id: UUID,
  from: WALLET,
  to: WALLET,
  amount: AMOUNT,
  legs: { type: "array", minItems: 1, maxItems: 64, items: LEG },
};
const OPEN = {
  type: "object",
  required: ["id", "wallet", "asset"],
  additionalProperties: false,
  properties: OPEN_FIELDS,
};
const TRANSFER = {
  type: "object",
  required: ["id"],
  oneOf: [{ required: ["legs"] }, { required: ["from", "to", "amount"] }],
  additionalProperties: false,
  properties: TRANSFER_FIELDS,
};
const opNamed = (schema: typeof OPEN | typeof TRANSFER, op: string): object => {
  return {
    ...schema,
    required: ["op", ...schema.required],
    properties: { ...schema.properties, op: { const: op } },
  };
};
const BATCH = {
  type: "object",
  required: ["commands"],
  additionalProperties: false,
  properties: {
    commands: {
      type: "array",
      minItems: 1,
      maxItems: BATCH_MAX,
      items: { anyOf: [opNamed(TRANSFER, "transfer"), opNamed(OPEN, "open")] },
    },
  },
};

type BatchCommand = ({ readonly op: "open" } & OpenBody) | ({ readonly op: "transfer" } & TransferBody);

/** A key's public part and the SHA-256 of its secret, hex. */
export interface StoredKey {
  readonly id: string;
  readonly hash: string;
}

/** Adds the routes. Only `key` is let in. */
export function addRoutes(server: FastifyInstance, ledger: Ledger, key: StoredKey): void {
  const hash = Buffer.from(key.hash, "hex");
  server.addHook("onRequest", (request, reply, done) => {
    if (isKey(request.headers.authorization, key.id, hash)) done();
    else void problem(reply, 401, "unauthorized");
  });
  const answerOne = async (command: LedgerCommand, reply: FastifyReply): Promise<FastifyReply> => {
    const [answer = { status: 500, body: "{}" }] = await ledger.apply([command]);
    const kind = answer.status < 300 ? "application/json" : "application/problem+json";
    return reply.code(answer.status).header("content-type", kind).send(answer.body);
  };
  server.post(
    "/v1/wallets",
    { schema: { body: OPEN } },
    (request: FastifyRequest<{ Body: OpenBody }>, reply) => answerOne(openOf(request.body), reply),
  );
  server.post(
    "/v1/transfers",
    { schema: { body: TRANSFER } },
    (request: FastifyRequest<{ Body: TransferBody }>, reply) => answerOne(transferOf(request.body), reply),
  );
  server.post(
    "/v1/batches",
    { schema: { body: BATCH } },
    async (request: FastifyRequest<{ Body: { commands: BatchCommand[] } }>, reply) => {
      const commands = request.body.commands.map((each) =>
        each.op === "open" ? openOf(each) : transferOf(each),
      );
      const answers = await ledger.apply(commands);
      const body = `{"outcomes":[${answers.map((answer) => answer.body).join(",")}]}`;
      return reply.header("content-type", "application/json").send(body);
    },
  );
  server.get(
    "/v1/wallets/:wallet",
    async (request: FastifyRequest<{ Params: { wallet: string } }>, reply) => {
      const row = await ledger.wallet(request.params.wallet);
      return row === null ? problem(reply, 404, "wallet_not_found") : viewOf(row);
    },
  );
}

function isKey(header: string | undefined, id: string, hash: Buffer): boolean {
  const [, keyId, secret] = /^Bearer legacy\.([^.]+)\.(.+)$/.exec(header ?? "") ?? [];
  if (keyId !== id || secret === undefined) return false;
  return timingSafeEqual(createHash("sha256").update(secret).digest(), hash);
}

function problem(reply: FastifyReply, status: number, code: string): FastifyReply {
  const body = JSON.stringify({ type: "about:blank", title: code, status, code });
  return reply.code(status).header("content-type", "application/problem+json").send(body);
}

function viewOf({ wallet, asset, posted, min, version }: WalletRow): object {
  return {
    ...{ wallet, asset, posted, held: "0", incoming: "0" },
    available: min === null ? "unlimited" : String(BigInt(posted) - BigInt(min)),
    ...{ min: min ?? "unlimited", max: "unlimited", status: "open", version },
  };
}
