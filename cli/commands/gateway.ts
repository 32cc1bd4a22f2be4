// `coffer gateway`: HTTP in the foreground, in front of an installation that runs already. Restarts are left to whatever
// runs this (systemd, a container); it ends when the gateway ends.

import { logCopies } from "../../cluster/log-copies.ts";
import type { CliCommand, FlagSpec, Invocation } from "../command.ts";
import { DATA_FLAG, dataDirectoryOf, existingCluster } from "../data-directory.ts";
import type { GatewayMessage, GatewayOrder } from "../dev/gateway-process.ts";
import { HTTP_HOST, HTTP_PORT, REDIS_FLAG, redisOrder, startGateway } from "../dev/gateway-process.ts";
import { exitSentence } from "../dev/main-process.ts";
import type { ExitCode } from "../exit-code.ts";
import { EXIT } from "../exit-code.ts";
import { CliFailure, unreachableFailure } from "../failure.ts";
import { noLog } from "../key-session.ts";
import type { Json } from "../output.ts";
import type { Parsed } from "../parsed.ts";
import type { Session } from "../session.ts";
import { sessionOf, withConnection } from "../session.ts";
import { wholeIn } from "../value.ts";

const PORT_FLAG: FlagSpec = {
  name: "--http-port",
  value: "P",
  summary: `port to listen on, 0 for a free one (default: ${HTTP_PORT})`,
};

/** Commands a second of one of each kind, for all gateways that share a Redis. */
const RATES = [
  { kind: "key", flag: "--rate-key", usual: 100_000 },
  { kind: "tenant", flag: "--rate-tenant", usual: 200_000 },
  { kind: "owner", flag: "--rate-owner", usual: 100_000 },
] as const;
const RATE_MAX = 10_000_000;

const RATE_FLAGS: readonly FlagSpec[] = RATES.map(({ kind, flag, usual }) => ({
  name: flag,
  value: "N",
  summary: `commands a second that one ${kind} may send; beyond: 429 (default: ${usual})`,
}));

const LOG_FLAG: FlagSpec = {
  name: "--log-level",
  value: "LEVEL",
  choices: ["silent", "error", "warn", "info", "debug"],
  summary: "which JSON lines about requests go to standard error (default: warn)",
};

/** The command. */
export const gatewayCommand: CliCommand = {
  path: "gateway",
  summary: "Run the HTTP gateway in the foreground against a NATS server",
  details: `Serves HTTP for every tenant whose keys the installation has (coffer keys create); its documentation is at /docs.
Several gateways may serve one installation. Those with one --redis keep the rates together and must be given the same
ones; else each keeps its own. Ends on Ctrl-C or SIGTERM with 0, when what is under way is answered, and
with 1 when the gateway fails.`,
  arguments: [],
  flags: [
    PORT_FLAG,
    {
      name: "--http-host",
      value: "HOST",
      summary: `address to listen on (default: ${HTTP_HOST}, this machine alone)`,
    },
    ...RATE_FLAGS,
    LOG_FLAG,
    REDIS_FLAG,
    { ...DATA_FLAG, summary: "the installation's data directory, when it is at hand (default: .coffer)" },
  ],
  examples: [
    { line: "gateway", does: "http://127.0.0.1:8080 in front of the dev that runs here" },
    {
      line: "gateway --server nats://10.0.0.5:4222 --http-host 0.0.0.0 --http-port 8088 --json",
      does: "for other machines, one JSON line an event",
    },
  ],
  run: async (invocation) => {
    const { parsed } = invocation;
    const session = sessionOf(invocation);
    const port = parsed.text("--http-port");
    const logLevel = parsed.text("--log-level");
    const redis = redisOrder(parsed);
    const order: GatewayOrder = {
      natsUrl: session.server,
      ...(session.credentialsFile === null ? {} : { creds: session.credentialsFile }),
      host: parsed.text("--http-host") ?? HTTP_HOST,
      port: port === null ? HTTP_PORT : wholeIn(port, { min: 0, max: 65_535 }),
      replicas: await copiesOf(invocation, session),
      rates: ratesIn(parsed),
      ...(logLevel === null ? {} : { logLevel }),
      ...redis,
    };
    return await serve(invocation, order);
  },
};

function ratesIn(parsed: Parsed): Record<string, number> {
  const given = RATES.flatMap(({ kind, flag }): [string, number][] => {
    const word = parsed.text(flag);
    return word === null ? [] : [[kind, wholeIn(word, { min: 1, max: RATE_MAX })]];
  });
  return Object.fromEntries(given);
}

/** Copies of the logs, as the data directory or the server has them. */
async function copiesOf({ parsed, surroundings }: Invocation, session: Session): Promise<number> {
  const cluster = existingCluster(dataDirectoryOf(parsed, surroundings), {});
  if (parsed.has("--data") && cluster !== null) return cluster.replicas;
  const copies = await withConnection(session, ({ nc }) => logCopies(nc));
  if (copies === null) throw noLog(session.server);
  return copies;
}

async function serve({ output, surroundings }: Invocation, order: GatewayOrder): Promise<ExitCode> {
  const gateway = startGateway(order, (message) => {
    if (message.event !== "log") output.result({ ...message }, messageText(message));
    else if (output.isJson) output.result(JSON.parse(message.line) as Json, "");
    else output.note(message.line);
  });
  const { interrupted } = surroundings;
  const onInterrupt = (): void => void gateway.stop();
  if (interrupted.aborted) onInterrupt();
  interrupted.addEventListener("abort", onInterrupt, { once: true });
  const exit = await gateway.exited;
  interrupted.removeEventListener("abort", onInterrupt);
  if (interrupted.aborted) {
    output.note("Stopped.");
    return EXIT.done;
  }
  const code = exit.failure?.code ?? "gateway_ended";
  const sentence = `The gateway ended: ${exitSentence(exit)}.`;
  if (code === "nats_unreachable" || code === "unreachable") throw unreachableFailure(sentence, code);
  throw new CliFailure(code, sentence);
}

function messageText(message: Exclude<GatewayMessage, { event: "log" }>): string {
  if (message.event === "notice") return message.message;
  if (message.event === "failed") return `Failed: ${message.message}`;
  return `Ready at ${message.url}, documentation at ${message.url}/docs. Ctrl-C stops.`;
}
