/**
 * Faults of the machine, made real: a system call that kills its process or fails, a disk that is full, files that may
 * not grow. Each way says whether this machine can do it.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { within } from "./condition.ts";
import type { TestEngine } from "./engine.ts";

const STRACE = "/usr/bin/strace";

/** Whether system calls can be made to fail here. */
export const canInject = existsSync(STRACE);
/** Whether a file system can be mounted here. */
export const canMount = process.getuid?.() === 0 && existsSync("/proc/mounts");

/** The n-th call of one of some system calls, and what becomes of it: `signal=SIGKILL`, `error=EIO`. */
export interface Injection {
  readonly syscalls: string;
  readonly fault: string;
  readonly nth: number;
  /** Only the thread of this name meets it; by default each of the engine's. */
  readonly thread?: string;
}

/**
 * Puts a fault into a running engine: from now on each of its threads, or one of them, meets it at its own n-th call.
 * Where that cannot be done the engine is killed in the middle of what follows.
 * @returns once it is armed; the function waits until the tracer is gone, which it is when the engine is
 */
export async function inject(
  engine: TestEngine,
  { syscalls, fault, nth, thread }: Injection,
): Promise<() => Promise<unknown>> {
  if (!canInject) {
    setImmediate(() => process.kill(engine.pid, "SIGKILL"));
    return () => Promise.resolve();
  }
  const what = ["-e", `trace=${syscalls}`, "-e", `inject=${syscalls}:${fault}:when=${nth}`];
  const whom = thread === undefined ? ["-f", "-p", String(engine.pid)] : ["-p", threadOf(engine.pid, thread)];
  const tracer = spawn(STRACE, [...whom, "-o", "/dev/null", ...what], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = once(tracer, "exit");
  // It says that it is attached, once; or why it is not, and ends.
  const [said] = await once(tracer.stderr, "data");
  if (!/attached/.test(String(said))) throw new Error(`no fault can be put in: ${said}`);
  return () => within("the engine has met its fault", ended);
}

/** The id of the thread of a process that bears a name. Errors: throws when there is none. */
function threadOf(pid: number, name: string): string {
  const tasks = `/proc/${pid}/task`;
  const nameOf = (id: string): string => readFileSync(join(tasks, id, "comm"), "utf8").trim();
  const found = readdirSync(tasks).find((id) => nameOf(id) === name);
  if (found === undefined) throw new Error(`process ${pid} has no thread ${name}`);
  return found;
}

/** From now on no file of the engine grows beyond `bytes`. For the rest of its life. */
export function limitFiles(engine: TestEngine, bytes: number): void {
  execFileSync("prlimit", ["--pid", String(engine.pid), `--fsize=${bytes}`]);
}

/**
 * A way to a server that takes one connection and refuses all later ones.
 * @returns its address
 */
export async function oneConnectionTo(t: TestContext, natsUrl: string): Promise<string> {
  const server = createServer();
  server.once("connection", (first) => {
    server.on("connection", (later) => later.destroy());
    const onward = connect(Number(new URL(natsUrl).port), "127.0.0.1");
    // Either end may go first.
    for (const socket of [first, onward]) socket.on("error", () => undefined);
    first.pipe(onward).pipe(first);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("the server has no port");
  return `nats://127.0.0.1:${address.port}`;
}

/** A file system of a few megabytes; gone with the test. */
export class SmallDisk {
  readonly path: string;

  /** Mounts it. Errors: throws when this machine cannot (see `canMount`). */
  constructor(t: TestContext, megabytes: number) {
    this.path = mkdtempSync(join(tmpdir(), "coffer-disk-"));
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", this.path]);
    t.after(() => {
      // Lazily: what still runs on it is ended after this.
      execFileSync("umount", ["--lazy", this.path]);
      rmSync(this.path, { recursive: true });
    });
  }

  /** Takes every free byte. */
  fill(): void {
    const chunk = Buffer.alloc(64 * 1024);
    try {
      for (;;) writeFileSync(join(this.path, "filler"), chunk, { flag: "a" });
    } catch {
      // It is full, which was wanted.
    }
  }

  /** Gives the room back. */
  free(): void {
    rmSync(join(this.path, "filler"));
  }
}
