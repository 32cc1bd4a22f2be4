// Supervision of real processes: restarts after a death, pauses that double, a bound, and a stop at any moment.
// The processes are small Node programs of the test; each is gone when its test ends.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { after, test } from "node:test";
import type { Ending, Running } from "../../cli/dev/supervisor.ts";
import { Supervisor } from "../../cli/dev/supervisor.ts";
import { within } from "../support/condition.ts";
import { isRunning, testClock, until } from "./program-call.ts";

/** A test that failed leaves its supervisor running, and that its process. */
const supervisors: Supervisor[] = [];
after(async () => {
  for (const supervisor of supervisors) await within("a supervisor ends", supervisor.stop());
});

/** A process that ends by itself with `code`, or runs until it is killed when `code` is null. */
function start(code: number | null, isFinal = false): Promise<Running> {
  const program = code === null ? "setInterval(() => {}, 1000)" : `process.exitCode = ${code}`;
  const child = spawn(process.execPath, ["-e", program], { stdio: "ignore" });
  const exited = once(child, "exit");
  const ended = exited.then(
    ([exit, signal]): Ending => ({ reason: `${exit ?? signal}`, isFinal, code: "ended" }),
  );
  const stop = async (): Promise<void> => {
    child.kill("SIGKILL");
    await exited;
  };
  return Promise.resolve({ pid: child.pid ?? -1, ended, stop });
}

interface Watched {
  readonly supervisor: Supervisor;
  readonly restarts: { readonly reason: string; readonly attempt: number; readonly pauseMs: number }[];
}

function watch(
  service: () => Promise<Running>,
  bounds: { restartsMax?: number; pauseMs?: number } = {},
): Watched {
  const restarts: Watched["restarts"] = [];
  const supervisor = new Supervisor({
    name: "test",
    start: service,
    clock: testClock,
    pauseMs: 1,
    ...bounds,
    onRestart: (restart) => restarts.push(restart),
  });
  supervisors.push(supervisor);
  return { supervisor, restarts };
}

test("a process that keeps dying is started again a bounded number of times, each pause twice the last", async () => {
  const { supervisor, restarts } = watch(() => start(7), { restartsMax: 3 });
  await supervisor.start();
  const ending = await supervisor.ended();
  assert.deepEqual(ending, { reason: "7", isFinal: true, code: "ended" });
  assert.deepEqual(
    restarts.map(({ attempt, pauseMs }) => [attempt, pauseMs]),
    [
      [1, 1],
      [2, 2],
      [3, 4],
    ],
  );
});

test("a final ending is not tried again", async () => {
  const { supervisor, restarts } = watch(() => start(3, true));
  await supervisor.start();
  assert.equal((await supervisor.ended()).reason, "3");
  assert.deepEqual(restarts, []);
});

test("a killed process is started again and has another pid; a stop ends it and starts no other", async () => {
  const { supervisor, restarts } = watch(() => start(null));
  await supervisor.start();
  const first = supervisor.pid ?? -1;
  process.kill(first, "SIGKILL");
  const second = await until("another process", () =>
    supervisor.pid === null || supervisor.pid === first ? undefined : supervisor.pid,
  );
  await supervisor.stop();
  assert.equal(isRunning(second), false);
  assert.equal(restarts.length, 1);
  assert.equal((await supervisor.ended()).reason, "SIGKILL");
});

test("a stop during a pause ends the pause and starts nothing", async () => {
  let starts = 0;
  const { supervisor, restarts } = watch(
    () => {
      starts += 1;
      return start(1);
    },
    { pauseMs: 600_000 },
  );
  await supervisor.start();
  await until("the pause", () => (restarts.length === 1 ? true : undefined));
  await supervisor.stop();
  assert.equal(starts, 1);
});

test("a stop while the next process starts ends that one too", async () => {
  let starts = 0;
  const gate = Promise.withResolvers<void>();
  const pids: number[] = [];
  const service = async (): Promise<Running> => {
    starts += 1;
    if (starts === 2) await gate.promise;
    const running = await start(starts === 1 ? 1 : null);
    pids.push(running.pid);
    return running;
  };
  const { supervisor } = watch(service);
  await supervisor.start();
  await until("the second start", () => (starts === 2 ? true : undefined));
  const stopping = supervisor.stop();
  gate.resolve();
  await within("the stop ends", stopping);
  assert.deepEqual(pids.slice(1).map(isRunning), [false]);
});

test("a restart that was asked for begins at once, spends no try, and nobody hears of it", async () => {
  const { supervisor, restarts } = watch(() => start(null), { restartsMax: 0, pauseMs: 600_000 });
  await supervisor.start();
  for (const how of ["kill", "stop", "kill"] as const) {
    const before = supervisor.pid ?? -1;
    const pid = await within("the caller is told", supervisor.restart(how));
    assert.deepEqual([isRunning(before), isRunning(pid), supervisor.pid], [false, true, pid]);
  }
  await supervisor.stop();
  assert.deepEqual(restarts, []);
});

test("a restart that cannot start anything tells whoever asked, and is tried again like a death", async () => {
  let starts = 0;
  const service = (): Promise<Running> => {
    starts += 1;
    return starts === 2 ? Promise.reject(new Error("no room")) : start(null);
  };
  const { supervisor, restarts } = watch(service);
  await supervisor.start();
  await assert.rejects(within("the caller is told", supervisor.restart("kill")), /no room/);
  await until("the third start", () => (starts === 3 && supervisor.pid !== null ? true : undefined));
  await supervisor.stop();
  assert.deepEqual(
    restarts.map(({ reason }) => reason),
    ["no room"],
  );
});

test("a start that fails counts as a death, and the first one's error goes to the caller", async () => {
  let starts = 0;
  const service = (): Promise<Running> => {
    starts += 1;
    return starts === 1 ? start(1) : Promise.reject(new Error("no room"));
  };
  const { supervisor } = watch(service, { restartsMax: 2 });
  await supervisor.start();
  assert.deepEqual(await supervisor.ended(), { reason: "no room", isFinal: true, code: "start_failed" });
  const { supervisor: failing } = watch(() => Promise.reject(new Error("never")));
  await assert.rejects(failing.start(), /never/);
});
