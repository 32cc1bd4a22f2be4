// Sends very many commands through a lane, 200 at a time, each with 2 KB that it alone holds, and
// prints the most that the old generation had meanwhile, in bytes. Run as a process with the flags of a gateway.
import v8 from "node:v8";
import { Lane } from "../../client/lane.ts";
import { Pending } from "../../client/pending.ts";
import { parseCommandId } from "../../protocol/command-id.ts";
import { parseOwner } from "../../protocol/names.ts";

const COMMANDS = 100_000;
const AT_ONCE = 200;

const owner = parseOwner("alice");
const hold = parseCommandId("0190c0de-0000-7000-8000-000000000000");
const sent: { number: number; commands: readonly Pending[] }[] = [];
const settings = {
  ...{ frameCommands: 500, frameBytes: 500_000, framesInFlight: 2 },
  ...{ ackWaitMs: 1_000, outcomeWaitMs: 1_000 },
};
const lane = new Lane(0, settings, {
  steadyMs: () => 0,
  fraction: () => 0.5,
  publishFrame: (_, number, commands) => {
    sent.push({ number, commands });
    return true;
  },
});

function pendingOf(number: number): Pending {
  const id = parseCommandId(`0190c0de-0000-7000-8000-${String(number).padStart(12, "0")}`);
  if (id === undefined || owner === undefined || hold === undefined) throw new Error("no names");
  const held = Array.from({ length: 250 }, (_, index) => index + number);
  const command = { op: "release" as const, id, owner, hold };
  return new Pending({ command, shard: 0, bytes: 100 }, Number.POSITIVE_INFINITY, {
    onOutcome: () => void held.length,
  });
}

function oldBytes(): number {
  const spaces = v8.getHeapSpaceStatistics();
  return spaces.find(({ space_name: name }) => name === "old_space")?.space_used_size ?? 0;
}

const firstBytes = oldBytes();
let mostBytes = 0;
for (let number = 0; number < COMMANDS; ) {
  for (let index = 0; index < AT_ONCE; index += 1) {
    lane.add(pendingOf(number));
    number += 1;
  }
  lane.pump();
  for (const frame of sent.splice(0)) {
    lane.onAccepted(frame.number, 1);
    for (const pending of frame.commands) {
      pending.giveUp("done", 0);
      lane.forget(pending);
    }
  }
  mostBytes = Math.max(mostBytes, oldBytes() - firstBytes);
}
console.log(mostBytes);
process.exit(0);
