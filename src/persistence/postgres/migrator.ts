import type { Environment } from "../../models/environment.ts";
import { SchemaOutdatedError } from "../../models/errors-storage.ts";
import { InvalidRequestError } from "../../models/errors.ts";
import type { Database } from "../database.ts";
import {
  engineLevel,
  groundStatements,
  migrations,
  schemaVersion,
  testClockStatements,
  type Migration,
} from "./migrations.ts";
import { sqlStateOf } from "./sql-state.ts";
import type { Tables } from "./tables.ts";

export interface MigrateOptions {
  /** `auto` brings the schema up to date; `check` refuses one that is not, and issues no DDL. */
  readonly mode: "auto" | "check";
  /** For a new schema: the number of buckets. It can never be changed. */
  readonly buckets: number;
  readonly testClock: boolean;
}

export interface Meta {
  readonly version: number;
  readonly minEngine: number;
  readonly buckets: number;
}

const leaseMs = 60_000;
const waitMs = 100;
const patienceMs = 120_000;

/** Brings the schema to this engine's version, or says why it cannot be used. Any number of processes may do so at once. */
export async function migrate(database: Database, t: Tables, env: Environment, options: MigrateOptions): Promise<Meta> {
  const runner = new Migrator(database, t, env);
  let meta = await runner.readMeta();
  if (options.mode === "auto" && (meta === undefined || meta.version < schemaVersion))
    meta = await runner.bringUp(options.buckets);
  if (meta === undefined || meta.version < schemaVersion)
    throw new SchemaOutdatedError(t.schema, meta?.version ?? 0, schemaVersion);
  if (meta.minEngine > engineLevel) throw new SchemaOutdatedError(t.schema, meta.version, schemaVersion);
  if (options.testClock) await runner.run(testClockStatements(t));
  return meta;
}

/** The caller asked for a number of buckets and the schema has another one. */
export function checkBuckets(wanted: number | undefined, meta: Meta): void {
  if (wanted === undefined || wanted === meta.buckets) return;
  throw new InvalidRequestError(
    "buckets",
    `is ${wanted}, but this schema was made with ${meta.buckets}, which cannot be changed`,
  );
}

class Migrator {
  private readonly database: Database;
  private readonly t: Tables;
  private readonly env: Environment;
  private readonly owner: string;

  constructor(database: Database, t: Tables, env: Environment) {
    this.database = database;
    this.t = t;
    this.env = env;
    this.owner = env.uuid();
  }

  async readMeta(): Promise<Meta | undefined> {
    try {
      const [row] = await this.database.query<Meta>({
        name: "",
        text: `select schema_version as version, min_engine as "minEngine", buckets from ${this.t.meta}`,
        values: [],
      });
      return row;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  /** Waits for its turn, or until another process has done the work. */
  async bringUp(buckets: number): Promise<Meta | undefined> {
    await this.run(groundStatements(this.t));
    await this.putMeta(buckets);
    const began = this.env.monotonic();
    for (;;) {
      const meta = await this.readMeta();
      if (meta !== undefined && meta.version >= schemaVersion) return meta;
      if (await this.takeLease()) break;
      if (this.env.monotonic() - began > patienceMs) return meta;
      await this.env.sleep(waitMs * (0.5 + this.env.random()));
    }
    try {
      return await this.apply();
    } finally {
      await this.giveLease();
    }
  }

  private async apply(): Promise<Meta | undefined> {
    const meta = await this.readMeta();
    for (const migration of migrations.slice(meta?.version ?? 0)) await this.migrateOne(migration);
    return this.readMeta();
  }

  private async migrateOne(migration: Migration): Promise<void> {
    await this.takeLease(); // prolongs it
    await this.run(migration.statements(this.t));
    await this.database.query({
      name: "",
      text: `update ${this.t.meta} set schema_version = $1 where schema_version < $1`,
      values: [migration.version],
    });
  }

  /** One statement a query. Two processes that create the same thing at once trip over each other in many ways; both try again. */
  async run(statements: readonly string[]): Promise<void> {
    for (const text of statements) await this.repeat(text);
  }

  private async repeat(text: string): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.database.query({ name: "", text, values: [] });
        return;
      } catch (error) {
        if (attempt === 20 || !racesOfCreation.has(sqlStateOf(error) ?? "")) throw error;
        await this.env.sleep(20 * attempt * this.env.random());
      }
    }
  }

  private async putMeta(buckets: number): Promise<void> {
    await this.database.query({
      name: "",
      text: `insert into ${this.t.meta} (schema_version, min_engine, buckets) values (0, $1, $2) on conflict (id) do nothing`,
      values: [engineLevel, buckets],
    });
  }

  private async takeLease(): Promise<boolean> {
    const rows = await this.database.query({
      name: "",
      text: `insert into ${this.t.migration} as m (owner, expires_at)
      values ($1, statement_timestamp() + $2::float8 * interval '1 ms')
      on conflict (id) do update set owner = excluded.owner, expires_at = excluded.expires_at
        where m.owner = excluded.owner or m.expires_at < statement_timestamp()
      returning owner`,
      values: [this.owner, leaseMs],
    });
    return rows.length > 0;
  }

  private async giveLease(): Promise<void> {
    await this.database.query({
      name: "",
      text: `delete from ${this.t.migration} where owner = $1`,
      values: [this.owner],
    });
  }
}

const isMissing = (error: unknown): boolean => ["42P01", "3F000"].includes(sqlStateOf(error) ?? "");

/** unique_violation, duplicate schema, table, object, type; tuple concurrently updated; deadlock, serialization, lock timeout; and
 *  what another process is about to create. */
const racesOfCreation: ReadonlySet<string> = new Set([
  "23505",
  "42P06",
  "42P07",
  "42710",
  "42723",
  "XX000",
  "40P01",
  "40001",
  "55P03",
  "42P01",
  "3F000",
]);
