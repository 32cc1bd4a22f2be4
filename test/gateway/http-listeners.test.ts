// Many listeners in front of one server: whoever takes a connection, it is served, counted and ended alike.
// Guards against: a connection that a stop leaves behind, a bound that counts one listener only, a port that two share.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, connect as dial, type Socket } from "node:net";
import { test } from "node:test";
import fastify, { type FastifyInstance } from "fastify";
import { boundConnections, HttpListeners } from "../../gateway/http-listeners.ts";
import { until } from "../support/condition.ts";

const WAIT_MS = 60_000;
const HOST = "127.0.0.1";
const REQUEST = "GET / HTTP/1.1\r\nHost: here\r\n\r\n";

function makeApp(answered: Promise<void> = Promise.resolve()): FastifyInstance & { came: number } {
  const app = Object.assign(fastify(), { came: 0 });
  app.get("/", async () => {
    app.came += 1;
    await answered;
    return "served";
  });
  return app;
}

/** Connections that have sent one request each, and what came back on them. */
async function callers(url: string, count: number): Promise<{ socket: Socket; text: () => string }[]> {
  const port = Number(new URL(url).port);
  return await Promise.all(
    Array.from({ length: count }, async () => {
      const socket = dial(port, HOST);
      let text = "";
      socket.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      socket.on("error", () => undefined);
      await once(socket, "connect");
      socket.write(REQUEST);
      return { socket, text: () => text };
    }),
  );
}

test("requests are answered and a stop waits for them, whichever listener took their connection", async () => {
  const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
  const app = makeApp(answered);
  const listeners = await HttpListeners.open(app, { host: HOST, port: 0 });
  const all = await callers(listeners.url, 100);
  await until("all have come", () => app.came === 100);
  let isClosed = false;
  const closing = listeners.close(WAIT_MS).then(() => {
    isClosed = true;
  });
  await assert.rejects(callers(listeners.url, 1));
  assert.equal(isClosed, false, "requests are under way");
  answer();
  await closing;
  await until("no connection is left", () => all.every(({ socket }) => socket.closed));
  for (const { text } of all) assert.match(text(), /^HTTP\/1\.1 200 OK\r\n.*served$/s);
});

test("a port that a gateway listens at is refused to the next, and to any other program", async () => {
  const app = makeApp();
  const listeners = await HttpListeners.open(app, { host: HOST, port: 0 });
  const port = Number(new URL(listeners.url).port);
  await assert.rejects(HttpListeners.open(makeApp(), { host: HOST, port }), { code: "EADDRINUSE" });
  const other = createServer();
  other.listen({ host: HOST, port });
  await assert.rejects(once(other, "listening"), { code: "EADDRINUSE" });
  await listeners.close(WAIT_MS);
  other.listen({ host: HOST, port });
  await once(other, "listening");
  await assert.rejects(HttpListeners.open(makeApp(), { host: HOST, port }), { code: "EADDRINUSE" });
  other.close();
});

test("connections beyond the bound are closed as they come, over all listeners together", async () => {
  const app = makeApp();
  boundConnections(app.server, 50);
  const listeners = await HttpListeners.open(app, { host: HOST, port: 0 });
  const first = await callers(listeners.url, 50);
  await until("they are served", () => first.every(({ text }) => text().includes("served")));
  const further = await callers(listeners.url, 20);
  await until("the others are closed", () => further.every(({ socket }) => socket.closed));
  assert.ok(further.every(({ text }) => text() === ""));
  for (const { socket } of first) socket.destroy();
  await until("there is room again", async () => {
    const [next] = await callers(listeners.url, 1);
    await until("it is served or closed", () => next?.socket.closed || next?.text().includes("served"));
    next?.socket.destroy();
    return next?.text().includes("served");
  });
  await listeners.close(WAIT_MS);
});
