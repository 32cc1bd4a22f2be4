// Static checks: format, lint, types, tidy. All of them run, also after one has failed, so one call shows everything.
//
// Owns:     the list of checks and their commands.
// Does not: know any rule. Rules live in biome.json, tsconfig.json and test/tidy/.
// Invariant: exit code 0 only if every check passed.
// Guards against: a check that is skipped because an earlier one failed.
import { spawnSync } from "node:child_process";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const bin = (name: string) => join(root, "node_modules", ".bin", name);
const tidy = ["--test", "--test-reporter=spec", "test/tidy/**/*.test.ts"];

const checks: readonly { name: string; command: string; args: readonly string[] }[] = [
  { name: "format", command: bin("biome"), args: ["format"] },
  {
    name: "lint",
    command: bin("biome"),
    args: ["check", "--formatter-enabled=false", "--error-on-warnings"],
  },
  { name: "types", command: bin("tsc"), args: ["--project", "tsconfig.json"] },
  { name: "tidy", command: process.execPath, args: tidy },
];

const failed = checks.filter((check) => !passes(check)).map((check) => check.name);
console.log(failed.length === 0 ? "check: all passed" : `check: failed: ${failed.join(", ")}`);
process.exitCode = failed.length === 0 ? 0 : 1;

function passes(check: (typeof checks)[number]): boolean {
  console.log(`check: ${check.name}`);
  const result = spawnSync(check.command, check.args, { cwd: root, stdio: "inherit" });
  if (result.error !== undefined) console.error(result.error.message);
  return result.status === 0;
}
