import { Worker } from "node:worker_threads";
import type { Environment } from "../../models/environment.ts";
import { DirectoryNotWritableError, MissingDependencyError, PersistenceError } from "../../models/errors-storage.ts";
import type { FromWorker, ToWorker, WorkerFailure, WorkerSettings } from "./protocol.ts";

const startMs = 120_000;
const closeMs = 30_000;

/** The database's thread, seen from the host's. */
export class DatabaseThread {
  readonly #env: Environment;
  readonly #worker: Worker;
  readonly #ended: Promise<void>;
  #isOver = false;
  #heard: (message: FromWorker) => void = () => undefined;
  /** Called with what the database answers to a client. */
  answered: (client: number, bytes: Uint8Array) => void = () => undefined;
  /** Called once when the thread ends that nobody closed. */
  lost: (cause: unknown) => void = () => undefined;

  /** Starts the thread and waits for its database. Throws `MissingDependencyError` without `@electric-sql/pglite`. */
  static async start(env: Environment, settings: WorkerSettings): Promise<DatabaseThread> {
    const thread = new DatabaseThread(env, settings);
    const first = await thread.#next(startMs);
    if (first?.kind === "ready") return thread;
    await thread.stop();
    throw openingError(settings, first?.kind === "failed" ? first.failure : undefined);
  }

  private constructor(env: Environment, settings: WorkerSettings) {
    this.#env = env;
    this.#worker = new Worker(new URL("./worker.js", import.meta.url), {
      workerData: settings,
      name: "workflow-core database",
      execArgv: [], // what the application loads into its own thread has no business in this one
    });
    this.#ended = new Promise((resolve) => this.#worker.once("exit", () => resolve()));
    let failure: unknown;
    this.#worker.on("error", (error) => (failure = error));
    this.#worker.on("message", (message: FromWorker) => {
      if (message.kind === "answer") this.answered(message.client, message.bytes);
      else this.#heard(message);
    });
    void this.#ended.then(() => {
      if (!this.#isOver) this.lost(failure);
      this.#isOver = true;
    });
  }

  ask(client: number, bytes: Uint8Array<ArrayBuffer>): void {
    this.#say({ kind: "ask", client, bytes }, [bytes.buffer]);
  }

  /** Lets the database write down all it has. */
  async close(): Promise<void> {
    this.#isOver = true;
    const answer = this.#next(closeMs);
    this.#say({ kind: "close" });
    await answer;
    await this.stop();
  }

  /** Ends the thread as a crash would; what was committed is safe. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#worker.terminate();
    await this.#ended;
  }

  #say(message: ToWorker, transfer: readonly ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  /** The next message that is no answer; undefined if the thread ends or nothing comes in time. */
  #next(ms: number): Promise<FromWorker | undefined> {
    return new Promise((resolve) => {
      const timer = this.#env.later(ms, () => resolve(undefined));
      void this.#ended.then(() => {
        timer.cancel();
        resolve(undefined);
      });
      this.#heard = (message) => {
        timer.cancel();
        resolve(message);
      };
    });
  }
}

const unwritable: ReadonlySet<string | null> = new Set(["EACCES", "EPERM", "EROFS", "ENOTDIR"]);

function openingError(settings: WorkerSettings, failure: WorkerFailure | undefined): Error {
  if (failure?.reason === "missing") return new MissingDependencyError("@electric-sql/pglite", "The embedded database");
  if (failure !== undefined && settings.data !== null && unwritable.has(failure.code))
    return new DirectoryNotWritableError(settings.data, { cause: new Error(failure.message) });
  const where = settings.data === null ? "in memory" : `in ${settings.data}`;
  const why = failure === undefined ? "its thread ended or did not answer" : failure.message;
  return new PersistenceError(`The embedded database ${where} could not be opened: ${why}.`, "transient");
}
