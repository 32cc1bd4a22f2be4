/**
 * A port of this machine that nobody listens at.
 * Does not hold it: somebody else may take it before the caller does. The system takes it from those that nobody asked
 * for, so that is rare.
 */
import { once } from "node:events";
import { createServer } from "node:net";

/** See the file header. Errors: rejects when the machine has none left. */
export async function freePort(): Promise<number> {
  const server = createServer().listen({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("a listening server has a port");
  return address.port;
}
