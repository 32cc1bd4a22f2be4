// A parent to be killed by a test: starts a server on the directory that it is given and says the pid.
// It then lives until it is killed, because the server that it started does.
// Owns nothing: the test that started it removes the directory.
import { SYNC_OF_PROFILE } from "../../cluster/nats-conf.ts";
import { startNatsServer } from "../../cluster/nats-server.ts";
import { testNatsBinary } from "../support/nats.ts";

const directory = process.argv[2] ?? "";
const binary = (await testNatsBinary()).path;
const server = await startNatsServer({ binary, directory, shards: 1, sync: SYNC_OF_PROFILE.relaxed });
console.log(server.pid);
