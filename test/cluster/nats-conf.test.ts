// The rendered configuration: the template with only its marked lines changed, and accepted by the server.
// The real nats-server checks both texts.
// Guards against: an edit of the template after which a setting is silently no longer replaced.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import type { NatsConfSettings } from "../../cluster/nats-conf.ts";
import { clusterMembers, readNatsConfTemplate, renderNatsConf } from "../../cluster/nats-conf.ts";
import { subjectMappings } from "../../protocol/subject.ts";
import { testNatsBinary } from "../support/nats.ts";

const run = promisify(execFile);
const settings: NatsConfSettings = {
  port: 5001,
  monitorPort: 5002,
  storeDir: "/var/lib/coffer/nats/store",
  shards: 16,
  sync: "250ms",
};

test("the rendered file is the template with only the lines changed that say so", async () => {
  const template = (await readNatsConfTemplate()).split("\n");
  const rendered = renderNatsConf(template.join("\n"), settings).split("\n");
  assert.equal(rendered.length, template.length);
  const changed = template.flatMap((line, index) => (line === rendered[index] ? [] : [index]));
  const marked = template.flatMap((line, index) => (line.endsWith("# set by coffer") ? [index] : []));
  assert.equal(marked.length, 7);
  assert.deepEqual(changed, marked);
});

test("the settings arrive where they belong", async () => {
  const rendered = renderNatsConf(await readNatsConfTemplate(), settings);
  const expected = [
    /^port: 5001 /m,
    /^http: "127\.0\.0\.1:5002" /m,
    /store_dir: "\/var\/lib\/coffer\/nats\/store" /,
    /sync_interval: "250ms" /,
  ];
  for (const line of expected) assert.match(rendered, line);
  assert.match(renderNatsConf(rendered, { ...settings, sync: "always" }), /sync_interval: always /);
});

test("the mappings are those that the protocol names", async () => {
  const rendered = renderNatsConf(await readNatsConfTemplate(), settings).replaceAll(/ +/g, " ");
  for (const { outside, inside } of Object.values(subjectMappings(16))) {
    assert.ok(rendered.includes(`"${outside}": "${inside}"`), outside);
  }
});

test("a member of several servers is told where all of them are, behind the template", async () => {
  const template = await readNatsConfTemplate();
  const [, second] = clusterMembers([7001, 7002, 7003]);
  assert.ok(second);
  const rendered = renderNatsConf(template, { ...settings, member: second });
  assert.ok(rendered.startsWith(renderNatsConf(template, settings)));
  const expected = [
    /^server_name: "coffer-2"$/m,
    /^ {2}port: 7002$/m,
    /^ {2}routes: \["nats:\/\/127\.0\.0\.1:7001", "nats:\/\/127\.0\.0\.1:7002", "nats:\/\/127\.0\.0\.1:7003"\]$/m,
  ];
  for (const line of expected) assert.match(rendered, line);
});

test("the server accepts the template and what is rendered from it", async () => {
  const directory = await mkdtemp(join(tmpdir(), "coffer-conf-"));
  try {
    const template = await readNatsConfTemplate();
    const storeDir = join(directory, "store");
    const members = clusterMembers([7001, 7002, 7003]).map((member) => ({ ...settings, storeDir, member }));
    const texts = [
      template,
      ...[{ ...settings, storeDir }, ...members].map((one) => renderNatsConf(template, one)),
    ];
    for (const text of texts) {
      const file = join(directory, "nats.conf");
      await writeFile(file, text);
      const { stderr, stdout } = await run((await testNatsBinary()).path, ["-t", "-c", file], {
        cwd: directory,
      });
      assert.match(stderr + stdout, /is valid/);
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

test("a template or a setting that cannot work is refused before a server sees it", async () => {
  const template = await readNatsConfTemplate();
  const broken: [string, string, Partial<NatsConfSettings>][] = [
    ["a template without sync_interval", template.replace("sync_interval", "sync"), {}],
    ["a template with a mapping missing", template.replace("partition(4,1,2)", "partition(4,1)"), {}],
    ["a template with two ports", `${template}\nport: 1\n`, {}],
    ["no shards", template, { shards: 0 }],
    ["a store directory with a quote", template, { storeDir: '/tmp/a"b' }],
  ];
  for (const [name, text, change] of broken) {
    assert.throws(
      () => renderNatsConf(text, { ...settings, ...change }),
      { code: "nats_config_invalid" },
      name,
    );
  }
});
