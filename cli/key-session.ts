// How a command reaches the keys of an installation: a connection, the bucket with as many copies as the logs have, and
// what can go wrong as something that the user reads.

import { ClusterError } from "../cluster/cluster-error.ts";
import { logCopies } from "../cluster/log-copies.ts";
import { KeyAdmin, KeyFailure } from "../gateway/keys.ts";
import { AssertionFailure } from "../protocol/assert.ts";
import { CliFailure, messageOf, unreachableFailure } from "./failure.ts";
import type { Session } from "./session.ts";
import { withConnection } from "./session.ts";
import type { Surroundings } from "./surroundings.ts";

/**
 * Runs `work` with the keys of the installation at the session's server.
 * Errors: CliFailure `log_missing`, `keys_unavailable`, and those of the keys; ClusterError `nats_unreachable`.
 */
export async function withKeys<Result>(
  session: Session,
  { clock }: Pick<Surroundings, "clock">,
  work: (admin: KeyAdmin) => Promise<Result>,
): Promise<Result> {
  return await withConnection(session, async ({ nc }) => {
    try {
      const replicas = await logCopies(nc);
      if (replicas === null) throw noLog(session.server);
      return await work(await KeyAdmin.open(nc, clock, replicas));
    } catch (thrown) {
      throw keyFailureFrom(thrown);
    }
  });
}

/** The server runs, and no engine has ever made its logs there. */
export function noLog(server: string): CliFailure {
  const message = `No Coffer lives at ${server}: there is no log. Start an engine first: coffer dev or coffer node.`;
  return unreachableFailure(message, "log_missing");
}

function keyFailureFrom(thrown: unknown): unknown {
  if (thrown instanceof KeyFailure)
    return new CliFailure(thrown.code, thrown.message, undefined, { cause: thrown });
  const isKnown = thrown instanceof CliFailure || thrown instanceof ClusterError;
  if (isKnown || thrown instanceof AssertionFailure || thrown instanceof TypeError) return thrown;
  return unreachableFailure(`The keys cannot be reached: ${messageOf(thrown)}.`, "keys_unavailable", thrown);
}
