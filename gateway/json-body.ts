// Bodies: strict JSON, bounded. What JSON.parse lets pass (a key twice, text that is no Unicode, nesting without end) is
// `malformed`, so that nobody who reads the same body can see another amount in it.

import type { FastifyInstance } from "fastify";
import { parseJson } from "../protocol/canonical-json.ts";
import { Problem } from "./problem.ts";

/** Makes `application/json` the only body that is read. */
export function readJsonBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, body: Buffer, done) => {
    if (body.length === 0) {
      done(null, undefined);
      return;
    }
    const parsed = parseJson(body);
    if (parsed.ok) done(null, parsed.value);
    else done(new Problem("malformed", { detail: parsed.error }));
  });
}
