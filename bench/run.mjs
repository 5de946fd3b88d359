/**
 * This engine, its peers and the practical limit in one run on one PostgreSQL: node run.mjs [--peers a,b] [--workloads W1,W2] [--reps 5]
 *
 * Starts a PostgreSQL of its own unless DATABASE_URL names a superuser's. All options go on to peers/run.mjs, which repeats all peers
 * in turn so that a noisy minute hits each alike. Prints the tables, and the hashes of what is common to all who measure.
 */
import { createHash } from "node:crypto";
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { startCluster } from "../scripts/postgres-cluster.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const common = path.join(here, "peers");
const defaults = ["--peers", "workflow-core,dbos,absurd,openworkflow,pg-boss,graphile-worker,restate,pg-boss:batch"];
const given = process.argv.slice(2);
const options = given.includes("--peers") ? given : [...defaults, ...given];

const cluster = process.env.DATABASE_URL ? undefined : await startCluster({ logger: console.log });
const env = { ...process.env, DATABASE_URL: process.env.DATABASE_URL ?? cluster.url };
try {
  await run([path.join(common, "run.mjs"), ...options]);
  await run([path.join(here, "throughput.mjs"), "--limit", path.join(common, "skeleton.mjs")]);
  await run([path.join(common, "report.mjs")]);
  console.log("\n### Hashes of the common measure (SHA-256)\n");
  for (const file of fs.readdirSync(common, { recursive: true }).map(String).filter(isCommon).sort()) {
    console.log(
      `- ${file} ${createHash("sha256")
        .update(fs.readFileSync(path.join(common, file)))
        .digest("hex")}`,
    );
  }
} finally {
  await cluster?.stop();
}

function isCommon(file) {
  return file.endsWith(".mjs") && !file.endsWith("workflow-core.mjs");
}

function run(args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: "inherit", env });
    child.on("close", (code) => (code === 0 ? resolve() : reject(new Error(`${args[0]} ended with ${code}`))));
  });
}
