// The JSON that request/reply subjects answer with, beside outcomes: refusals to answer now (`busy`) and the
// bytes of any answer. Answers are never recorded.

/** `{"ok":false,"code":"busy",…}`: nothing was recorded, ask again later. */
export function busyAnswer(detail: string, id?: string | null): object {
  return { ok: false, code: "busy", detail, ...(id === undefined ? {} : { id }) };
}

/** UTF-8 JSON. */
export function encodeAnswer(answer: object): Uint8Array {
  return Buffer.from(JSON.stringify(answer));
}
