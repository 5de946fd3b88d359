import { defineWorkflow, type Flow, type Transaction, transactionalStep } from "workflow-core";

/**
 * The shop's own tables, in a schema of their own in the database that the engine uses too. None has a unique key, on purpose:
 * a key would hide it if an effect could happen twice, and the audit is there to see it.
 */
const tables = [
  `create schema if not exists order_fulfilment`,
  `create table if not exists order_fulfilment.orders (
     id text not null, lines integer not null, total numeric(12, 2) not null, status text not null default 'open')`,
  `create table if not exists order_fulfilment.reservations (
     order_id text not null, sku text not null, quantity integer not null, status text not null default 'reserved')`,
  `create table if not exists order_fulfilment.ledger (
     order_id text not null, kind text not null, amount numeric(12, 2) not null)`,
  `create table if not exists order_fulfilment.files (name text primary key, first_started_at timestamptz not null)`,
  `create index if not exists orders_by_id on order_fulfilment.orders (id)`,
  `create index if not exists reservations_by_order on order_fulfilment.reservations (order_id)`,
  `create index if not exists ledger_by_order on order_fulfilment.ledger (order_id)`,
];

/** Any number that only this lock uses. */
const setupLock = 7_120_463;

/** Makes the tables if need be. Two processes that start at once would meet in `create`: the lock lets one after the other. */
const createTables = transactionalStep("create-tables", async (_: OrdersFile, { tx }) => {
  await tx.query("select pg_advisory_xact_lock($1)", [setupLock]);
  for (const statement of tables) await tx.query(statement);
});

interface OrdersFile {
  readonly ordersFile: string;
}

/** What earlier processes have done, or other ones are doing. */
export interface Beginning {
  /** Milliseconds since the orders file was started for the first time. */
  readonly elapsedMs: number;
  /** Orders that are under way or at an end, of whatever file. */
  readonly open: number;
  readonly closed: number;
}

const readBeginning = transactionalStep(
  "read-beginning",
  async ({ ordersFile }: OrdersFile, { tx }): Promise<Beginning> => {
    const elapsedMs = await elapsed(tx, ordersFile);
    const { rows } = await tx.query<{ open: number; closed: number }>(
      `select count(*) filter (where status = 'open')::int as open, count(*) filter (where status <> 'open')::int as closed
     from order_fulfilment.orders`,
    );
    return { elapsedMs, open: rows[0]?.open ?? 0, closed: rows[0]?.closed ?? 0 };
  },
);

async function elapsed(tx: Transaction, ordersFile: string): Promise<number> {
  await tx.query("insert into order_fulfilment.files values ($1, now()) on conflict do nothing", [ordersFile]);
  const { rows } = await tx.query<{ ms: number }>(
    "select (extract(epoch from now() - first_started_at) * 1000)::float8 as ms from order_fulfilment.files where name = $1",
    [ordersFile],
  );
  return rows[0]?.ms ?? 0;
}

/** Runs at each start of the example. Its steps are transactional, so it needs no connection but the engine's own. */
export const prepareTables = defineWorkflow({ id: "prepare-tables", version: 1 }, (flow: Flow<OrdersFile>) =>
  flow
    .then(createTables)
    .then(readBeginning, { as: "beginning" })
    .returns((_, { beginning }) => beginning),
);
