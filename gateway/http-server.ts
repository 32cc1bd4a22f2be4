// The HTTP server: registers the routes of route-table.ts with their access and their published schemas, and turns
// whatever goes wrong into a problem document. Bodies, headers, query and waits are bounded here.
//
//   request ► key ► access ► body ► query and path ► handler ► answer
//
// Invariant: every route but those under /docs comes from the table; every error is a problem document.

import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import { TypeBoxValidatorCompiler } from "@fastify/type-provider-typebox";
import fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifySchemaCompiler,
} from "fastify";
import type { TSchema } from "typebox";
import { MESSAGE_BYTES_MAX } from "../protocol/limits.ts";
import { authorize } from "./authorize.ts";
import { answerBrokenRequest, problemOf } from "./http-fault.ts";
import { readJsonBodies } from "./json-body.ts";
import type { KeyDirectory } from "./key-directory.ts";
import { PROBLEM_MEDIA_TYPE, Problem, problemJson } from "./problem.ts";
import { parameterOf, type Route, type RouteContext } from "./route.ts";
import { ROUTES } from "./route-table.ts";

/** Bytes of all headers of a request. */
const HEADER_BYTES_MAX = 16 * 1024;
/** How long a request may take to arrive, ms. */
const REQUEST_MS_MAX = 30_000;
/** How long an idle connection is kept, ms. */
const KEEP_ALIVE_MS = 72_000;
/** Characters of a parameter in a path: longer ones are judged as bad parameters up to here. */
const PARAMETER_CHARS_MAX = 1_024;
/** Nothing of the documentation comes from elsewhere. */
const DOCS_POLICY =
  "default-src 'none'; connect-src 'self'; font-src 'self' data:; img-src 'self' data:; script-src 'self'; style-src 'self' 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

/** What the server is made of. */
export interface HttpServerParts {
  readonly context: Omit<RouteContext, "document">;
  readonly keys: KeyDirectory;
  /** Called with one line for what the gateway should not have done. */
  readonly onProblem: (text: string) => void;
}

/** Makes the server; it does not listen yet. */
export async function makeHttpServer({
  context,
  keys,
  onProblem,
}: HttpServerParts): Promise<FastifyInstance> {
  const app = fastify({
    logger: false,
    bodyLimit: MESSAGE_BYTES_MAX,
    requestTimeout: REQUEST_MS_MAX,
    keepAliveTimeout: KEEP_ALIVE_MS,
    return503OnClosing: false,
    routerOptions: { maxParamLength: PARAMETER_CHARS_MAX },
    http: { maxHeaderSize: HEADER_BYTES_MAX },
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: (error, request, reply) =>
      sendProblem(request, reply, problemOf(error) ?? new Problem("fault")),
  });
  readJsonBodies(app);
  app.decorateRequest("principal", null);
  app.setValidatorCompiler((about) =>
    about.httpPart === "body" || about.httpPart === "headers" ? () => true : checkParameters(about),
  );
  app.setSerializerCompiler(() => JSON.stringify);
  app.setErrorHandler((error, request, reply) => {
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
  const whole: RouteContext = { ...context, document: () => app.swagger() };
  await app.register((scope, _options, done) => {
    for (const route of ROUTES) registerRoute(scope, route, { keys, context: whole });
    done();
  });
  await app.ready();
  return app;
}

function registerRoute(
  app: FastifyInstance,
  route: Route,
  { keys, context }: { readonly keys: KeyDirectory; readonly context: RouteContext },
): void {
  const { method, path, access, schema, handler } = route;
  const security = access === "public" ? {} : { security: [{ key: [] }] };
  app.route({
    method,
    url: path,
    schema: { ...schema, ...security },
    onRequest: (request, _reply, done) => {
      if (access === "public") {
        done();
        return;
      }
      const bearer = bearerOf(request.headers.authorization);
      const principal = bearer === null ? null : keys.principalOf(bearer);
      const verdict = authorize(principal, access);
      if (verdict.ok) {
        request.principal = principal;
        done();
        return;
      }
      const headers = verdict.status === 401 ? { "www-authenticate": 'Bearer realm="coffer"' } : {};
      done(new Problem(verdict.code, { headers }));
    },
    // The library must not wait for a handler's promise: some answer long after it.
    handler: (request, reply) => {
      const later = handler(context, request, reply);
      if (later !== undefined) later.catch((thrown: unknown) => reply.send(errorOf(thrown)));
    },
  });
}

async function registerDocument(app: FastifyInstance, version: string): Promise<void> {
  await app.register(swagger, {
    convertConstToEnum: false,
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Coffer",
        version,
        description:
          "Wallets and transfers. A POST or PATCH takes an `id` in its body or an `Idempotency-Key`, not both; the same one gives the same outcome for ever.",
      },
      components: { securitySchemes: { key: { type: "http", scheme: "bearer" } } },
    },
  });
  await app.register(swaggerUi, {
    routePrefix: "/docs",
    staticCSP: DOCS_POLICY,
    uiConfig: { validatorUrl: null, persistAuthorization: false },
  });
}

/**
 * Checks a query or the parameters of a path. Numbers are digits only: the library would take 1.5 for 1. A query that is
 * not there is the common case, and needs no look where nothing is required.
 */
const checkParameters: FastifySchemaCompiler<TSchema> = (about) => {
  const check = TypeBoxValidatorCompiler(about);
  const verdict: unknown = check({});
  const isNothingFine = typeof verdict === "object" && verdict !== null && !("error" in verdict);
  return (values: unknown) => {
    if (isNothingFine && isEmpty(values)) return true;
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
  reply
    .code(problem.status)
    .headers(problem.headers)
    .header("content-type", PROBLEM_MEDIA_TYPE)
    .serializer((text: string) => text)
    .send(problemJson(problem, pathOf(request)));
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

function pathOf({ url }: FastifyRequest): string {
  const end = url.indexOf("?");
  return end < 0 ? url : url.slice(0, end);
}

function errorOf(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

function faultText(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
