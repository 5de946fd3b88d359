/** The thread that PGlite runs in: it is asked in bytes of PostgreSQL's protocol, and answers in them. */
import { parentPort, workerData } from "node:worker_threads";
import type { PGlite, PGliteOptions } from "@electric-sql/pglite";
import { systemEnvironment } from "../../models/environment.ts";
import { durableFiles, durableParameters, syncTree } from "./durable-files.ts";
import type { FromWorker, ToWorker, WorkerFailure, WorkerSettings } from "./protocol.ts";

const env = systemEnvironment();

type Ask = Extract<ToWorker, { kind: "ask" }>;

async function serve(port: NonNullable<typeof parentPort>, settings: WorkerSettings): Promise<void> {
  const say = (message: FromWorker, transfer: readonly ArrayBuffer[] = []): void => port.postMessage(message, transfer);
  try {
    const database = await open(settings);
    const desk = new Desk(database, say);
    port.on("message", (message: ToWorker) => {
      if (message.kind === "ask") desk.take(message);
      else void desk.close().then(() => port.close());
    });
    say({ kind: "ready" });
  } catch (error) {
    say({ kind: "failed", failure: failureOf(error) });
    port.close();
  }
}

/** Answers one question after the other. */
class Desk {
  readonly #database: PGlite;
  readonly #say: (message: FromWorker, transfer?: readonly ArrayBuffer[]) => void;
  readonly #waiting: Ask[] = [];
  #work: Promise<void> | undefined;

  constructor(database: PGlite, say: (message: FromWorker, transfer?: readonly ArrayBuffer[]) => void) {
    this.#database = database;
    this.#say = say;
  }

  take(ask: Ask): void {
    this.#waiting.push(ask);
    this.#work ??= this.#answerAll().finally(() => (this.#work = undefined));
  }

  async close(): Promise<void> {
    await this.#work;
    await this.#database.close();
    this.#say({ kind: "closed" });
  }

  async #answerAll(): Promise<void> {
    for (let ask = this.#waiting.shift(); ask !== undefined; ask = this.#waiting.shift()) {
      const bytes = await this.#answer(ask.bytes);
      this.#say({ kind: "answer", client: ask.client, bytes }, [bytes.buffer]);
      await new Promise<void>((resolve) => env.soon(resolve)); // else this thread hears nothing while it has work
    }
  }

  /** Not by `execProtocolRaw`, which also parses all answers, and keeps them. */
  async #answer(question: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    const parts: Uint8Array[] = [];
    const onRawData = (bytes: Uint8Array): unknown => parts.push(bytes.slice()); // it lies in PGlite's own memory
    await this.#database.execProtocolRawStream(question, { onRawData, syncToFs: false });
    return joined(parts);
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

async function open(settings: WorkerSettings): Promise<PGlite> {
  const { PGlite: Database } = await load();
  const database = await Database.create(await optionsOf(settings, Database));
  if (settings.data !== null && settings.isNew && settings.fsync) syncTree(settings.data);
  return database;
}

async function optionsOf({ data, fsync }: WorkerSettings, database: typeof PGlite): Promise<PGliteOptions> {
  if (data === null) return { dataDir: "memory://" };
  if (!fsync) return { dataDir: data };
  const { NodeFS } = await import("@electric-sql/pglite/nodefs");
  return { dataDir: data, fs: durableFiles(NodeFS, data), startParams: durableParameters(database.defaultStartParams) };
}

class MissingModule extends Error {}

async function load(): Promise<{ readonly PGlite: typeof PGlite }> {
  try {
    import.meta.resolve("@electric-sql/pglite");
  } catch (error) {
    throw new MissingModule("not installed", { cause: error });
  }
  return import("@electric-sql/pglite");
}

function failureOf(error: unknown): WorkerFailure {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return {
    reason: error instanceof MissingModule ? "missing" : "failed",
    code: typeof code === "string" ? code : null,
    message: error instanceof Error ? error.message : String(error),
  };
}

// Last, when everything above is there.
if (parentPort !== null) void serve(parentPort, workerData as WorkerSettings);
