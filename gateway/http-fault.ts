// Turns what the HTTP library and the client library report into problems. What it does not know is a fault of ours.
// Does not own statuses and words (problem.ts), nor sending them (http-server.ts), but for what never becomes a request
// of the library's.
//
// Guards against: a refusal that is taken for the answer of an earlier request on the same connection.

import { type IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { CofferError, type CofferErrorCode } from "../client/mod.ts";
import { PROBLEM_MEDIA_TYPE, Problem, type ProblemCode, problemJson } from "./problem.ts";

/** What the HTTP library's codes mean. */
const LIBRARY_CODES: Readonly<Record<string, ProblemCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: "body_too_large",
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "media_type_unsupported",
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: "malformed",
  FST_ERR_CTP_EMPTY_JSON_BODY: "malformed",
  FST_ERR_BAD_URL: "malformed",
  FST_ERR_MAX_PARAM_LENGTH: "malformed",
  FST_ERR_ROUTE_MISSING_CONTENT_TYPE: "malformed",
  FST_STATIC_FORBIDDEN_PATH: "route_not_found",
  HPE_HEADER_OVERFLOW: "headers_too_large",
  ERR_HTTP_REQUEST_TIMEOUT: "request_timeout",
  ECONNRESET: "malformed",
};

/** What the client library's codes mean for whoever asked. */
const CLIENT_CODES: Partial<Record<CofferErrorCode, ProblemCode>> = {
  options_invalid: "malformed",
  read_refused: "malformed",
  busy: "busy",
  unreachable: "busy",
  overloaded: "busy",
  closed: "busy",
};

/** Parameters whose faults have a code of their own. */
const PARAMETER_CODES: ReadonlyMap<string, ProblemCode> = new Map<string, ProblemCode>([
  ["wallet", "wallet_invalid"],
  ["id", "id_invalid"],
]);

/** The problem that an error is, or null when it is a fault of the gateway. Never throws. */
export function problemOf(error: unknown): Problem | null {
  if (error instanceof Problem) return error;
  if (!(error instanceof Error)) return null;
  if (error instanceof CofferError) {
    const code = CLIENT_CODES[error.code];
    return code === undefined ? null : new Problem(code, { detail: error.message });
  }
  if ("validation" in error && Array.isArray(error.validation)) return problemOfParameters(error.validation);
  const code = "code" in error ? LIBRARY_CODES[String(error.code)] : undefined;
  return code === undefined ? null : new Problem(code);
}

/**
 * Answers what did not become a request: the connection is closed with the answer. Without one when an earlier request
 * still waits for its own: whatever came now would be taken for that.
 */
export function answerBrokenRequest(error: Error, socket: Socket): void {
  if (socket.destroyed || ("code" in error && error.code === "ECONNRESET")) return;
  if (owesAnswer(socket)) {
    socket.destroy();
    return;
  }
  const problem = problemOf(error) ?? new Problem("malformed", { detail: "not HTTP" });
  const body = problemJson(problem, "");
  const head = [
    `HTTP/1.1 ${problem.status} ${problem.code}`,
    `content-type: ${PROBLEM_MEDIA_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
  ];
  if (socket.writable) socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
  else socket.destroy();
}

/** Refuses what a request expects of the server beside `100-continue`: nothing of the kind is done here. */
export function answerExpectation(request: IncomingMessage, response: ServerResponse): void {
  refuse(request, response, "Expect");
}

/** Whether a request is one of HTTP/1.1 without the header that this version asks for. */
export function lacksHost({ headers, httpVersion }: IncomingMessage): boolean {
  return headers.host === undefined && httpVersion === "1.1";
}

/** Refuses a request without a Host header; see `lacksHost`. What else came on its connection before has its answer first. */
export function answerWithoutHost(request: IncomingMessage, response: ServerResponse): void {
  refuse(request, response, "Host");
}

/** Answers that a request is malformed, and closes its connection after that. */
function refuse(request: IncomingMessage, response: ServerResponse, detail: string): void {
  const problem = new Problem("malformed", { detail });
  const body = problemJson(problem, (request.url ?? "").split("?", 1).join());
  const length = Buffer.byteLength(body);
  response
    .writeHead(problem.status, {
      "content-type": PROBLEM_MEDIA_TYPE,
      "content-length": length,
      connection: "close",
    })
    .end(body);
}

/** Whether a whole request of the connection has no answer yet. Node keeps the response on the socket until it has left. */
function owesAnswer(socket: Socket): boolean {
  const response: unknown = Reflect.get(socket, "_httpMessage");
  return response instanceof ServerResponse && response.req.complete;
}

function problemOfParameters(faults: readonly unknown[]): Problem {
  const [first] = faults;
  const path = typeof first === "object" && first !== null ? Reflect.get(first, "instancePath") : "";
  const name = String(path).split("/")[1] ?? "";
  return new Problem(PARAMETER_CODES.get(name) ?? "malformed", { detail: name === "" ? "query" : name });
}
