import { dated, eventNumbers, type Tables, undelivered } from "./tables.ts";

/** One step of the schema's history. Engines before it can work on, and each statement may be run again: whoever was cut off is simply repeated. */
export interface Migration {
  readonly version: number;
  readonly name: string;
  statements(t: Tables): readonly string[];
}

/** What this engine reads and writes. A database whose `min_engine` is above it is refused. */
export const engineLevel = 1;

export const defaultBuckets = 64;

/**
 * The initial schema.
 *
 * - `bucket` leads every primary key, so that the tables can be distributed by it.
 * - No column that changes at a plain step stands in a key or in the predicate of an index of `instance`: its updates stay HOT.
 *   Start, park, claim and finish change `owner` or `due_at` and touch the small partial indexes: what is due, and what is open, which
 *   finds a dead node's instances and counts those that have not ended. An end adds its instance to those that have, by time.
 * - Finished pointers are the history of steps; `history` holds only what is not a step.
 */
const initialSchema: Migration = {
  version: 1,
  name: "initial_schema",
  statements: (t) => [
    ...nodeTables(t),
    ...instanceTables(t),
    ...hangingTables(t),
    ...inboxTables(t),
    ...eventTables(t),
    ...scheduleTables(t),
  ],
};

/** Which event starts a definition. One small row a definition, also for those that none starts: so versions meet at a row. */
const triggers: Migration = {
  version: 2,
  name: "triggers",
  statements: (t) => [
    `create table if not exists ${t.trigger} (
  definition text collate "C" primary key,
  version int not null,
  event text collate "C",
  since timestamptz not null)`,
    `create index if not exists trigger_event on ${t.trigger} (event)`,
  ],
};

/** What runs are looked for by. None of it changes at a step, and a run without labels that does not fail has no entry in any of these. */
const labels: Migration = {
  version: 3,
  name: "labels",
  statements: (t) => [
    partly(t, `instance_reference on ${t.instance}`, {
      columns: "reference, created_at",
      when: "reference is not null",
    }),
    partly(t, `instance_correlation on ${t.instance}`, {
      columns: "correlation_id, created_at",
      when: "correlation_id is not null",
    }),
    partly(t, `instance_tags on ${t.instance} using gin`, { columns: "tags jsonb_path_ops", when: "tags is not null" }),
    partly(t, `instance_failed on ${t.instance}`, {
      columns: "created_at",
      when: "status >= 3",
      otherwise: "status, created_at",
    }),
  ],
};

/**
 * Up to which event of its topic an instance has been given all: so a wait that comes again and again looks at what is new. Where it is
 * null nothing is known, and everything is looked at: rows of earlier engines, and subscriptions that were written as records. What an
 * earlier engine delivers from now on keeps the number of what is not delivered, and is looked at until it is purged.
 */
const hearing: Migration = {
  version: 4,
  name: "hearing",
  statements: (t) => [
    `create sequence if not exists ${eventNumbers(t.namespace)}`,
    // Whoever may use the schema and write its tables may number: rights that were given table by table go on to suffice.
    `grant usage on sequence ${eventNumbers(t.namespace)} to public`,
    // What was delivered before is below all numbers, and costs nobody a look who has heard it.
    `alter table ${t.event} add column if not exists number bigint not null default 0`,
    `alter table ${t.event} alter column number set default ${undelivered}`,
    `update ${t.event} set number = ${undelivered} where number = 0 and not looked`,
    `alter table ${t.subscription} add column if not exists heard bigint`,
    `alter table ${t.inbox} add column if not exists heard bigint`,
    `create index if not exists event_of_topic on ${t.event} (topic, number)`,
    // Led by the topic alone: by an index that begins with the bucket a plan made on a tiny table may look for events by their id.
    // Every row is in it, but only who says its condition can use it, so that nobody looks by time who has a number to look by.
    partly(t, `event_since on ${t.event}`, { columns: "topic, published_at", when: dated("published_at") }),
    `drop index if exists ${t.namespace}.event_topic`,
  ],
};

export const migrations: readonly Migration[] = [initialSchema, triggers, labels, hearing];

export const schemaVersion: number = migrations.length;

/** What must exist before any migration can be counted or guarded. */
export const groundStatements = (t: Tables): readonly string[] => [
  `create schema if not exists ${t.namespace}`,
  `create table if not exists ${t.meta} (
  id boolean primary key default true check (id),
  schema_version int not null,
  min_engine int not null,
  buckets int not null,
  created_at timestamptz not null default statement_timestamp())`,
  `create table if not exists ${t.migration} (
  id boolean primary key default true check (id),
  owner uuid not null,
  expires_at timestamptz not null)`,
];

/** An index of some rows; where the server has none such, of all rows, led by what tells those apart. */
const partly = (
  t: Tables,
  nameOnTable: string,
  {
    columns,
    when,
    otherwise = columns,
  }: { readonly columns: string; readonly when: string; readonly otherwise?: string },
): string =>
  `create index if not exists ${nameOnTable} ${t.partialIndexes ? `(${columns}) where ${when}` : `(${otherwise})`}`;

const nodeTables = (t: Tables): readonly string[] => [
  `create table if not exists ${t.node} (
  id uuid primary key,
  label text not null,
  engine text not null,
  state text not null check (state in ('live', 'draining', 'dead', 'stopped')),
  beat bigint not null default 0,
  beat_at timestamptz not null,
  definitions jsonb not null,
  created_at timestamptz not null,
  ended_at timestamptz) with (fillfactor = 50)`,
];

const instanceTables = (t: Tables): readonly string[] => [
  `create table if not exists ${t.instance} (
  bucket int not null,
  id uuid not null,
  owner uuid,
  epoch bigint not null default 0,
  revision bigint not null default 0,
  inbox_seq bigint not null default 0,
  due_at timestamptz,
  created_at timestamptz not null,
  turned_at timestamptz not null,
  touched_at timestamptz,
  completed_at timestamptz,
  version int not null,
  status smallint not null default 0,
  crashes smallint not null default 0,
  lane boolean not null default false,
  blocked boolean not null default false,
  definition text not null,
  frontier jsonb not null,
  data jsonb,
  result jsonb,
  failure jsonb,
  reason text,
  key text,
  input_hash text,
  reference text,
  description text,
  correlation_id text,
  tags jsonb,
  primary key (bucket, id)) with (fillfactor = 45, autovacuum_vacuum_scale_factor = 0.05)`,
  `create index if not exists instance_created on ${t.instance} (created_at)`,
  partly(t, `instance_due on ${t.instance}`, { columns: "bucket, due_at", when: "due_at is not null" }),
  partly(t, `instance_open on ${t.instance}`, { columns: "bucket, owner, status", when: "completed_at is null" }),
  partly(t, `instance_ended on ${t.instance}`, { columns: "completed_at", when: "completed_at is not null" }),
  partly(t, `instance_blocked on ${t.instance}`, {
    columns: "bucket, definition, version",
    when: "blocked",
    otherwise: "blocked, bucket, definition, version",
  }),
];

/** What hangs on an instance. */
const hangingTables = (t: Tables): readonly string[] => [
  `create table if not exists ${t.pointer} (
  bucket int not null,
  instance uuid not null,
  path text collate "C" not null,
  seq int not null,
  attempts int not null,
  status smallint not null,
  took_ms bigint not null,
  ended_at timestamptz not null,
  input jsonb,
  outcome jsonb,
  patch jsonb,
  failure jsonb,
  below jsonb,
  resolved_at timestamptz,
  primary key (bucket, instance, path))`,
  `create table if not exists ${t.history} (
  bucket int not null,
  instance uuid not null,
  revision bigint not null,
  n int not null,
  at timestamptz not null,
  kind text not null,
  path text,
  detail jsonb,
  resolved_at timestamptz,
  primary key (bucket, instance, revision, n))`,
];

const inboxTables = (t: Tables): readonly string[] => [
  `create table if not exists ${t.inbox} (
  bucket int not null,
  instance uuid not null,
  source text collate "C" not null,
  seq bigint not null,
  created_at timestamptz not null,
  kind text not null,
  taken boolean not null default false,
  topic uuid,
  payload jsonb,
  primary key (bucket, instance, source))`,
  partly(t, `inbox_open on ${t.inbox}`, {
    columns: "bucket, instance",
    when: "not taken",
    otherwise: "bucket, instance, taken",
  }),
  partly(t, `inbox_taken on ${t.inbox}`, { columns: "created_at", when: "taken", otherwise: "taken, created_at" }),
];

const eventTables = (t: Tables): readonly string[] => [
  `create table if not exists ${t.event} (
  bucket int not null,
  id uuid not null,
  topic uuid not null,
  published_at timestamptz not null,
  looked boolean not null default false,
  name text not null,
  key text,
  data jsonb,
  processed_at timestamptz,
  primary key (bucket, id)) with (fillfactor = 80)`,
  `create index if not exists event_topic on ${t.event} (bucket, topic, published_at)`,
  `create index if not exists event_age on ${t.event} (published_at)`,
  partly(t, `event_unlooked on ${t.event}`, {
    columns: "bucket, id",
    when: "not looked",
    otherwise: "looked, bucket, id",
  }),
  `create table if not exists ${t.subscription} (
  bucket int not null,
  topic uuid not null,
  instance uuid not null,
  path text collate "C" not null,
  instance_bucket int not null,
  since timestamptz not null,
  created_at timestamptz not null,
  looked boolean not null default false,
  name text not null,
  key text,
  primary key (bucket, topic, instance, path)) with (fillfactor = 80)`,
  `create table if not exists ${t.definition} (
  id text collate "C" not null,
  version int not null,
  fingerprint text not null,
  graph jsonb not null,
  registered_at timestamptz not null,
  primary key (id, version))`,
  `create index if not exists subscription_instance on ${t.subscription} ((instance::text))`,
  partly(t, `subscription_unlooked on ${t.subscription}`, {
    columns: "bucket, topic, instance, path",
    when: "not looked",
    otherwise: "looked, bucket, topic, instance, path",
  }),
];

const scheduleTables = (t: Tables): readonly string[] => [
  `create table if not exists ${t.schedule} (
  id text collate "C" primary key,
  revision bigint not null default 0,
  next_at timestamptz,
  last_at timestamptz,
  last_run uuid,
  last_bucket int,
  version int not null,
  queues boolean not null,
  paused boolean not null,
  started bigint not null default 0,
  skipped bigint not null default 0,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  definition text not null,
  spec jsonb not null,
  data jsonb not null) with (fillfactor = 50)`,
  partly(t, `schedule_due on ${t.schedule}`, { columns: "next_at", when: "next_at is not null" }),
];

/** The table whose only row is the clock of tests that hold time in their hands. */
export const testClockStatements = (t: Tables): readonly string[] => [
  `create table if not exists ${t.testClock} (id boolean primary key default true check (id), at timestamptz not null)`,
  `insert into ${t.testClock} (at) values (statement_timestamp()) on conflict (id) do nothing`,
];

/** The whole schema as one script, for those who migrate by hand. */
export function schemaScript(t: Tables): string {
  const statements = [
    ...groundStatements(t),
    ...migrations.flatMap((migration) => migration.statements(t)),
    `insert into ${t.meta} (schema_version, min_engine, buckets)
values (${schemaVersion}, ${engineLevel}, ${defaultBuckets})
on conflict (id) do nothing`,
  ];
  return `-- The schema of Workflow Core for TypeScript, version ${schemaVersion}. Generated by scripts/write-migrations.mjs: do not edit.
-- \`initialize()\` does the same by itself. By hand: psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -f migrations/001_initial_schema.sql
-- and then start with \`migrate: "check"\`. For another schema, replace its name throughout.

${statements.join(";\n\n")};
`;
}
