import type { Environment } from "../../models/environment.ts";
import type { Database, Statement } from "../database.ts";
import type { DefinitionRow, DefinitionStore } from "../provider.ts";
import { retrying } from "./retrying.ts";
import type { Tables } from "./tables.ts";

/** Of two nodes that register at once one inserts; the other, after it, reads what is there. */
const insertDefinition = (t: Tables, row: DefinitionRow): Statement => ({
  name: "definition-insert",
  text: `insert into ${t.definition} (id, version, fingerprint, graph, registered_at) values ($1, $2, $3, $4::jsonb, ${t.clock})
    on conflict (id, version) do nothing`,
  values: [row.id, row.version, row.fingerprint, JSON.stringify(row.graph)],
});

const readDefinition = (t: Tables, row: DefinitionRow): Statement => ({
  name: "definition-read",
  text: `select id, version, fingerprint, graph from ${t.definition} where id = $1 and version = $2`,
  values: [row.id, row.version],
});

const replaceDefinition = (t: Tables, row: DefinitionRow): Statement => ({
  name: "definition-replace",
  text: `update ${t.definition} set fingerprint = $3, graph = $4::jsonb, registered_at = ${t.clock} where id = $1 and version = $2`,
  values: [row.id, row.version, row.fingerprint, JSON.stringify(row.graph)],
});

/** Definitions as they were registered. */
export class SqlDefinitionStore implements DefinitionStore {
  private readonly database: Database;
  private readonly tables: Tables;
  private readonly env: Environment;

  constructor(database: Database, tables: Tables, env: Environment) {
    this.database = database;
    this.tables = tables;
    this.env = env;
  }

  async register(row: DefinitionRow): Promise<DefinitionRow> {
    await this.run(insertDefinition(this.tables, row));
    const [stored] = await this.run<DefinitionRow>(readDefinition(this.tables, row));
    return stored ?? row;
  }

  async replace(row: DefinitionRow): Promise<void> {
    await this.run(replaceDefinition(this.tables, row));
  }

  private run<R>(statement: Statement): Promise<readonly R[]> {
    return retrying(this.env, () => this.database.query<R>(statement));
  }
}
