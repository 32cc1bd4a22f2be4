// Reads the server's answer to a published frame. Whatever is not a clear acceptance is a refusal that is retried:
// treating an unclear answer as a doubt costs a duplicate, which the engine filters; the other way costs a command.

/** What a PubAck says. */
export type PubAck =
  | { readonly kind: "accepted"; readonly position: number }
  | { readonly kind: "refused"; readonly problem: string };

const NO_RESPONDERS = 503;

/** Reads an answer with its status code (0 = none). Never throws. */
export function parsePubAck(data: Uint8Array, statusCode: number): PubAck {
  if (statusCode === NO_RESPONDERS && data.length === 0) {
    return { kind: "refused", problem: "no log takes these commands at the moment" };
  }
  const answer = parseJson(data);
  if (typeof answer !== "object" || answer === null)
    return refused("the log's acknowledgement could not be read");
  if ("error" in answer) return refused(`the log refused: ${errorText(answer.error)}`);
  const position = "seq" in answer ? answer.seq : undefined;
  const isPosition = typeof position === "number" && Number.isSafeInteger(position) && position > 0;
  return isPosition ? { kind: "accepted", position } : refused("the log's acknowledgement has no position");
}

function refused(problem: string): PubAck {
  return { kind: "refused", problem };
}

function errorText(error: unknown): string {
  const isNamed = typeof error === "object" && error !== null && "description" in error;
  return isNamed && typeof error.description === "string" ? error.description : "unknown error";
}

function parseJson(data: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(data.buffer, data.byteOffset, data.length).toString("utf8"));
  } catch {
    return null;
  }
}
