import { systemEnvironment, type Environment } from "../../models/environment.ts";
import { checkKnown, fieldsOf, pick } from "../../models/known-fields.ts";
import { RecordProvider } from "../record-provider.ts";
import { PostgresDatabase } from "./database.ts";
import type { PostgresOptions } from "./options.ts";
import { SqlRecordBackend } from "./records/backend.ts";
import { SqlStatistics } from "./statistics.ts";
import { capabilitiesOf, SqlEngineStore, type SqlStoreOptions } from "./store.ts";

/** Where the tables are and how they are reached. */
export interface PostgresProviderOptions
  extends PostgresOptions, Pick<SqlStoreOptions, "schema" | "migrate" | "buckets" | "testClock" | "capabilities"> {
  /** For tests: clocks and chance. Default: those of this process. */
  readonly environment?: Environment;
}

const known = fieldsOf<PostgresProviderOptions>({
  url: true,
  connection: true,
  maxConnections: true,
  lanes: true,
  applicationName: true,
  pooler: true,
  capabilities: true,
  deadlineMs: true,
  schema: true,
  migrate: true,
  buckets: true,
  testClock: true,
  environment: true,
});

/**
 * Keeps workflows in PostgreSQL 15 or later.
 *
 * ```ts
 * const persistence = new PostgresPersistenceProvider("postgresql://user:password@localhost/workflows");
 * await persistence.initialize();
 * ```
 */
export class PostgresPersistenceProvider extends RecordProvider {
  readonly store: SqlEngineStore;
  protected readonly backend: SqlRecordBackend;
  protected readonly statistics: SqlStatistics;
  protected readonly env: Environment;

  /** A URL, or options. Throws `PoolTooSmallError`, `InvalidNameError` and `InvalidRequestError` for options that cannot work. */
  constructor(urlOrOptions: string | PostgresProviderOptions = {}) {
    super();
    const given = typeof urlOrOptions === "string" ? { url: urlOrOptions } : urlOrOptions;
    checkKnown(given, "PostgresPersistenceProvider", known);
    const options = pick(given, known);
    const env = options.environment ?? systemEnvironment();
    const database = new PostgresDatabase(options, env);
    // A pooler that shares sessions between transactions loses what a session listens to.
    const capabilities = { listenNotify: options.pooler !== "transaction", ...capabilitiesOf(options.capabilities) };
    this.env = env;
    this.store = new SqlEngineStore(database, env, { ...options, capabilities });
    this.backend = new SqlRecordBackend(database, this.store, env);
    this.statistics = new SqlStatistics(database, this.store.tables, env);
  }

  /** Connects, and creates or checks the schema. Any number of processes may do so at once. Throws `DatabaseUnreachableError`,
   *  `UnsupportedDatabaseError`, `SchemaOutdatedError`, and `PersistenceError` for what else the database refuses. */
  override initialize(): Promise<void> {
    return this.store.initialize();
  }

  /** Closes all connections. May be called more than once. */
  override close(): Promise<void> {
    return this.store.close();
  }
}
