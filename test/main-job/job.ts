import assert from "node:assert/strict";
import { type ChildProcessByStdio, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { Summary } from "../../examples/order-fulfilment/report.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const program = join(root, "dist/examples/order-fulfilment/main.js");

/** Where a job keeps its runs: a PostgreSQL, or PGlite in the job's own directory. */
export type Place = { readonly url: string } | "pglite";

/** A directory that is removed after the test. */
export function freshDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "workflow-core-main-job-"));
  t.after(() => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }));
  return directory;
}

export interface Files {
  readonly directory: string;
  readonly args: readonly string[];
  readonly orders: number;
  /** Orders that fail before anything is kept of them in the tables. */
  readonly soldOut: number;
}

/** Orders and payments like those of the example, only fewer, and paid within 1.5 seconds. */
export function makeFiles(t: TestContext, count: number): Files {
  const directory = freshDirectory(t);
  const script = join(root, "examples/order-fulfilment/generate.mjs");
  const args = ["--orders", String(count), "--seed", "7", "--within", "1500", "--directory", directory];
  execFileSync(process.execPath, [script, ...args]);
  const [orders, payments] = [join(directory, "orders.ndjson"), join(directory, "payments.ndjson")];
  const soldOut = readFileSync(orders, "utf8").match(/^.*"SOLD-OUT.*$/gm)?.length ?? 0;
  return { directory, args: ["--orders", orders, "--payments", payments], orders: count, soldOut };
}

const alive = new Set<{ kill(signal: "SIGKILL"): boolean }>();
process.on("exit", () => alive.forEach((child) => child.kill("SIGKILL")));

/** A process of the example. It never outlives its test, nor this process. */
export class Job {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  stdout = "";
  stderr = "";

  constructor(t: TestContext, place: Place, args: readonly string[]) {
    const env = { ...process.env, DATABASE_URL: place === "pglite" ? "" : place.url };
    this.child = spawn(process.execPath, [program, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
    this.child.stdout.setEncoding("utf8").on("data", (text: string) => (this.stdout += text));
    this.child.stderr.setEncoding("utf8").on("data", (text: string) => (this.stderr += text));
    const end = (): void => void this.child.kill("SIGKILL");
    alive.add(this.child);
    this.child.once("exit", () => alive.delete(this.child));
    t.signal.addEventListener("abort", end, { once: true }); // its time is up: who waits for the job need not
    t.after(end);
  }

  get isAlive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** How many orders it has said to be finished. */
  get finished(): number {
    const [, finished = "0"] = [...this.stdout.matchAll(/^(\d+) of \d+ orders are finished$/gm)].at(-1) ?? [];
    return Number(finished);
  }

  /** How many orders were finished before this process, as it read from the database. */
  get finishedBefore(): number | undefined {
    const found = /^Going on: (\d+) orders are finished/m.exec(this.stdout);
    return found === null ? undefined : Number(found[1]);
  }

  /** Waits until something holds; false if the process ends first. */
  async until(holds: () => boolean): Promise<boolean> {
    while (!holds()) {
      if (!this.isAlive) return false;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return true;
  }

  /** The exit code, once it has ended and said all; the signal's name if one ended it. */
  async ended(): Promise<number | string> {
    if (this.isAlive) await once(this.child, "close");
    return this.child.exitCode ?? this.child.signalCode ?? "";
  }

  async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.ended();
  }
}

/** Runs the example to its end with `--json`; fails unless the audit is clean. */
export async function runClean(t: TestContext, place: Place, args: readonly string[]): Promise<Summary> {
  const job = new Job(t, place, [...args, "--json"]);
  const code = await job.ended();
  assert.equal(code, 0, `exit ${code}\n${job.stdout}\n${job.stderr}`);
  return JSON.parse(job.stdout);
}

/** What must be true of each run to the end, whatever happened on the way. */
export function assertComplete(summary: Summary, { orders, soldOut }: Files): void {
  assert.equal(summary.orders, orders);
  assert.equal(summary.complete + summary.failed, orders);
  assert.equal(summary.failed - summary.compensated, soldOut, "only what was sold out had nothing to undo");
  assert.equal(summary.audit.clean, true);
  assert.equal(summary.audit.charges, orders - soldOut);
  assert.equal(summary.audit.refunds, summary.expired + summary.compensated);
}
