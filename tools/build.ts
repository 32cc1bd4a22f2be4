// Build: compiles the rooms to JavaScript and declarations in dist/, which is what the npm package ships.
//
// Owns:     dist/. It is removed and written anew each time.
// Does not: bundle. One source file stays one output file, so worker threads and child processes find their main files.
// Invariant: no path in dist/ points at TypeScript, every entry that package.json names exists, the CLI is executable.
// Guards against: a package that works from source and not once installed.
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const dist = join(root, "dist");
const entries = ["cli/main.js", "client/mod.js", "client/mod.d.ts"];

/** Import specifiers in declarations, and URLs of main files: the compiler rewrites neither. */
const sourceSpecifier = /((?:from|import\(|new URL\()\s*["'])(\.{1,2}\/[^"']+)\.ts(["'])/g;

rmSync(dist, { recursive: true, force: true });
compile("tsconfig.build.json");
// Types are for those who import the client library; nothing else of the package is an interface.
compile("tsconfig.declarations.json");

const outputs = readdirSync(dist, { recursive: true, encoding: "utf8" }).filter((path) =>
  /\.(js|d\.ts)$/.test(path),
);
for (const path of outputs) pointAtJavaScript(join(dist, path));

const missing = entries.filter((entry) => !existsSync(join(dist, entry)));
if (missing.length > 0) {
  console.error(`build: missing in dist/: ${missing.join(", ")}`);
  process.exit(1);
}
chmodSync(join(dist, "cli", "main.js"), 0o755);
console.log(`build: ${outputs.length} files in dist/`);

function compile(project: string): void {
  const tsc = join(root, "node_modules", ".bin", "tsc");
  const { status } = spawnSync(tsc, ["--project", project], { cwd: root, stdio: "inherit" });
  if (status !== 0) process.exit(1);
}

function pointAtJavaScript(path: string): void {
  const text = readFileSync(path, "utf8");
  const rewritten = text.replace(sourceSpecifier, "$1$2.js$3");
  if (rewritten !== text) writeFileSync(path, rewritten);
}
