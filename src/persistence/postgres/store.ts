import type { Environment } from "../../models/environment.ts";
import { InvalidRequestError } from "../../models/errors.ts";
import { checkKnown, fieldsOf, pick } from "../../models/known-fields.ts";
import type { Database } from "../database.ts";
import { checkChoice, checkKind } from "../option-values.ts";
import type { Capabilities, EngineStore, ServerCapabilities, TransactionSession, WakeBus } from "../provider.ts";
import { CallerTransaction } from "./caller-transaction.ts";
import { SqlDefinitionStore } from "./definition-store.ts";
import { SqlEventStore } from "./event-store.ts";
import { SqlInstanceStore } from "./instance-store.ts";
import { defaultBuckets } from "./migrations.ts";
import { checkBuckets, migrate } from "./migrator.ts";
import { SqlNodeStore } from "./node-store.ts";
import { SqlScheduleStore } from "./schedule-store.ts";
import { tablesOf, type Tables } from "./tables.ts";
import { NotifyWakeBus } from "./wake-bus.ts";

export interface SqlStoreOptions {
  /** Name of the database schema. Default: `workflow_core`. */
  readonly schema?: string;
  /** `auto` (default) brings the schema up to date; `check` refuses one that is not, and issues no DDL. */
  readonly migrate?: "auto" | "check";
  /** For a new schema: into how many buckets instances are spread. Default: 64. It can never be changed. */
  readonly buckets?: number;
  /** The clock is a row that tests move. */
  readonly testClock?: boolean;
  /** No other process can be using this database. */
  readonly alone?: boolean;
  /** Most rows of one batch. Default: 500. */
  readonly batchRows?: number;
  /** For servers that lack something, and for tests. Default: all there is; LISTEN and NOTIFY unless `alone`. */
  readonly capabilities?: ServerCapabilities;
}

export const defaultSchema = "workflow_core";

const defaultBatchRows = 500;

const capabilityFields = fieldsOf<ServerCapabilities>({
  skipLocked: true,
  listenNotify: true,
  namedStatements: true,
  partialIndexes: true,
});

const nobody = "00000000-0000-0000-0000-000000000000";

/** The engine's store in SQL, on whatever `Database` it is given. */
export class SqlEngineStore implements EngineStore {
  readonly name: string;
  readonly capabilities: Capabilities;
  readonly alone: boolean;
  readonly hasOneSession: boolean;
  readonly batchRows: number;
  readonly nodes: SqlNodeStore;
  readonly instances: SqlInstanceStore;
  readonly events: SqlEventStore;
  readonly definitions: SqlDefinitionStore;
  readonly schedules: SqlScheduleStore;
  readonly wakes: WakeBus | null;
  readonly tables: Tables;
  private readonly database: Database;
  private readonly env: Environment;
  private readonly options: SqlStoreOptions;
  private bucketCount: number;
  private isReady = false;
  private opening = 0;

  constructor(database: Database, env: Environment, options: SqlStoreOptions = {}) {
    this.database = database;
    this.env = env;
    this.options = options;
    this.bucketCount = checkBucketCount(options.buckets ?? defaultBuckets);
    checkChoice(options.migrate, "migrate", ["auto", "check"]);
    checkKind(options.testClock, "testClock", "boolean");
    const { skipLocked = true, partialIndexes = true, listenNotify } = capabilitiesOf(options.capabilities);
    const { testClock = false } = options;
    this.tables = tablesOf(options.schema ?? defaultSchema, { testClock, skipLocked, partialIndexes });
    this.name = database.kind;
    this.alone = options.alone === true;
    this.hasOneSession = database.kind === "pglite";
    this.batchRows = options.batchRows ?? defaultBatchRows;
    const buckets = (): number => this.bucketCount;
    this.nodes = new SqlNodeStore(database, this.tables, env, buckets);
    this.instances = new SqlInstanceStore(database, this.tables, env, buckets);
    this.events = new SqlEventStore(database, this.tables, env);
    this.definitions = new SqlDefinitionStore(database, this.tables, env);
    this.schedules = new SqlScheduleStore(database, this.tables, env);
    this.wakes = (listenNotify ?? !this.alone) ? new NotifyWakeBus(database, this.tables, env) : null;
    this.capabilities = {
      skipLocked,
      listenNotify: this.wakes !== null,
      namedStatements: database.named,
      partialIndexes,
      transactions: true,
    };
  }

  get lanes(): number {
    return this.database.lanes;
  }

  get sideLane(): number | undefined {
    return this.database.sideLane;
  }

  get buckets(): number {
    return this.bucketCount;
  }

  async initialize(): Promise<void> {
    this.opening += 1;
    try {
      await this.database.open();
      const meta = await migrate(this.database, this.tables, this.env, {
        mode: this.options.migrate ?? "auto",
        buckets: this.bucketCount,
        testClock: this.options.testClock === true,
      });
      checkBuckets(this.options.buckets, meta);
      this.bucketCount = meta.buckets;
      this.isReady = true;
    } finally {
      this.opening -= 1;
      if (!this.isReady && this.opening === 0) await this.database.close().catch(() => undefined); // nobody closes what did not open
    }
  }

  /** An empty batch of each kind on every lane: so there are sessions that know the statements. */
  async warmUp(): Promise<void> {
    const { instances } = this;
    const lanes = Array.from({ length: this.lanes }, async (_, lane) => {
      await instances.start(nobody, [], lane);
      await instances.commit([], lane);
    });
    await Promise.all(lanes);
  }

  close(): Promise<void> {
    return this.database.close();
  }

  /** Starts and events inside a caller's own transaction, on the client that holds it. `notify` (default: where hints exist): a
   *  hint rides in the transaction. */
  inside(client: TransactionSession, notify: boolean = this.wakes !== null): CallerTransaction {
    return new CallerTransaction(this.tables, client, notify);
  }
}

const mostBuckets = 4096;

/** What is said of a server. Throws `InvalidRequestError`. */
export function capabilitiesOf(given: ServerCapabilities = {}): ServerCapabilities {
  checkKnown(given, "capabilities", capabilityFields);
  const capabilities = pick(given, capabilityFields);
  for (const [name, value] of Object.entries(capabilities)) checkKind(value, `capabilities.${name}`, "boolean");
  return capabilities;
}

function checkBucketCount(buckets: number): number {
  if (Number.isInteger(buckets) && buckets >= 1 && buckets <= mostBuckets) return buckets;
  throw new InvalidRequestError("buckets", `must be a whole number from 1 to ${mostBuckets}`);
}
