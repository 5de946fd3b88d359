/**
 * Makes of the built package (`dist/src` in the directory that is given, default: here) what is published: a few files that its doors
 * share, since loading every module by itself was three tenths of the time until a host's first step. Types stay as they are. A checkout
 * needs none of this: there every module is a file, which tests reach.
 */
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = path.resolve(process.argv[2] ?? fileURLToPath(new URL("..", import.meta.url)));
const built = path.join(root, "dist", "src");
const manifest = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8"));

const doors = Object.values(manifest.exports).flatMap(({ default: file }) =>
  file === undefined ? [] : [path.join(root, file)],
);
// What a door loads by its address rather than by an import lies beside the files that say so.
const threads = [path.join(built, "persistence", "pglite", "worker.js")];

const { outputFiles } = await build({
  entryPoints: [...doors, ...threads].map((file) => ({ in: file, out: path.basename(file, ".js") })),
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  packages: "external",
  sourcemap: "linked",
  keepNames: true,
  outdir: built,
  write: false,
  logLevel: "warning",
});

for (const name of fs.readdirSync(built, { recursive: true }))
  if (/\.js(\.map)?$/.test(name)) fs.rmSync(path.join(built, name));
for (const { path: file, contents } of outputFiles) fs.writeFileSync(file, contents);
