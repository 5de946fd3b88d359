import { spawn, type ChildProcess } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";
import { systemEnvironment } from "../../src/models/environment.ts";
import { PgliteDatabase, type PgliteOptions } from "../../src/persistence/pglite/database.ts";

export const env = systemEnvironment();

/** Directories for the tests of one file. A first start takes seconds, so one is made and the others are its copies. */
export function directories(): { empty(): string; started(): string } {
  const root = mkdtempSync(join(tmpdir(), "wfc-pglite-"));
  const template = join(root, "template");
  let count = 0;
  const next = (): string => join(root, `${(count += 1)}`);
  before(async () => {
    const database = new PgliteDatabase({ directory: template }, env);
    await database.open();
    await database.close();
  });
  after(() => rmSync(root, { recursive: true, force: true }));
  return {
    empty: next,
    started: () => {
      const directory = next();
      cpSync(template, directory, { recursive: true });
      return directory;
    },
  };
}

/** Opens a database for one test. */
export async function opened(options: PgliteOptions, environment = env): Promise<PgliteDatabase> {
  const database = new PgliteDatabase(options, environment);
  await database.open();
  return database;
}

export const ask = <R>(
  database: PgliteDatabase,
  text: string,
  values: readonly unknown[] = [],
): Promise<readonly R[]> => database.query<R>({ name: "", text, values });

export interface Child {
  readonly process: ChildProcess;
  /** What it has printed. */
  readonly lines: readonly string[];
  /** Waits until it has printed so many lines, or has ended. */
  printed(count: number): Promise<void>;
  kill(): Promise<void>;
}

/** Starts another process on a directory; see child.ts. */
export function child(directory: string, first = 0): Child {
  const script = fileURLToPath(new URL("./child.js", import.meta.url));
  const started = spawn(process.execPath, [script, directory, `${first}`], { stdio: ["ignore", "pipe", "inherit"] });
  const lines: string[] = [];
  const ended = new Promise<void>((resolve) => started.once("close", () => resolve()));
  const reader = createInterface({ input: started.stdout });
  reader.on("line", (line) => lines.push(line));
  const printed = async (count: number): Promise<void> => {
    while (lines.length < count && started.exitCode === null && started.signalCode === null) {
      await Promise.race([new Promise((resolve) => reader.once("line", resolve)), ended]);
    }
  };
  const kill = async (): Promise<void> => {
    started.kill("SIGKILL");
    await ended;
  };
  return { process: started, lines, printed, kill };
}
