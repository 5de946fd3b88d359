import type { Environment } from "../../../models/environment.ts";
import { PersistenceError } from "../../../models/errors-storage.ts";
import type { Database, Session, Statement } from "../../database.ts";
import type { RecordBackend, RecordTables, RecordUpkeep, TransactionTables } from "../../record-tables.ts";
import type { Isolation } from "../../records.ts";
import { retrying } from "../../retrying.ts";
import type { SqlEngineStore } from "../store.ts";
import { StepSession } from "../transaction-session.ts";
import { type Runner, SqlRecordTables } from "./tables.ts";
import { SqlRecordUpkeep } from "./upkeep.ts";

/** Record-level work on a database: statements by themselves, or in a transaction. */
export class SqlRecordBackend implements RecordBackend {
  readonly name: string;
  readonly tables: RecordTables;
  readonly upkeep: RecordUpkeep;
  private readonly database: Database;
  private readonly store: SqlEngineStore;

  constructor(database: Database, store: SqlEngineStore, env: Environment) {
    this.name = database.kind;
    this.database = database;
    this.store = store;
    this.tables = this.tablesOn(new AloneRunner(database, env));
    this.upkeep = new SqlRecordUpkeep(database, store.tables, env);
  }

  transaction<T>(isolation: Isolation, work: (tx: TransactionTables) => Promise<T>): Promise<T> {
    return this.database.transaction(async (session) => {
      const own = new StepSession(session);
      try {
        if (isolation !== "read committed")
          await session.query({ name: "", text: `set transaction isolation level ${isolation}`, values: [] });
        const tables = this.tablesOn(new SessionRunner(session));
        return await work({ tables, query: (text, values) => own.query(text, values) });
      } finally {
        await own.close();
      }
    });
  }

  private tablesOn(runner: Runner): RecordTables {
    return new SqlRecordTables(this.store.tables, runner, () => this.store.buckets);
  }
}

/** A write whose answer was lost may have been done, so it is repeated only where the database says that it was not. */
class AloneRunner implements Runner {
  private readonly database: Database;
  private readonly env: Environment;

  constructor(database: Database, env: Environment) {
    this.database = database;
    this.env = env;
  }

  read<R>(statement: Statement): Promise<readonly R[]> {
    return retrying(this.env, () => this.database.query<R>(statement));
  }

  async write<R>(statement: Statement): Promise<readonly R[]> {
    const once = (): Promise<readonly R[]> =>
      retrying(this.env, () => this.database.query<R>(statement), "rolled-back");
    try {
      return await once();
    } catch (error) {
      // Somebody stored the same id in this very instant: the next look sees it.
      if (error instanceof PersistenceError && error.sqlState === "23505") return once();
      throw error;
    }
  }

  together<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return retrying(this.env, () => this.database.transaction(work), "rolled-back");
  }
}

class SessionRunner implements Runner {
  private readonly session: Session;

  constructor(session: Session) {
    this.session = session;
  }

  read<R>(statement: Statement): Promise<readonly R[]> {
    return this.session.query<R>(statement);
  }

  write<R>(statement: Statement): Promise<readonly R[]> {
    return this.session.query<R>(statement);
  }

  together<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return work(this.session);
  }
}
