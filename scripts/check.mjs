/**
 * Every gate but the tests: node scripts/check.mjs [name ...]. All of them run, so that one run shows everything; what a gate says
 * is printed when it fails.
 */
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const folders = ["src", "test", "examples"].filter((folder) => fs.existsSync(path.join(root, folder)));
const gates = {
  types: ["tsc"],
  declarations: ["tsc", "-p", "tsconfig.declarations.json"],
  lint: ["eslint", ".", "--max-warnings=0"],
  format: ["prettier", "--check", "--log-level=warn", "."],
  arrows: ["depcruise", ...folders, "--config", ".dependency-cruiser.mjs"],
  unused: ["knip", "--treat-config-hints-as-errors"],
  package: ["node", "scripts/check-package.mjs"],
};
const concurrency = 2;

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !Object.hasOwn(gates, name));
if (unknown.length > 0) throw new Error(`No gate is called ${unknown.join(", ")}: ${Object.keys(gates).join(", ")}.`);

const waiting = Object.keys(gates).filter((name) => asked.length === 0 || asked.includes(name));
const failed = [];
// The types come first and alone: they write dist/, which other gates read.
if (waiting[0] === "types") await pass(waiting.shift());
await Promise.all(Array.from({ length: concurrency }, takeNext));
console.log(failed.length === 0 ? "All gates passed." : `Failed: ${failed.join(", ")}.`);
process.exitCode = failed.length === 0 ? 0 : 1;

async function takeNext() {
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) await pass(name);
}

async function pass(name) {
  const startedAt = performance.now();
  const { code, said } = await execute(gates[name]);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`${code === 0 ? "ok    " : "FAILED"} ${name.padEnd(12)} ${seconds.padStart(5)} s`);
  if (code === 0) return;
  failed.push(name);
  console.log(said.trimEnd());
}

function execute([program, ...args]) {
  const bin = path.join(root, "node_modules", ".bin");
  const env = { ...process.env, PATH: [bin, path.dirname(process.execPath), process.env.PATH].join(path.delimiter) };
  const child = spawn(program, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stdout.on("data", (text) => (said += text));
  child.stderr.on("data", (text) => (said += text));
  return new Promise((resolve) => {
    child.on("error", (error) => resolve({ code: 1, said: error.message }));
    child.on("close", (code) => resolve({ code, said }));
  });
}
