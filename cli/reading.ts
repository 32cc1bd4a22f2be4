// Reads about one owner: asks until there is an answer or the time is over. A read changes nothing, so asking again
// is always safe.

import type { NatsConnection } from "@nats-io/transport-node";
import type { OwnerName } from "../protocol/names.ts";
import type { ReadRequest } from "../protocol/read.ts";
import { encodeRead } from "../protocol/read.ts";
import type { ReadAnswer, ReadFailure } from "../protocol/read-answer.ts";
import { decodeReadAnswer, readAnswerToJson } from "../protocol/read-answer.ts";
import { getSubject } from "../protocol/subject.ts";
import type { Invocation } from "./command.ts";
import { EXIT } from "./exit-code.ts";
import { CliFailure, messageOf, unreachableFailure } from "./failure.ts";
import type { Json } from "./output.ts";
import type { Session } from "./session.ts";
import { sessionOf, withConnection } from "./session.ts";

const TRY_WAIT_MS = 2_000;
const PAUSE_MS = 50;

/** An answer that shows something. */
export type Shown = Exclude<ReadAnswer, ReadFailure>;

/**
 * Asks for `request` about `owner` with the session of the call.
 * Errors: CliFailure with the read's code (`wallet_not_found`, exit 1), `busy` or `engine_unreachable` (exit 4).
 */
export async function readOnce(invocation: Invocation, owner: OwnerName, request: ReadRequest): Promise<Shown> {
  const session = sessionOf(invocation);
  return await withConnection(session, async ({ nc }) => await read(nc, session, { owner, request }));
}

/** As {@link readOnce}, on a connection that is open. */
export async function read(
  nc: NatsConnection,
  session: Pick<Session, "tenant" | "timeoutMs">,
  question: { readonly owner: OwnerName; readonly request: ReadRequest },
): Promise<Shown> {
  const subject = getSubject(session.tenant, question.owner);
  const deadline = AbortSignal.timeout(session.timeoutMs);
  let last = unreachableFailure("No engine answers reads.", "engine_unreachable");
  do {
    const answer = await tryRead(nc, subject, question.request, Math.min(TRY_WAIT_MS, session.timeoutMs));
    if (!(answer instanceof CliFailure)) return answer;
    if (answer.exit !== EXIT.unreachable) throw answer;
    last = answer;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  } while (!deadline.aborted);
  throw last;
}

/** The answer as JSON, in the contract's form. */
export function shownJson(answer: Shown): Json {
  return JSON.parse(JSON.stringify(readAnswerToJson(answer)));
}

async function tryRead(
  nc: NatsConnection,
  subject: string,
  request: ReadRequest,
  timeout: number,
): Promise<Shown | CliFailure> {
  let data: Uint8Array;
  try {
    data = (await nc.request(subject, encodeRead(request), { timeout })).data;
  } catch (cause) {
    return unreachableFailure(`No engine answers reads (${messageOf(cause)}).`, "engine_unreachable", cause);
  }
  const decoded = decodeReadAnswer(data);
  if (!decoded.ok) return new CliFailure("answer_invalid", `The answer cannot be read: ${decoded.error}.`);
  const answer = decoded.value;
  if (answer.kind !== "failed") return answer;
  const detail = answer.detail === null ? "" : ` (${JSON.stringify(answer.detail)})`;
  if (answer.code === "busy") return unreachableFailure(`The shard is busy${detail}; try again.`, "busy");
  return new CliFailure(answer.code, `The read was refused: ${answer.code}${detail}.`);
}
