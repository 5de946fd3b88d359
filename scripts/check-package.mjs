/**
 * Looks at the package as a user gets it: packs it, lets publint and attw judge the archive, then installs it beside nothing but
 * its runtime dependencies and compiles and loads every door there.
 */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const manifest = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8"));
const bin = (name) => path.join(root, "node_modules", ".bin", name);
const place = fs.mkdtempSync(path.join(os.tmpdir(), "workflow-core-package-"));
try {
  const archive = pack();
  run(bin("publint"), [archive, "--strict"]);
  run(bin("attw"), [archive, "--profile", "esm-only"]);
  const consumer = install(archive);
  const doors = Object.keys(manifest.exports).filter((door) => !door.endsWith(".json"));
  compile(consumer, doors);
  load(consumer, doors);
} catch (error) {
  console.error(error.stdout === undefined ? error : `${error.message}\n${error.stdout}${error.stderr}`);
  process.exitCode = 1;
} finally {
  fs.rmSync(place, { recursive: true, force: true });
}

function run(program, args, cwd = root) {
  return execFileSync(program, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/** Without scripts: the build has just been made, and a rebuild would pull it from under the other gates. */
function pack() {
  const [packed] = JSON.parse(run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", place]));
  const stray = packed.files.map((file) => file.path).filter((name) => /(^|\/)(test|examples|bench|\.env)/.test(name));
  if (stray.length > 0) throw new Error(`The package must not hold ${stray.join(", ")}.`);
  return path.join(place, packed.filename);
}

/** No development dependency is in reach there, so a published type that leans on one does not compile. */
function install(archive) {
  const modules = path.join(place, "consumer", "node_modules");
  const home = path.join(modules, manifest.name);
  fs.mkdirSync(home, { recursive: true });
  run("tar", ["-xzf", archive, "-C", home, "--strip-components=1"]);
  for (const name of [
    ...Object.keys(manifest.dependencies),
    "@types/node",
    ...Object.keys(manifest.peerDependencies),
  ]) {
    fs.mkdirSync(path.dirname(path.join(modules, name)), { recursive: true });
    fs.symlinkSync(path.join(root, "node_modules", name), path.join(modules, name), "junction");
  }
  return path.dirname(modules);
}

function compile(consumer, doors) {
  const lines = doors.map(
    (door, index) => `export * as door${index} from "${path.posix.join(manifest.name, door)}";\n`,
  );
  fs.writeFileSync(path.join(consumer, "package.json"), '{ "type": "module" }');
  fs.writeFileSync(path.join(consumer, "doors.ts"), lines.join(""));
  const options =
    "--noEmit --strict --module nodenext --target es2022 --types node --preserveSymlinks --skipLibCheck false";
  run(bin("tsc"), [...options.split(" "), "doors.ts"], consumer);
}

function load(consumer, doors) {
  const imports = doors.map((door) => `await import(${JSON.stringify(path.posix.join(manifest.name, door))});`);
  run(process.execPath, ["--preserve-symlinks", "--input-type=module", "--eval", imports.join("\n")], consumer);
}
