// The HTTP server: registers the routes of route-table.ts with their access and their published schemas, and turns
// whatever goes wrong into a problem document. Bodies, headers, query and waits are bounded here.
//
//   request ► key ► access ► admission ► body ► query and path ► handler ► answer
//                               └─ shed
//
// Invariant: every route but those under /docs comes from the table; every error is a problem document.

import { TypeBoxValidatorCompiler } from "@fastify/type-provider-typebox";
import fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifySchemaCompiler,
} from "fastify";
import type { TSchema } from "typebox";
import { MESSAGE_BYTES_MAX } from "../protocol/limits.ts";
import { NO_TICKET } from "./admission/tickets.ts";
import { type Authorization, authorize } from "./authorize.ts";
import { documentOf, registerDocument } from "./document.ts";
import {
  answerBrokenRequest,
  answerExpectation,
  answerWithoutHost,
  lacksHost,
  problemOf,
} from "./http-fault.ts";
import { boundConnections } from "./http-listeners.ts";
import { readJsonBodies } from "./json-body.ts";
import type { KeyDirectory } from "./key-directory.ts";
import { plainCheck } from "./plain-parameters.ts";
import type { Principal } from "./principal.ts";
import { PROBLEM_MEDIA_TYPE, Problem, problemJson } from "./problem.ts";
import type { RequestIds } from "./request-ids.ts";
import type { RequestLog } from "./request-log.ts";
import { parameterOf, pathOf, type Route, type RouteContext } from "./route.ts";
import { ROUTES } from "./route-table.ts";
import { answerShed } from "./shed-answer.ts";

/** Bytes of all headers of a request. */
const HEADER_BYTES_MAX = 16 * 1024;
/** How long a request may take to arrive when nothing else is said, ms. */
const REQUEST_MS_MAX = 30_000;
/** Connections at once; further ones are closed as they come. */
const CONNECTIONS_MAX = 10_000;
/**
 * A connection on which nothing moves for so many times that long is closed, whatever is owed on it: its caller reads no
 * more. Longer than any answer waits.
 */
const STILL_REQUESTS = 4;
/** How often connections that took longer are looked for, at most, ms. */
const SLOW_LOOK_MS_MAX = 1_000;
/** How long an idle connection is kept, ms. */
const KEEP_ALIVE_MS = 72_000;
/** Characters of a parameter in a path: longer ones are judged as bad parameters up to here. */
const PARAMETER_CHARS_MAX = 1_024;
/** What the server is made of. */
export interface HttpServerParts {
  readonly context: Omit<RouteContext, "document">;
  readonly keys: KeyDirectory;
  readonly requestIds: RequestIds;
  /** Null = nothing is written. */
  readonly log: RequestLog | null;
  /** Called with one line for what the gateway should not have done. */
  readonly onProblem: (text: string) => void;
  /** How long a request may take to arrive, ms. Default 30,000. */
  readonly requestMs?: number | undefined;
}

/** Makes the server; it does not listen yet. */
export async function makeHttpServer(parts: HttpServerParts): Promise<FastifyInstance> {
  const { context, requestIds, onProblem, requestMs = REQUEST_MS_MAX } = parts;
  const app = fastify({
    logger: false,
    bodyLimit: MESSAGE_BYTES_MAX,
    requestTimeout: requestMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionTimeout: requestMs * STILL_REQUESTS,
    return503OnClosing: false,
    routerOptions: { maxParamLength: PARAMETER_CHARS_MAX },
    genReqId: ({ headers }) => requestIds.idOf(headers["x-request-id"]),
    http: {
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: requestMs,
      // Node would answer without a body; see the hook below.
      requireHostHeader: false,
      connectionsCheckingInterval: Math.min(requestMs / 2, SLOW_LOOK_MS_MAX),
    },
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: (error, request, reply) =>
      sendProblem(request, reply, problemOf(error) ?? new Problem("fault")),
  });
  boundConnections(app.server, CONNECTIONS_MAX);
  app.server.on("checkExpectation", answerExpectation);
  app.addHook("onRequest", ({ raw }, reply, done) => {
    if (!lacksHost(raw)) done();
    else answerWithoutHost(raw, reply.hijack().raw);
  });
  readJsonBodies(app);
  app.decorateRequest("principal", null);
  app.decorateRequest("ticket", NO_TICKET);
  app.decorateRequest("startedMs", 0);
  app.decorateRequest("commandId", null);
  app.decorateRequest("problemCode", null);
  app.decorateRequest("routeCount", null);
  app.setValidatorCompiler((about) =>
    about.httpPart === "body" || about.httpPart === "headers" ? () => true : checkParameters(about),
  );
  app.setSerializerCompiler(() => JSON.stringify);
  app.setErrorHandler((error, request, reply) => {
    context.admission.leave(request);
    const problem = problemOf(error);
    if (problem === null) onProblem(`${request.method} ${pathOf(request)}: ${faultText(error)}`);
    sendProblem(request, reply, problem ?? new Problem("fault"));
  });
  app.setNotFoundHandler((request, reply) => {
    const allowed = methodsAt(pathOf(request));
    if (allowed.length === 0) throw new Problem("route_not_found");
    const headers = { allow: allowed.join(", ") };
    sendProblem(request, reply, new Problem("method_not_allowed", { headers }));
  });
  await registerDocument(app, context.version);
  const whole: RouteContext = { ...context, document: documentOf(app) };
  await app.register((scope, _options, done) => {
    for (const route of ROUTES) registerRoute(scope, route, { ...parts, context: whole });
    done();
  });
  await app.ready();
  return app;
}

function registerRoute(
  app: FastifyInstance,
  route: Route,
  { keys, context, log }: HttpServerParts & { readonly context: RouteContext },
): void {
  const { method, path, access, schema, guest, handler, sendsCommands = false } = route;
  const { admission } = context;
  const count = context.metrics.route(method, path);
  const security = access === "public" ? {} : { security: [{ key: [] }] };
  app.route({
    method,
    url: path,
    schema: { ...schema, ...security },
    onRequest: (request, reply, done) => {
      request.startedMs = admission.nowMs();
      request.routeCount = count;
      if (access === "public") {
        done();
        return;
      }
      const { authorization } = request.headers;
      const isGuest = guest !== undefined && authorization === undefined;
      const principal = isGuest ? guest(context, request) : keyHolder(keys, authorization);
      const verdict = authorize(principal, access);
      if (!verdict.ok || principal === null) {
        done(problemOfVerdict(verdict));
        return;
      }
      request.principal = principal;
      const shed = admission.enter(request, principal, sendsCommands);
      if (shed === null) done();
      else answerShed(request, reply, shed);
    },
    onSend: (request, reply, _payload, done) => {
      count.add(reply.statusCode);
      log?.onAnswer(request, reply.statusCode, admission.nowMs());
      if (request.headers["x-request-id"] !== undefined) reply.header("x-request-id", request.id);
      done();
    },
    // The library must not wait for a handler's promise: some answer long after it.
    handler: (request, reply) => {
      const later = handler(context, request, reply);
      if (later !== undefined) later.catch((thrown: unknown) => reply.send(errorOf(thrown)));
    },
  });
}

function problemOfVerdict(verdict: Authorization): Problem {
  if (verdict.ok || verdict.status === 401)
    return new Problem("unauthorized", { headers: { "www-authenticate": 'Bearer realm="coffer"' } });
  return new Problem(verdict.code);
}

/**
 * Checks a query or the parameters of a path. Numbers are digits only: the library would take 1.5 for 1. A query that is
 * not there is the common case, and needs no look where nothing is required.
 */
const checkParameters: FastifySchemaCompiler<TSchema> = (about) => {
  const check = TypeBoxValidatorCompiler(about);
  const isPlain = plainCheck(about.schema);
  const verdict: unknown = check({});
  const isNothingFine = typeof verdict === "object" && verdict !== null && !("error" in verdict);
  return (values: unknown) => {
    if ((isNothingFine && isEmpty(values)) || isPlain(values)) return true;
    const limit = parameterOf(values, "limit");
    const isNumber = limit === undefined || /^[0-9]{1,6}$/.test(limit);
    return isNumber ? check(values) : { error: new Problem("malformed", { detail: "limit" }) };
  };
};

function isEmpty(values: unknown): boolean {
  for (const _ in values as object) return false;
  return true;
}

/** Sends a problem as its document. */
function sendProblem(request: FastifyRequest, reply: FastifyReply, problem: Problem): void {
  request.problemCode = problem.code;
  reply
    .code(problem.status)
    .headers(problem.headers)
    .header("content-type", PROBLEM_MEDIA_TYPE)
    .header("x-request-id", request.id)
    .serializer((text: string) => text)
    .send(problemJson(problem, pathOf(request)));
}

function keyHolder(keys: KeyDirectory, header: string | undefined): Principal | null {
  const bearer = bearerOf(header);
  return bearer === null ? null : keys.principalOf(bearer);
}

function bearerOf(header: string | undefined): string | null {
  if (header === undefined || header.length > 1_024) return null;
  return header.slice(0, 7).toLowerCase() === "bearer " ? header.slice(7).trim() : null;
}

const PATTERNS = ROUTES.map(({ method, path }) => ({
  methods: method === "GET" ? [method, "HEAD"] : [method],
  pattern: new RegExp(`^${path.replaceAll(/:[a-z]+/g, "[^/]+").replaceAll(".", "\\.")}$`),
}));

function methodsAt(path: string): string[] {
  return [...new Set(PATTERNS.flatMap(({ methods, pattern }) => (pattern.test(path) ? methods : [])))];
}

function errorOf(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

function faultText(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
