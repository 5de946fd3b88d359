import { defineWorkflow, type Flow, transactionalStep, type WorkflowHost } from "workflow-core";
import { type Entry, type Outcome, problemsOf } from "./audit-rules.ts";

/** How the runs of some orders ended: what the books are held against. */
interface Claims {
  readonly outcomes: Readonly<Record<string, Outcome>>;
}

/** What an audit found. */
export interface Findings {
  /** A sentence for each thing that is wrong. */
  readonly problems: readonly string[];
  /** Failed orders that had been charged, and were refunded. */
  readonly compensated: number;
  readonly charges: number;
  readonly refunds: number;
  readonly reservations: number;
}

/** The tables are asked about each id, so an order without any row has an entry too. Amounts are compared in SQL, as numeric. */
const readEntries = `
  select wanted.id, o.*, l.*, r.*
  from unnest($1::text[]) as wanted(id)
  cross join lateral (
    select count(*)::int as rows, min(status) as status, min(lines) as lines, min(total) as total
    from order_fulfilment.orders where id = wanted.id) as o
  cross join lateral (
    select count(*) filter (where kind = 'charge')::int as charges,
           count(*) filter (where kind = 'refund')::int as refunds,
           count(*) filter (where kind not in ('charge', 'refund') or amount <> o.total)::int as odd
    from order_fulfilment.ledger where order_id = wanted.id) as l
  cross join lateral (
    select count(*)::int as reservations,
           count(*) filter (where status = 'shipped')::int as shipped,
           count(*) filter (where status = 'released')::int as released
    from order_fulfilment.reservations where order_id = wanted.id) as r`;

/** Rows that belong to no order at all. */
const readStrays = `
  select 'ledger' as "table", order_id as id from order_fulfilment.ledger as l
  where not exists (select from order_fulfilment.orders where id = l.order_id)
  union all
  select 'reservations', order_id from order_fulfilment.reservations as r
  where not exists (select from order_fulfilment.orders where id = r.order_id)`;

const holdAgainstBooks = transactionalStep(
  "hold-against-books",
  async ({ outcomes }: Claims, { tx }): Promise<Findings> => {
    const { rows: entries } = await tx.query<Entry>(readEntries, [Object.keys(outcomes)]);
    const { rows: strays } = await tx.query<{ table: string; id: string }>(readStrays);
    const sum = (value: (entry: Entry) => number): number => entries.reduce((total, entry) => total + value(entry), 0);
    return {
      problems: [
        ...entries.flatMap((entry) => problemsOf(entry, outcomes[entry.id])),
        ...strays.map(({ table, id }) => `${table}: a row of "${id}", which is no order`),
      ],
      compensated: sum(({ id, refunds }) => (outcomes[id] === "failed" && refunds === 1 ? 1 : 0)),
      charges: sum(({ charges }) => charges),
      refunds: sum(({ refunds }) => refunds),
      reservations: sum(({ reservations }) => reservations),
    };
  },
);

export const auditBooks = defineWorkflow({ id: "audit-books", version: 1 }, (flow: Flow<Claims>) =>
  flow.then(holdAgainstBooks, { as: "findings" }).returns((_, { findings }) => findings),
);

/** What a run is given has a size limit, so many orders are audited in several runs. */
const ordersAtOnce = 5_000;

/** Holds how the runs ended against what the tables say. */
export async function audit(host: WorkflowHost, outcomes: ReadonlyMap<string, Outcome>): Promise<Findings> {
  const all = [...outcomes];
  let findings: Findings = { problems: [], compensated: 0, charges: 0, refunds: 0, reservations: 0 };
  for (let at = 0; at === 0 || at < all.length; at += ordersAtOnce) {
    const part = Object.fromEntries(all.slice(at, at + ordersAtOnce));
    const run = await host.startWorkflow(auditBooks, { outcomes: part });
    findings = added(findings, await run.result());
  }
  return findings;
}

const added = (some: Findings, more: Findings): Findings => ({
  problems: [...new Set([...some.problems, ...more.problems])], // each run finds the same strays
  compensated: some.compensated + more.compensated,
  charges: some.charges + more.charges,
  refunds: some.refunds + more.refunds,
  reservations: some.reservations + more.reservations,
});
