// Writing to a socket whose reader takes nothing, or takes it late.
// Guards against: memory that grows with what somebody does not read, and a reader who is dropped although he reads.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { type AddressInfo, connect as dial, type Socket } from "node:net";
import { after, before, test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { StreamWriter } from "../../../gateway/live/stream-writer.ts";
import { until } from "../../support/condition.ts";

const server = createServer();
const clock = { nowMs: 0 };
const sockets: Socket[] = [];
before(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
after(() => {
  for (const socket of sockets) socket.destroy();
  server.close();
});

/** A stream that has begun, and the other end of it, which does not read. */
async function stream(): Promise<{ writer: StreamWriter; raw: ServerResponse; socket: Socket }> {
  const { port } = server.address() as AddressInfo;
  const socket = dial({ host: "127.0.0.1", port });
  sockets.push(socket);
  socket.on("error", () => undefined);
  socket.pause();
  socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
  const [, raw] = (await once(server, "request")) as [unknown, ServerResponse];
  const writer = new StreamWriter({ raw, isHeadOnly: false, takeOver: () => undefined }, () => clock.nowMs);
  writer.begin();
  return { writer, raw, socket };
}

const TEXT = "x".repeat(16 * 1024);

/** Writes turn by turn until the socket takes no more. */
async function fill(writer: StreamWriter): Promise<void> {
  while (!writer.isStuck(0)) {
    writer.write(TEXT);
    await nextTurn();
  }
}

test("who takes nothing is dropped when too much waits, and never more than that waits", async () => {
  const { writer, raw } = await stream();
  let most = 0;
  while (!writer.isClosed) {
    writer.write(TEXT);
    await nextTurn();
    most = Math.max(most, raw.writableLength);
  }
  assert.ok(most > 256 * 1024 && most <= 256 * 1024 + 2 * TEXT.length, `${most} bytes`);
  assert.equal(raw.destroyed, true);
  writer.write(TEXT);
  writer.end();
});

test("what one turn brings drops nobody who reads", async () => {
  const { writer, socket } = await stream();
  let bytes = 0;
  socket.on("data", (chunk: Buffer) => (bytes += chunk.length));
  socket.resume();
  for (let count = 0; count < 64; count += 1) writer.write(TEXT);
  await until("all arrives", () => bytes >= 64 * TEXT.length);
  assert.equal(writer.isClosed, false);
});

test("a socket that takes nothing is stuck after its time, until it drains", async () => {
  const { writer, socket } = await stream();
  await fill(writer);
  assert.equal(writer.isStuck(10_000), false);
  clock.nowMs += 9_999;
  writer.write(TEXT);
  await nextTurn();
  assert.equal(writer.isStuck(10_000), false);
  clock.nowMs += 1;
  assert.equal(writer.isStuck(10_000), true);
  socket.resume();
  await until("it drains", () => !writer.isStuck(0));
  assert.equal(writer.isClosed, false);
});

test("an end is not held up by who does not read", async () => {
  const { writer, raw } = await stream();
  await fill(writer);
  writer.end();
  assert.equal(raw.destroyed, true);
});
