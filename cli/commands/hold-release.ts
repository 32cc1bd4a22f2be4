// `coffer hold release`: ends a hold and gives back what is left of it.
// Does not own expiry: a hold whose time has passed ends by itself.

import type { CliCommand } from "../command.ts";
import { OWNER_FLAG, ownerOf, SENDING_FLAGS, sendCommand } from "../sending.ts";
import { idIn } from "../value.ts";

/** The command. */
export const holdReleaseCommand: CliCommand = {
  path: "hold release",
  summary: "Give the money of a hold back",
  arguments: [{ name: "HOLD", summary: "the id of the hold" }],
  flags: [OWNER_FLAG, ...SENDING_FLAGS],
  examples: [
    { line: "hold release 0198c0de-0000-7000-8000-000000000001 --owner alice", does: "end the hold" },
  ],
  run: async (invocation) => {
    const { parsed } = invocation;
    const hold = idIn(parsed.required("HOLD"));
    return await sendCommand(invocation, { op: "release", owner: ownerOf(parsed), hold });
  },
};
