import assert from "node:assert/strict";
import {
  defineWorkflow,
  event,
  type EventType,
  type Flow,
  PermanentError,
  type Step,
  transactionalStep,
  type WorkflowHost,
} from "../../src/index.ts";
import { type Arena, orphans, until } from "./arena.ts";

interface Order {
  readonly lines: readonly string[];
  readonly log: readonly string[];
}

const order: Order = { lines: ["a", "b", "c"], log: [] };
const key = "one";
const soon = { initial: 10, max: 20 } as const;

/** Does an act against a host; where that host may be cut off in the middle, the act is done again on another. */
export type Act = <R>(act: (host: WorkflowHost) => Promise<R>) => Promise<R>;

/** How often each plain body ran, by workflow and path. */
export type Runs = Map<string, number>;

/** Workflows that between them use everything, of a name of their own, so that hosts of one database do not share them. */
export function everything(name: string) {
  const runs: Runs = new Map();
  const count = (workflow: string, path: string): string => {
    const place = `${workflow}/${path}`;
    runs.set(place, (runs.get(place) ?? 0) + 1);
    return path;
  };
  const events = { early: event<number>(`early ${name}`), late: event<number>(`late ${name}`) };
  const workflows = {
    order: orderOf(name, events, count),
    failing: failingOf(name, count),
    resting: restingOf(name, events.late, count),
    ended: endedOf(name, events.late),
    started: startedOf(name, events.early, count),
  };
  return { name, events, workflows, all: Object.values(workflows), runs };
}

export type Everything = ReturnType<typeof everything>;
type Late = EventType<number>;
type Count = (workflow: string, path: string) => string;

/** Writes one row into the ledger, in the engine's own transaction. */
const record = (name: string): Step<unknown, string> =>
  transactionalStep(
    name,
    async (_: unknown, { tx, instanceId, path }) => {
      await tx.query("insert into ledger (run, step) values ($1, $2)", [instanceId, path]);
      return path;
    },
    { retry: soon },
  );

const orderOf = (
  name: string,
  { early, late }: { readonly early: EventType<number>; readonly late: Late },
  count: Count,
) =>
  defineWorkflow({ id: `order ${name}`, version: 1 }, (flow: Flow<Order>) =>
    flow
      .run("plain", (_, { path }) => count("order", path), {
        as: "plain",
        output: (data, result) => ({ log: [...data.log, result] }),
      })
      .then(record("book"), { as: "book" })
      .delay(10)
      .waitFor(early, { key: () => key, as: "first" })
      .waitFor(late, { key: () => key, as: "second" })
      .parallel(
        {
          left: (branch) => branch.run("left", (_, { path }) => count("order", path)),
          right: (branch) => branch.then(record("right")),
          rest: (branch) => branch.delay(5).run("rested", (_, { path }) => count("order", path)),
        },
        { as: "papers" },
      )
      .forEach(
        ({ lines }) => lines,
        (each) => each.run("pack", (line, { path }) => `${line} ${count("order", path)}`).then(record("ship")),
        { as: "parcels", concurrency: 2, output: (data, parcels) => ({ log: [...data.log, ...parcels] }) },
      )
      .returns((data, kept) => ({ ...kept, log: data.log })),
  );

const failingOf = (name: string, count: Count) =>
  defineWorkflow({ id: `failing ${name}`, version: 1 }, (flow: Flow<Order>) =>
    flow
      .then(record("charge"), { compensateWith: record("refund") })
      .run("pack", (_, { path }) => count("failing", path), {
        compensateWith: (_, { path }) => void count("failing", path),
      })
      .run("ship", () => {
        throw new PermanentError("no carrier");
      }),
  );

const restingOf = (name: string, late: Late, count: Count) =>
  defineWorkflow({ id: `resting ${name}`, version: 1 }, (flow: Flow<Order>) =>
    flow
      .waitFor(late, { key: () => key, as: "told" })
      .run("after", (_, { path }) => count("resting", path))
      .returns((_, { told }) => told),
  );

const endedOf = (name: string, late: Late) =>
  defineWorkflow({ id: `ended ${name}`, version: 1 }, (flow: Flow<Order>) =>
    flow.then(record("book")).waitFor(late, { key: () => "never", timeout: "1 hour" }),
  );

const startedOf = (name: string, early: EventType<number>, count: Count) =>
  defineWorkflow({ id: `started ${name}`, version: 1, startOn: early }, (flow) =>
    flow.run("plain", (_, { path }) => count("started", path)).then(record("book")),
  );

/** Starts all, meets every wait once before and once after it, suspends, resumes, terminates, and waits for the end of all. */
export async function drive(world: Arena, all: Everything, act: Act): Promise<void> {
  const { order: ordered, failing, resting, ended } = all.workflows;
  const options = { key };
  const { id } = await act((host) => host.startWorkflow(ordered, order, options));
  await act((host) => host.publishEvent(all.events.early, key, 1, { idempotencyKey: "early" }));
  const [rests, ends] = await Promise.all([
    act((host) => host.startWorkflow(resting, order, options)),
    act((host) => host.startWorkflow(ended, order, options)),
    act((host) => host.startWorkflow(failing, order, options)),
  ]);
  await Promise.all([waits(world, rests.id), waits(world, ends.id)]);
  await Promise.all([
    act((host) => host.getRun(rests.id).suspend("a rest")),
    act((host) => host.getRun(ends.id).terminate("enough")),
  ]);
  await waits(world, id);
  await until("suspended", () => is(world, rests.id, "status = 1"));
  await act((host) => host.publishEvent(all.events.late, key, 2, { idempotencyKey: "late" }));
  await act((host) => host.getRun(rests.id).resume());
  await until("started by the event", () => isStarted(world, all));
  await until("all over", async () => (await unfinished(world, all)).length === 0, 20_000);
}

/** Waits until the instance has a wait of its own in the database, or has ended. */
const waits = (world: Arena, id: string): Promise<void> =>
  until(`${id} waits`, () =>
    is(world, id, "status > 0 or exists (select from workflow_core.subscription s where s.instance = i.id)"),
  );

const is = async (world: Arena, id: string, condition: string): Promise<boolean> =>
  (await world.rows(`select from workflow_core.instance i where id = $1 and (${condition})`, [id])).length === 1;

const isStarted = async (world: Arena, { workflows }: Everything): Promise<boolean> =>
  (await world.rows("select from workflow_core.instance where definition = $1", [workflows.started.id])).length === 1;

const ofThese = "definition like '% ' || $1";

export const unfinished = (world: Arena, { name }: Everything): Promise<readonly object[]> =>
  world.rows(`${orphans} and ${ofThese}`, [name]);

/** How a run with a fault may differ from one without. */
export interface Leeway {
  /** A body saw the fault, and tried again. */
  readonly retried?: boolean;
  /** The caller got no answer, and asked again elsewhere; what nobody looked at yet waits for the sweep. */
  readonly asked?: boolean;
}

/**
 * What the engine's tables hold of these workflows, a line for each row, without what differs between runs: ids, times, and the
 * order in which what runs side by side finishes.
 */
export async function remains(
  world: Arena,
  { name }: Everything,
  { retried = false, asked = false }: Leeway = {},
): Promise<readonly string[]> {
  const these = `(select id from workflow_core.instance where ${ofThese})`;
  const leftOut = [...(retried ? ["retry"] : []), ...(asked ? ["suspend", "resume", "terminate"] : [])];
  const listed = leftOut.map((kind) => `'${kind}'`).join();
  const queries = {
    instance: `select id, definition, status, data, result, failure -> 'message' as failure, reason, crashes, lane, due_at, owner,
        case when status = 4 then frontier -> 'rollback' end as rollback from workflow_core.instance where ${ofThese}`,
    pointer: `select instance, path, status, ${retried ? "1 as attempts" : "attempts"}, input, outcome, patch,
        failure -> 'message' as failure, below from workflow_core.pointer where instance in ${these}`,
    history: `select instance, kind, path, detail from workflow_core.history
        where instance in ${these} and kind not in ('', ${listed || "''"})`,
    inbox: `select instance, kind, taken, payload from workflow_core.inbox
        where instance in ${these} and kind not in ('', ${listed || "''"})`,
    subscription: `select instance, path from workflow_core.subscription where instance in ${these}`,
    event: `select name as definition, key, ${asked ? "" : "looked,"} data from workflow_core.event where name like '% ' || $1`,
    ledger: `select run::uuid as instance, step from ledger where run::uuid in ${these}`,
  };
  const tables = await Promise.all(
    Object.entries(queries).map(async ([table, text]) => ({ table, rows: await world.rows<Row>(text, [name]) })),
  );
  const names = new Map(tables[0]?.rows.map(({ id, definition }) => [id, definition]));
  const line = (table: string, { id: _, instance, ...row }: Row): string =>
    `${table} ${JSON.stringify({ of: names.get(instance), ...row }).replaceAll(` ${name}`, "")}`;
  return tables.flatMap(({ table, rows }) => rows.map((row) => line(table, row))).sort();
}

type Row = Record<string, unknown>;

/** Lines that one has and the other has not, or not so often. */
export function differences(actual: readonly string[], expected: readonly string[]): readonly string[] {
  const less = (one: readonly string[], other: readonly string[], sign: string): string[] => {
    const left = [...other];
    return one.flatMap((line) =>
      left.includes(line) ? (left.splice(left.indexOf(line), 1), []) : [`${sign} ${line}`],
    );
  };
  return [...less(actual, expected, "+"), ...less(expected, actual, "-")];
}

/** Each plain body ran once, or, where its node was lost in between, at most so often. */
export function assertRuns({ runs }: Everything, expected: Runs, most: number): void {
  assert.deepEqual([...runs.keys()].sort(), [...expected.keys()].sort());
  for (const [place, times] of runs) assert.ok(times <= most, `${place} ran ${times} times`);
}
