// What the gateway publishes about reads that may have an age, and about balances of the past (schemas.ts has the rest).
//
// Owns: how a caller asks for them. The declared age stands here in words, so that whoever reads the document knows it.

import { Type } from "typebox";
import { CACHED_AGE_MS_MAX } from "./cache/keepable.ts";

const seconds = CACHED_AGE_MS_MAX / 1000;

/** Of reads that can be answered from the cache. */
export const CacheableConsistency = Type.Optional(
  Type.Union([Type.Literal("strong"), Type.Literal("cached")], {
    description: `cached: an answer that was current at most ${seconds} s ago will do, see Age and Coffer-As-Of`,
  }),
);

/** The time of a balance. */
export const PastTime = Type.Optional(
  Type.String({
    format: "date-time",
    description: "the balance at that time, which has passed; not of a cached read",
  }),
);

/** Headers of a request for a cached read. */
export const CacheHeaders = Type.Object({
  "cache-control": Type.Optional(
    Type.String({
      description: `max-age=N: a cached read takes an answer of at most N seconds; 0 or no-cache = a strong one. At most ${seconds}, the default`,
    }),
  ),
});
