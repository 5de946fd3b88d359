import type { Environment } from "../../../models/environment.ts";
import { statusCodes } from "../../../models/instance.ts";
import type { Database, Statement } from "../../database.ts";
import type { InstanceRef } from "../../provider.ts";
import type { PurgeBatch, RecordUpkeep } from "../../record-tables.ts";
import { inKeyOrder, passingBy } from "../picking.ts";
import { retrying } from "../../retrying.ts";
import type { Tables } from "../tables.ts";
import { fromMs } from "./columns.ts";
import { deleteInstances, lockInstances } from "./instance-statements.ts";

/** Along the index of ends. What has ended never changes, so nothing is locked yet. */
const endedInstances = (t: Tables, which: PurgeBatch): Statement => ({
  name: "record-purge-find",
  text: `select w.bucket, w.id from ${t.instance} w
    where w.completed_at < ${fromMs("$1::float8")} and w.status = any($2::smallint[])
      and ($3::text is null or w.definition = $3)
    order by w.completed_at limit $4`,
  values: [which.endedBefore, which.statuses.map((status) => statusCodes[status]), which.definition, which.limit],
});

const purgeEvents = (t: Tables, before: number, limit: number): Statement => ({
  name: "record-purge-events",
  text: `with old as materialized (
      select bucket, id from ${t.event} where published_at < ${fromMs("$1::float8")} order by published_at limit $2${passingBy(t, "for update")}),
    gone as (delete from ${t.event} e using ${inKeyOrder(t, "old")} old where e.bucket = old.bucket and e.id = old.id returning 1)
    select count(*)::int as deleted from gone`,
  values: [before, limit],
});

const purgeSubscriptions = (t: Tables, before: number, limit: number): Statement => ({
  name: "record-purge-subscriptions",
  text: `with old as materialized (
      select s.bucket, s.topic, s.instance, s.path from ${t.subscription} s
      left join ${t.instance} w on w.bucket = s.instance_bucket and w.id = s.instance
      where s.created_at < ${fromMs("$1::float8")} and coalesce(w.status, 2) >= 2 limit $2${passingBy(t, "for update of s")}),
    gone as (
      delete from ${t.subscription} s using ${inKeyOrder(t, "old", "bucket, topic, instance, path")} old
      where s.bucket = old.bucket and s.topic = old.topic and s.instance = old.instance and s.path = old.path returning 1)
    select count(*)::int as deleted from gone`,
  values: [before, limit],
});

interface Deleted {
  readonly deleted: number;
}

export class SqlRecordUpkeep implements RecordUpkeep {
  private readonly database: Database;
  private readonly t: Tables;
  private readonly env: Environment;

  constructor(database: Database, t: Tables, env: Environment) {
    this.database = database;
    this.t = t;
    this.env = env;
  }

  purgeInstances(which: PurgeBatch): Promise<number> {
    return retrying(this.env, () =>
      this.database.transaction(async (session) => {
        const found = await session.query<InstanceRef>(endedInstances(this.t, which));
        if (found.length === 0) return 0;
        const refs = await session.query<InstanceRef>(lockInstances(this.t, found));
        const [answer] = await session.query<Deleted>(deleteInstances(this.t, refs));
        return answer?.deleted ?? 0;
      }),
    );
  }

  purgeEvents(before: number, limit: number): Promise<number> {
    return this.deleted(purgeEvents(this.t, before, limit));
  }

  purgeSubscriptions(before: number, limit: number): Promise<number> {
    return this.deleted(purgeSubscriptions(this.t, before, limit));
  }

  async optimize(vacuum: boolean): Promise<void> {
    const { t } = this;
    for (const table of [t.instance, t.pointer, t.history, t.inbox, t.event, t.subscription, t.node, t.definition])
      await this.run({ name: "", text: `${vacuum ? "vacuum (analyze)" : "analyze"} ${table}`, values: [] });
  }

  async ask(): Promise<{ readonly now: number; readonly version: string }> {
    const text = `select ${this.t.clockMs} as now, current_setting('server_version') as version, (select count(*) from ${this.t.meta}) as meta`;
    const [answer] = await this.database.query<{ readonly now: number; readonly version: string }>({
      name: "record-ask",
      text,
      values: [],
    });
    return { now: answer?.now ?? 0, version: answer?.version ?? "" };
  }

  private async deleted(statement: Statement): Promise<number> {
    const [answer] = await this.run<Deleted>(statement);
    return answer?.deleted ?? 0;
  }

  private run<R>(statement: Statement): Promise<readonly R[]> {
    return retrying(this.env, () => this.database.query<R>(statement));
  }
}
