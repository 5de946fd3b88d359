import { systemEnvironment, type Environment } from "../../models/environment.ts";
import { checkKnown, fieldsOf, pick } from "../../models/known-fields.ts";
import { RecordProvider } from "../record-provider.ts";
import { SqlRecordBackend } from "../postgres/records/backend.ts";
import { SqlStatistics } from "../postgres/statistics.ts";
import { SqlEngineStore, type SqlStoreOptions } from "../postgres/store.ts";
import { PgliteDatabase, type PgliteOptions } from "./database.ts";

/** Where the embedded database is kept, and how it is used. */
export interface PgliteProviderOptions
  extends PgliteOptions, Pick<SqlStoreOptions, "schema" | "migrate" | "buckets" | "testClock" | "capabilities"> {
  /** For tests: clocks and chance. Default: those of this process. */
  readonly environment?: Environment;
}

const known = fieldsOf<PgliteProviderOptions>({
  directory: true,
  fsync: true,
  transactionMs: true,
  capabilities: true,
  deadlineMs: true,
  schema: true,
  migrate: true,
  buckets: true,
  testClock: true,
  environment: true,
});

/** A batch's answers are decided in one go: with more of them the event loop would stand still for over 50 ms. */
const batchRows = 250;

/**
 * Keeps workflows in an embedded PostgreSQL (PGlite) in a directory, for one process at a time, or in memory. Needs the package
 * `@electric-sql/pglite`.
 *
 * ```ts
 * const persistence = new PglitePersistenceProvider({ directory: ".workflow-core" });
 * await persistence.initialize();
 * ```
 */
export class PglitePersistenceProvider extends RecordProvider {
  /** What the engine's host works with. No other process can be using it. */
  readonly store: SqlEngineStore;
  protected readonly backend: SqlRecordBackend;
  protected readonly statistics: SqlStatistics;
  protected readonly env: Environment;

  /** Opens nothing yet. Throws `InvalidNameError` and `InvalidRequestError` for options that cannot work. */
  constructor(given: PgliteProviderOptions = {}) {
    super();
    checkKnown(given, "PglitePersistenceProvider", known);
    const options = pick(given, known);
    this.env = options.environment ?? systemEnvironment();
    const database = new PgliteDatabase(options, this.env);
    this.store = new SqlEngineStore(database, this.env, { ...options, alone: true, batchRows });
    this.backend = new SqlRecordBackend(database, this.store, this.env);
    this.statistics = new SqlStatistics(database, this.store.tables, this.env);
  }

  /** Starts the database and creates or checks the schema. Throws `DirectoryInUseError`, `DirectoryNotWritableError` and
   *  `MissingDependencyError`. */
  override initialize(): Promise<void> {
    return this.store.initialize();
  }

  /** Lets what is under way come to its end, and gives the directory free. */
  override close(): Promise<void> {
    return this.store.close();
  }
}
