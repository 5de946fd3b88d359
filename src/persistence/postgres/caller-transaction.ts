import type { Statement } from "../database.ts";
import type { EventRow } from "../event-store.ts";
import type { InstanceRef, Origin, StartRow, TransactionSession, Wake } from "../provider.ts";
import { publishEvents } from "./event-statements.ts";
import { lookAtOrigins } from "./instance-statements.ts";
import { startUnowned } from "./start-statement.ts";
import type { Tables } from "./tables.ts";
import { channelOf, notifyStatement, payloadsOf } from "./wake-bus.ts";

/**
 * Starts and events inside a transaction that is the caller's. Only rows are inserted, and no lock is taken that a batch of the
 * engine needs. The instances are unowned and due, the events not looked at: both come to life when the caller commits, found by
 * the nodes' ordinary claims and sweeps, or at once by the hint that rides in the transaction.
 */
export class CallerTransaction {
  private readonly tables: Tables;
  private readonly client: TransactionSession;
  private readonly notify: boolean;

  constructor(tables: Tables, client: TransactionSession, notify: boolean) {
    this.tables = tables;
    this.client = client;
    this.notify = notify;
  }

  /** Answers the indexes of rows whose id exists already. */
  async start(batch: readonly StartRow[]): Promise<readonly number[]> {
    if (batch.length === 0) return [];
    const { rows } = await this.run(startUnowned(this.tables, batch));
    await this.hint({ kind: "due" });
    const fresh = new Set(rows.map(idOf));
    return batch.flatMap((row, index) => (fresh.delete(row.id) ? [] : [index]));
  }

  async look(refs: readonly InstanceRef[]): Promise<readonly Origin[]> {
    if (refs.length === 0) return [];
    const { rows } = await this.run(lookAtOrigins(this.tables, refs));
    return rows as readonly Origin[]; // three texts: no client's own parsers make anything else of them
  }

  async publish(batch: readonly EventRow[]): Promise<void> {
    if (batch.length === 0) return;
    await this.run(publishEvents(this.tables, batch));
    await this.hint({ kind: "events" });
  }

  private async hint(wake: Wake): Promise<void> {
    if (this.notify) await this.run(notifyStatement(channelOf(this.tables), payloadsOf([wake])));
  }

  private run(statement: Statement): Promise<{ readonly rows: unknown[] }> {
    return this.client.query(statement.text, statement.values);
  }
}

const idOf = (row: unknown): unknown => (typeof row === "object" && row !== null && "id" in row ? row.id : undefined);
