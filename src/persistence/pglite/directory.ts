import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Environment } from "../../models/environment.ts";
import { DirectoryNotWritableError } from "../../models/errors-storage.ts";
import { InvalidRequestError, WorkflowError } from "../../models/errors.ts";
import { codeOf } from "./lock-file.ts";
import { DirectoryLock } from "./lock.ts";

/** The directory of an embedded database, locked: `data` holds PostgreSQL's files, and is for this user alone. */
export class DatabaseDirectory {
  readonly lock: DirectoryLock;
  readonly data: string;
  readonly #unfinished: string;

  /** Makes the directory if need be. Throws `DirectoryNotWritableError` and `DirectoryInUseError`. */
  static async open(env: Environment, path: string): Promise<DatabaseDirectory> {
    const directory = resolve(path);
    try {
      makePrivate(directory);
      return new DatabaseDirectory(directory, await DirectoryLock.take(env, directory));
    } catch (error) {
      if (error instanceof WorkflowError) throw error;
      throw new DirectoryNotWritableError(directory, { cause: error, isFile: codeOf(error) === "ENOTDIR" });
    }
  }

  private constructor(directory: string, lock: DirectoryLock) {
    this.lock = lock;
    this.data = join(directory, "data");
    this.#unfinished = join(directory, "unfinished");
  }

  /** Makes ready for PGlite to open. What a first start left unfinished, before anything was kept in it, is begun anew; a folder with
   *  files of somebody else is refused. Answers whether there are no data yet. */
  begin(): boolean {
    if (existsSync(this.#unfinished)) rmSync(this.data, { recursive: true, force: true });
    const isNew = !existsSync(join(this.data, "PG_VERSION"));
    // Else these files would be taken for what a first start left unfinished, and be gone with the next one.
    if (isNew && existsSync(this.data) && readdirSync(this.data).length > 0)
      throw new InvalidRequestError("directory", `has a folder ${this.data} with other files in it: name another one`);
    if (isNew) writeFileSync(this.#unfinished, "The first start has not come to its end.\n", { mode: 0o600 });
    makeFolder(this.data);
    chmodSync(this.data, 0o700); // PGlite makes files that everybody may read
    return isNew;
  }

  /** The database has been made and lies on the disk. */
  finish(): void {
    rmSync(this.#unfinished, { force: true });
  }
}

/** Not by `recursive`, which never comes back where the system says that a parent is missing that is there, as in /proc. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder));
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
  }
}

function makePrivate(directory: string): void {
  makeFolder(directory);
  if (!statSync(directory).isDirectory()) throw new DirectoryNotWritableError(directory, { isFile: true });
  accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK);
}
