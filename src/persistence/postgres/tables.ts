import { checkSchemaName } from "../../models/identity.ts";

/** The names of one schema's tables, qualified and quoted, and its clock. Nothing else is ever spliced into a statement. */
export interface Tables {
  readonly schema: string;
  /** The quoted name of the schema alone. */
  readonly namespace: string;
  readonly meta: string;
  readonly migration: string;
  readonly node: string;
  readonly instance: string;
  readonly pointer: string;
  readonly history: string;
  readonly inbox: string;
  readonly event: string;
  readonly subscription: string;
  readonly definition: string;
  readonly schedule: string;
  readonly trigger: string;
  /** The row that is the clock in tests. */
  readonly testClock: string;
  /** SQL for the present: a timestamptz. Not for CASE or COALESCE of an UPDATE: compute it in the derived table there. */
  readonly clock: string;
  /** SQL for the present in milliseconds since the epoch. */
  readonly clockMs: string;
  /** SQL for the number that an event gets with its delivery. It goes up in the order in which it is asked for. */
  readonly nextEventNumber: string;
  /** Statements may say SKIP LOCKED. */
  readonly skipLocked: boolean;
  /** Indexes may have a condition. */
  readonly partialIndexes: boolean;
}

export interface TableOptions {
  readonly testClock?: boolean;
  readonly skipLocked?: boolean;
  readonly partialIndexes?: boolean;
}

export function tablesOf(schemaName: string, options: TableOptions = {}): Tables {
  const schema = checkSchemaName(schemaName);
  const table = (name: string): string => `"${schema}"."${name}"`;
  const testClock = table("clock");
  // Not now(), which stands still from BEGIN on.
  const clock = options.testClock === true ? `(select at from ${testClock})` : "statement_timestamp()";
  return {
    schema,
    namespace: `"${schema}"`,
    meta: table("meta"),
    migration: table("migration"),
    node: table("node"),
    instance: table("instance"),
    pointer: table("pointer"),
    history: table("history"),
    inbox: table("inbox"),
    event: table("event"),
    subscription: table("subscription"),
    definition: table("definition"),
    schedule: table("schedule"),
    trigger: table("trigger"),
    testClock,
    clock,
    clockMs: toMs(clock),
    nextEventNumber: `nextval('${eventNumbers(`"${schema}"`)}')`,
    skipLocked: options.skipLocked ?? true,
    partialIndexes: options.partialIndexes ?? true,
  };
}

/** The number of an event that was not delivered yet: above all others, so that whoever looks for later ones finds it. */
export const undelivered = "9223372036854775807";

/** What the index of events by time asks for: it holds for all of them. */
export const dated = (column: string): string => `${column} > '-infinity'`;

/** The sequence that numbers events, in the quoted schema. */
export const eventNumbers = (namespace: string): string => `${namespace}."event_number"`;

/** SQL that turns a timestamptz into milliseconds since the epoch; doubles hold today's instants to the microsecond. */
export const toMs = (expression: string): string => `(extract(epoch from ${expression}) * 1000)::float8`;

/** Every table of the schema but the clock of tests, by its plain name. */
export function allTables(t: Tables): ReadonlyMap<string, string> {
  const prefix = `${t.namespace}.`;
  const qualified = Object.values(t).filter(
    (name): name is string => typeof name === "string" && name.startsWith(prefix),
  );
  const names = qualified.filter((name) => name !== t.testClock);
  return new Map(names.map((name) => [name.slice(prefix.length + 1, -1), name]));
}
