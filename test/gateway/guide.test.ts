// The guide of the published document and the page about campaigns, followed by somebody who knows nothing else: their
// lines are taken out and sent as they stand there, twice.
// Guards against: words that were true once.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { type GatewaySite, startGatewaySite } from "./gateway-site.ts";

let site: GatewaySite;
before(async () => {
  site = await startGatewaySite();
});
after(() => site.stop());

/** The lines between fences that call the gateway. */
function linesOf(markdown: string): string[] {
  const blocks = [...markdown.matchAll(/^```\n([\s\S]*?)^```$/gm)].map(([, block = ""]) => block);
  const lines = blocks.flatMap((block) => block.trim().split("\n"));
  assert.ok(lines.includes("URL=http://127.0.0.1:8080"), "it says where the gateway is");
  return lines.filter((line) => line.startsWith("curl "));
}

interface Followed {
  readonly status: number;
  readonly json: Record<string, unknown>;
}

/** Sends what a line of curl would, and fails for a line that this reads otherwise than a shell. */
async function follow(line: string): Promise<Followed> {
  const words = [...line.matchAll(/"([^"\\]*)"|'([^']*)'|([\w-]+)/g)].map(([, double, single, bare]) =>
    double === undefined
      ? (single ?? bare ?? "")
      : double.replace("$URL", site.gateway.url).replace("$KEY", "admin"),
  );
  assert.deepEqual(words.slice(0, 2), ["curl", "-s"]);
  const [url = "", ...options] = words.slice(2);
  const headers = new Headers();
  const request: RequestInit = { headers };
  for (let at = 0; at < options.length; at += 2) {
    const [flag, value = ""] = options.slice(at);
    if (flag === "-H") headers.set(value.split(": ")[0] ?? "", value.split(": ")[1] ?? "");
    else if (flag === "-d") Object.assign(request, { method: "POST", body: value });
    else if (flag === "-X") request.method = value;
    else assert.fail(`${flag} in ${line}`);
  }
  const response = await fetch(url, request);
  const json: unknown = await response.json();
  return { status: response.status, json: Object(json) };
}

/** Follows lines in their order. */
async function followAll(lines: readonly string[]): Promise<Followed[]> {
  const answers: Followed[] = [];
  for (const line of lines) answers.push(await follow(line));
  return answers;
}

function told(answers: readonly Followed[]): string[] {
  return answers.map(({ status, json }) => `${status} ${json["status"] ?? "read"}`);
}

test("the guide's lines do what it says, and give the same answers when they are followed again", async () => {
  const { json } = await site.call("GET", "/openapi.json", { key: null });
  const { description } = json["info"] as { description: string };
  const lines = linesOf(description);
  const answers = await followAll(lines);
  assert.deepEqual(told(answers), [
    ...["201 open", "201 open", "201 open", "201 posted", "201 posted", "201 held", "200 captured"],
    ...["200 read", "200 read"],
  ]);
  const [alice, shop] = answers.slice(7).map((answer) => JSON.stringify(answer.json));
  assert.match(alice ?? "", /"wallet":"alice:usd",[^}]*"available":"8350"/);
  assert.match(shop ?? "", /^\{"data":\[\{[^{]*"balance":\{"posted":"1650"/);
  const again = await followAll(lines);
  for (const [index, { json: same }] of again.entries())
    assert.deepEqual(
      { ...same, replayed: false },
      { ...answers[index]?.json, replayed: false },
      lines[index] ?? "",
    );
});

test("so do those of the page about campaigns", async () => {
  const page = await readFile(new URL("../../docs/campaigns.md", import.meta.url), "utf8");
  const lines = linesOf(page);
  const answers = await followAll(lines);
  assert.deepEqual(told(answers), [
    ...["201 open", "201 open", "201 posted", "201 open", "201 open", "201 posted", "200 posted"],
    ...["200 open", "200 closed"],
  ]);
  assert.deepEqual(told(await followAll(lines)), [
    ...["201 open", "201 open", "201 posted", "200 closed", "201 open", "201 posted", "200 posted"],
    ...["200 closed", "200 closed"],
  ]);
});

test("the page is Coffer's own, and asks nobody else for anything", async () => {
  const page = await site.call("GET", "/docs/", { key: null });
  assert.match(page.text, /<title>Coffer<\/title>/);
  assert.doesNotMatch(page.text, /favicon-|Swagger UI/);
  const script = await site.call("GET", "/docs/static/swagger-initializer.js", { key: null });
  assert.match(script.text, /"layout":"BaseLayout"/);
  const icon = await site.call("GET", "/docs/static/theme/icon.svg", { key: null });
  assert.deepEqual([icon.status, icon.headers.get("content-type")], [200, "image/svg+xml"]);
});
