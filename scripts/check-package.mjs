/**
 * Looks at the package as a user gets it: packs it, lets publint and attw judge the archive, then installs it beside nothing but
 * its runtime dependencies, compiles and loads every door there, and runs a workflow.
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
  findScripts();
  const archive = pack(stage());
  run(bin("publint"), [archive, "--strict"]);
  run(bin("attw"), [archive, "--profile", "esm-only"]);
  const consumer = install(archive);
  const doors = Object.keys(manifest.exports).filter((door) => !door.endsWith(".json"));
  enter(
    consumer,
    doors.filter((door) => door !== "./pglite"),
  );
  // What is optional comes second: no other door may need it.
  for (const name of Object.keys(manifest.peerDependencies)) link(consumer, name);
  enter(consumer, doors);
  tryOut(consumer);
} catch (error) {
  console.error(error.stdout === undefined ? error : `${error.message}\n${error.stdout}${error.stderr}`);
  process.exitCode = 1;
} finally {
  fs.rmSync(place, { recursive: true, force: true });
}

function run(program, args, cwd = root) {
  return execFileSync(program, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/** What runs when the package is packed is not run here, so what it calls must at least be there. */
function findScripts() {
  for (const [name, command] of Object.entries(manifest.scripts)) {
    for (const [, file] of command.matchAll(/\bnode (\S+\.mjs)/g))
      if (!fs.existsSync(path.join(root, file))) throw new Error(`"${name}" runs ${file}, which is missing.`);
  }
}

/** In a place of its own, since bundling replaces what has just been built, which the other gates read. */
function stage() {
  const staged = path.join(place, "staged");
  for (const name of ["package.json", ...manifest.files])
    fs.cpSync(path.join(root, name), path.join(staged, name), { recursive: true });
  run(process.execPath, [path.join(root, "scripts", "bundle.mjs"), staged]);
  return staged;
}

function pack(staged) {
  const [packed] = JSON.parse(run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", place], staged));
  const unwanted = /^(dist\/)?(test|examples|bench)\/|(^|\/)\.env/;
  const stray = packed.files.map((file) => file.path).filter((name) => unwanted.test(name));
  if (stray.length > 0) throw new Error(`The package must not hold ${stray.join(", ")}.`);
  return path.join(place, packed.filename);
}

/** No development dependency is in reach there, so a published type that leans on one does not compile. */
function install(archive) {
  const consumer = path.join(place, "consumer");
  const home = path.join(consumer, "node_modules", manifest.name);
  fs.mkdirSync(home, { recursive: true });
  run("tar", ["-xzf", archive, "-C", home, "--strip-components=1"]);
  fs.writeFileSync(path.join(consumer, "package.json"), '{ "type": "module" }');
  for (const name of [...Object.keys(manifest.dependencies), "@types/node"]) link(consumer, name);
  return consumer;
}

function link(consumer, name) {
  const place = path.join(consumer, "node_modules", name);
  fs.mkdirSync(path.dirname(place), { recursive: true });
  fs.symlinkSync(path.join(root, "node_modules", name), place, "junction");
}

/** Compiles against every door as a strict user would, and loads it. */
function enter(consumer, doors) {
  const names = doors.map((door) => JSON.stringify(path.posix.join(manifest.name, door)));
  fs.writeFileSync(
    path.join(consumer, "doors.ts"),
    names.map((name, index) => `export * as door${index} from ${name};\n`).join(""),
  );
  const options = "--noEmit --strict --module nodenext --target es2022 --types node --skipLibCheck false";
  run(bin("tsc"), [...options.split(" "), "doors.ts"], consumer);
  const imports = names.map((name) => `await import(${name});`).join("\n");
  run(process.execPath, ["--input-type=module", "--eval", imports], consumer);
}

/** A step on the embedded PostgreSQL, which runs in a thread with a file of its own. */
function tryOut(consumer) {
  fs.writeFileSync(
    path.join(consumer, "try.mjs"),
    `import { createHost, defineWorkflow } from ${JSON.stringify(manifest.name)};
    import { PglitePersistenceProvider } from ${JSON.stringify(`${manifest.name}/pglite`)};
    const workflow = defineWorkflow({ id: "packed", version: 1 }, (flow) => flow.run("step", () => 41, { as: "step" }).returns((_, { step }) => step + 1));
    const host = createHost({ workflows: [workflow], persistence: new PglitePersistenceProvider({ directory: "data" }) });
    await host.start();
    const run = await host.startWorkflow(workflow, {});
    console.log(await run.result());
    await host.stop();`,
  );
  const said = run(process.execPath, ["try.mjs"], consumer);
  if (!/^42$/m.test(said))
    throw new Error(`A workflow of the packed package should have answered 42, and said ${said}`);
}
