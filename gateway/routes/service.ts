// Routes about the gateway and the installation behind it. They are public and tell nothing of any tenant.
// `livez` is true while the process answers, `readyz` while the engine does too and no stop has begun.

import type { FastifyReply } from "fastify";
import { GUARANTEES, NOT_PROMISED } from "../../protocol/guarantees.ts";
import { Problem } from "../problem.ts";
import { type Route, type RouteContext, sendJson } from "../route.ts";
import { metricsSchema, schemas, serviceSchema } from "../schemas.ts";

const tags = ["service"];

/** See the file header. */
export const serviceRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/livez",
    access: "public",
    schema: serviceSchema({ summary: "Whether the process runs", tags, answer: schemas.state }),
    handler: (_context, _request, reply) => sendJson(reply, 200, '{"status":"alive"}'),
  },
  {
    method: "GET",
    path: "/readyz",
    access: "public",
    schema: serviceSchema({
      summary: "Whether commands would be carried out now",
      tags,
      answer: schemas.state,
    }),
    handler: async ({ installation }, _request, reply) => {
      if (!(await installation.isReady())) throw new Problem("busy", { detail: "not ready" });
      sendJson(reply, 200, '{"status":"ready"}');
    },
  },
  {
    method: "GET",
    path: "/version",
    access: "public",
    schema: serviceSchema({ summary: "Versions", tags, answer: schemas.version }),
    handler: async (context, _request, reply) => {
      const info = await context.installation.info();
      sendJson(reply, 200, JSON.stringify({ gateway: context.version, engine: info?.version ?? null }));
    },
  },
  {
    method: "GET",
    path: "/metrics",
    access: "public",
    schema: metricsSchema({ summary: "What the gateway counts, for Prometheus", tags }),
    handler: async ({ metrics }, _request, reply) => {
      reply.header("content-type", metrics.contentType).send(await metrics.text());
    },
  },
  {
    method: "GET",
    path: "/v1/guarantees",
    access: "public",
    schema: serviceSchema({
      summary: "What this installation promises",
      tags,
      answer: schemas.guarantees,
    }),
    handler: sendGuarantees,
  },
  {
    method: "GET",
    path: "/openapi.json",
    access: "public",
    schema: serviceSchema({ summary: "This document", tags, answer: schemas.document }),
    handler: (context, _request, reply) => sendJson(reply, 200, context.document()),
  },
];

async function sendGuarantees(
  { installation }: RouteContext,
  _request: unknown,
  reply: FastifyReply,
): Promise<void> {
  const info = (await installation.info()) ?? installation.lastInfo;
  if (info === null) throw new Problem("busy", { detail: "the engine does not answer" });
  const { durability, shards, limits } = info;
  const guarantees = Object.fromEntries(GUARANTEES.map((one) => [one.about, one[durability]]));
  sendJson(reply, 200, JSON.stringify({ durability, shards, limits, guarantees, notPromised: NOT_PROMISED }));
}
