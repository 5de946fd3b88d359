import type { Environment } from "../../models/environment.ts";
import type { Database, Statement } from "../database.ts";
import type { Delivery, EventRef, EventRow, EventStore, SubscriptionRef, TriggeredStart } from "../event-store.ts";
import {
  deliverEvents,
  lookForEvents,
  publishEvents,
  purgeEvents,
  purgeMarks,
  startTriggered,
  undeliveredEvents,
  unlookedSubscriptions,
} from "./event-statements.ts";
import { retrying } from "../retrying.ts";
import type { Tables } from "./tables.ts";

const nothing: Delivery = { delivered: 0, woke: false, owners: [], triggered: [] };

export class SqlEventStore implements EventStore {
  private readonly database: Database;
  private readonly tables: Tables;
  private readonly env: Environment;

  constructor(database: Database, tables: Tables, env: Environment) {
    this.database = database;
    this.tables = tables;
    this.env = env;
  }

  async publish(batch: readonly EventRow[], lane?: number): Promise<void> {
    if (batch.length === 0) return;
    const statement = publishEvents(this.tables, batch);
    await (lane === undefined ? this.hot(statement) : this.database.lane(lane, statement));
  }

  async deliver(events: readonly EventRef[]): Promise<Delivery> {
    if (events.length === 0) return nothing;
    const [answer] = await this.hot<Delivery>(deliverEvents(this.tables, events));
    return answer ?? nothing;
  }

  async look(subscriptions: readonly SubscriptionRef[]): Promise<Delivery> {
    if (subscriptions.length === 0) return nothing;
    const [answer] = await this.hot<Delivery>(lookForEvents(this.tables, subscriptions));
    return answer ?? nothing;
  }

  undelivered(olderMs: number, limit: number, after?: EventRef): Promise<readonly EventRef[]> {
    return this.hot(undeliveredEvents(this.tables, olderMs, limit, after));
  }

  unlooked(olderMs: number, limit: number, after?: SubscriptionRef): Promise<readonly SubscriptionRef[]> {
    return this.hot(unlookedSubscriptions(this.tables, olderMs, limit, after));
  }

  async start(batch: readonly TriggeredStart[], frontier: string): Promise<readonly string[]> {
    if (batch.length === 0) return [];
    const born = await this.hot<{ readonly id: string }>(startTriggered(this.tables, batch, frontier));
    return born.map(({ id }) => id);
  }

  async purge(olderMs: number, limit: number): Promise<number> {
    const [events] = await this.slow<{ readonly purged: number }>(purgeEvents(this.tables, olderMs, limit));
    await this.slow(purgeMarks(this.tables, olderMs, limit));
    return events?.purged ?? 0;
  }

  /** Once: who sends batches goes on by itself, and knows which part of them waits for a lock. */
  private hot<R>(statement: Statement): Promise<readonly R[]> {
    return this.database.hot<R>(statement);
  }

  private slow<R>(statement: Statement): Promise<readonly R[]> {
    return retrying(this.env, () => this.database.query<R>(statement));
  }
}
