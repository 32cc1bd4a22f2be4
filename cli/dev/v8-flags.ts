// The flags of V8 that engines and gateways run with.
// V8's flags are no interface, and Node does not start with one that it does not know: a newer Node than those that were
// tried starts without (docs/adr/0019-garbage-dies-young.md).

/** Up to this version Node has those below. */
const NODE_MAJOR_KNOWN = 26;
/**
 * V8 must not guess that what a turn or a request makes lives long and put it into the old generation at once: it lasts
 * for some ms, but whatever was made there, and all that it points to, stays until a major collection.
 */
const V8_FLAGS = ["--no-allocation-site-pretenuring"];

/** The flags with which an engine or a gateway runs best on a version of Node such as 26.1.0. */
export function v8Flags(node: string): readonly string[] {
  return Number(node.split(".")[0]) <= NODE_MAJOR_KNOWN ? V8_FLAGS : [];
}

/**
 * Room for a gateway's objects that have grown old, MiB. What it keeps takes up to about 300; with Node's own bound, a
 * part of the machine's memory, V8 let garbage pile up to several times what was alive before it looked.
 */
const GATEWAY_OLD_MIB = 1_024;

/** The flag that bounds a gateway's heap; none when the environment's `NODE_OPTIONS` names a bound. */
export function gatewayHeapFlags(nodeOptions: string | undefined): readonly string[] {
  if (/--max[-_]old[-_]space[-_]size/.test(nodeOptions ?? "")) return [];
  return [`--max-old-space-size=${GATEWAY_OLD_MIB}`];
}
