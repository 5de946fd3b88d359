import type { Environment } from "../../models/environment.ts";
import type { Database, Statement } from "../database.ts";
import type { DefinitionRow, DefinitionStore, TriggerRow } from "../provider.ts";
import { plain, quoted } from "./columns.ts";
import { retrying } from "../retrying.ts";
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

/** Nodes that register different versions at once meet at the row, and the highest stays. The event counts from when a version first
 *  named it, without a gap from one version to the next. */
const putTriggers = (t: Tables, rows: readonly TriggerRow[]): Statement => ({
  name: "definition-trigger",
  text: `insert into ${t.trigger} as g (definition, version, event, since)
    select u.definition, u.version, u.event, ${t.clock}
    from unnest($1::text[], $2::int[], $3::text[]) as u(definition, version, event) order by u.definition
    on conflict (definition) do update set version = excluded.version, event = excluded.event,
      since = case when g.event is not distinct from excluded.event then g.since else excluded.since end
    where g.version < excluded.version or (g.version = excluded.version and g.event is distinct from excluded.event)`,
  values: [quoted(rows, (row) => row.definition), plain(rows, (row) => row.version), quoted(rows, (row) => row.event)],
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

  async trigger(rows: readonly TriggerRow[]): Promise<void> {
    if (rows.length > 0) await this.run(putTriggers(this.tables, rows));
  }

  private run<R>(statement: Statement): Promise<readonly R[]> {
    return retrying(this.env, () => this.database.query<R>(statement));
  }
}
