/**
 * Watches over one server of postgres-cluster.mjs: when the process that started it is gone (its end of our stdin closes, also
 * after SIGKILL), stops the server if it still runs and removes its directory. Its only argument is that directory.
 */
import fs from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const directory = process.argv[2];
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => {}); // ends only with its owner
process.stdin.resume();
process.stdin.on("close", () => void cleanUp());

async function cleanUp() {
  for (let tries = 0; fs.existsSync(directory) && tries < 50; tries++) {
    const pid = serverPid();
    if (pid === undefined) fs.rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
    else signal(pid, tries < 30 ? "SIGINT" : "SIGQUIT");
    await sleep(200); // an initdb that was cut off may still write: look again
  }
}

function serverPid() {
  try {
    const pid = Number.parseInt(fs.readFileSync(path.join(directory, "data", "postmaster.pid"), "utf8"), 10);
    return Number.isInteger(pid) && isAlive(pid) ? pid : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid) {
  return signal(pid, 0);
}

function signal(pid, name) {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}
