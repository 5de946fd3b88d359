import type { Statement } from "../database.ts";
import type { InstanceRef } from "../provider.ts";
import type { Firing, ScheduleRow } from "../schedule-store.ts";
import { toMs, type Tables } from "./tables.ts";

/** A row as it is read; the names are those of `StoredSchedule`. */
const columnsOf = (
  t: Tables,
): string => `s.id, s.definition, s.version, s.queues, s.paused, s.revision, s.started, s.skipped,
      s.spec, s.data, ${toMs("s.next_at")} as "nextAt", ${toMs("s.last_at")} as "lastAt", s.last_run as "lastRun",
      ${toMs("s.created_at")} as "createdAt", ${toMs("s.updated_at")} as "updatedAt", ${t.clockMs} as now,
      ${lastRunIsOver(t)} as "lastRunIsOver"`;

/** A run that retention has deleted was over. */
const lastRunIsOver = (t: Tables): string => `coalesce(s.last_run is null or
      (select i.status >= 2 from ${t.instance} i where i.bucket = s.last_bucket and i.id = s.last_run), true)`;

const values = (row: ScheduleRow): readonly unknown[] => [
  row.id,
  row.definition,
  row.version,
  row.queues,
  row.paused,
  row.nextAt,
  row.spec,
  row.data,
];

/** Two creators meet at the primary key; the later one gets no row. */
export const insertSchedule = (t: Tables, row: ScheduleRow): Statement => ({
  name: "schedule-insert",
  text: `insert into ${t.schedule} (id, definition, version, queues, paused, next_at, spec, data, created_at, updated_at)
    values ($1, $2, $3, $4, $5, to_timestamp($6::float8 / 1000), $7::jsonb, $8::jsonb, ${t.clock}, ${t.clock})
    on conflict (id) do nothing returning id`,
  values: values(row),
});

/** Fenced by the revision: a tick that was carried out meanwhile refuses a change that was made without knowing of it. */
export const changeSchedule = (t: Tables, row: ScheduleRow, revision: number): Statement => ({
  name: "schedule-change",
  text: `update ${t.schedule} set definition = $2, version = $3, queues = $4, paused = $5, next_at = to_timestamp($6::float8 / 1000),
      spec = $7::jsonb, data = $8::jsonb, updated_at = ${t.clock}, revision = revision + 1
    where id = $1 and revision = $9 returning id`,
  values: [...values(row), revision],
});

export const deleteSchedule = (t: Tables, id: string): Statement => ({
  name: "schedule-delete",
  text: `delete from ${t.schedule} where id = $1 returning id`,
  values: [id],
});

export const readSchedule = (t: Tables, id: string): Statement => ({
  name: "schedule-read",
  text: `select ${columnsOf(t)} from ${t.schedule} s where s.id = $1`,
  values: [id],
});

export const listSchedules = (t: Tables, after: string, limit: number): Statement => ({
  name: "schedule-list",
  text: `select ${columnsOf(t)} from ${t.schedule} s where s.id > $1 order by s.id limit $2`,
  values: [after, limit],
});

export const scheduleClock = (t: Tables): Statement => ({
  name: "schedule-clock",
  text: `select ${t.clockMs} as now,
      (select ${toMs("min(next_at)")} from ${t.schedule} where next_at <= ${t.clock}) as "dueAt",
      (select ${toMs("min(next_at)")} from ${t.schedule} where next_at > ${t.clock}) as "laterAt"`,
  values: [],
});

export const dueSchedules = (t: Tables, limit: number): Statement => ({
  name: "schedule-due",
  text: `select ${columnsOf(t)} from ${t.schedule} s
    where s.next_at <= ${t.clock} and (not s.queues or ${lastRunIsOver(t)}) order by s.next_at limit $1`,
  values: [limit],
});

/** Of two nodes that carry out one tick the later one waits for the row, then finds another revision and changes nothing. */
export const moveSchedule = (t: Tables, { id, revision, nextAt, tickAt, start }: Firing<InstanceRef>): Statement => ({
  name: "schedule-move",
  text: `update ${t.schedule} set revision = revision + 1, next_at = to_timestamp($3::float8 / 1000),
      last_at = coalesce(to_timestamp($4::float8 / 1000), last_at), last_bucket = coalesce($5::int, last_bucket),
      last_run = coalesce($6::uuid, last_run), started = started + $7::int, skipped = skipped + $8::int
    where id = $1 and revision = $2 returning id`,
  values: [
    id,
    revision,
    nextAt,
    tickAt,
    start?.bucket ?? null,
    start?.id ?? null,
    start === null ? 0 : 1,
    start === null ? 1 : 0,
  ],
});
