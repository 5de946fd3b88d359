import type { Environment } from "../../../models/environment.ts";
import { TransactionTooLongError } from "../../../models/errors-storage.ts";
import { InvalidRequestError } from "../../../models/errors.ts";
import { isTerminal } from "../../../models/instance.ts";
import type { RecordBackend, RecordTables, RecordUpkeep, TransactionTables } from "../../record-tables.ts";
import type { Isolation } from "../../records.ts";
import { actBy, type Gate } from "../act.ts";
import type { EventTable } from "../event-table.ts";
import type { InstanceTable } from "../instance-table.ts";
import type { Clock } from "../records.ts";
import { eventTables, subscriptionTables } from "./events.ts";
import { historyTables } from "./history.ts";
import { instanceTables } from "./instances.ts";
import { Journal, type RecordMemory } from "./journal.ts";
import { pointerTables } from "./pointers.ts";

export interface MemoryParts {
  readonly instances: InstanceTable;
  readonly events: EventTable;
  readonly clock: Clock;
  readonly gate: Gate;
  readonly env: Environment;
  /** How long a transaction may have the store to itself. */
  readonly transactionMs: number;
  readonly buckets: number;
}

/** Record-level work in memory. A transaction has the store to itself, and takes back what it did if it fails. */
export class MemoryRecordBackend implements RecordBackend {
  readonly name = "memory";
  readonly tables: RecordTables;
  readonly upkeep: RecordUpkeep;
  readonly #parts: MemoryParts;

  constructor(parts: MemoryParts) {
    this.#parts = parts;
    const { instances, events, buckets } = parts;
    const act = actBy(parts.clock, parts.gate);
    const memory: RecordMemory = {
      ...{ instances, events, buckets },
      act: (work) =>
        act((now) => {
          const journal = new Journal(instances, events);
          try {
            return work(now, journal);
          } catch (error) {
            journal.undo();
            throw error;
          }
        }),
    };
    this.tables = tablesOf(memory);
    this.upkeep = upkeepOf(memory);
  }

  transaction<T>(_isolation: Isolation, work: (tx: TransactionTables) => Promise<T>): Promise<T> {
    const { instances, events, buckets, clock, gate, env, transactionMs } = this.#parts;
    return gate.hold(async () => {
      const journal = new Journal(instances, events);
      const act = actBy(clock);
      const tables = tablesOf({ instances, events, buckets, act: (step) => act((now) => step(now, journal)) });
      let timer = { cancel: (): void => undefined };
      const tooLong = new Promise<never>((_, reject) => {
        timer = env.later(transactionMs, () => reject(new TransactionTooLongError(transactionMs)));
      });
      try {
        return await Promise.race([work({ tables, query: refuseSql }), tooLong]);
      } catch (error) {
        journal.undo();
        throw error;
      } finally {
        timer.cancel();
      }
    });
  }
}

const tablesOf = (memory: RecordMemory): RecordTables => ({
  ...instanceTables(memory),
  ...pointerTables(memory),
  ...eventTables(memory),
  ...subscriptionTables(memory),
  ...historyTables(memory),
});

async function refuseSql(): Promise<never> {
  await Promise.resolve();
  throw new InvalidRequestError(
    "tx.query",
    "needs SQL, which memory does not have: use PostgreSQL, or PGlite in tests",
  );
}

const upkeepOf = (memory: RecordMemory): RecordUpkeep => ({
  purgeInstances: (which) =>
    memory.act((_, journal) => {
      const ended = [...memory.instances.all()].filter(
        ({ completedAt, status, definition }) =>
          completedAt !== null &&
          completedAt < which.endedBefore &&
          which.statuses.includes(status) &&
          (which.definition === null || definition === which.definition),
      );
      const old = ended.sort((a, b) => (a.completedAt ?? 0) - (b.completedAt ?? 0)).slice(0, which.limit);
      for (const row of old) journal.delete(row);
      return old.length;
    }),
  purgeEvents: (before, limit) =>
    memory.act(() => {
      const old = [...memory.events.all()].filter(({ createdAt }) => createdAt < before).slice(0, limit);
      for (const event of old) memory.events.delete(event);
      return old.length;
    }),
  purgeSubscriptions: (before, limit) =>
    memory.act((_, journal) => {
      const isOver = (bucket: number, id: string): boolean => {
        const row = memory.instances.get({ bucket, id });
        return row === undefined || isTerminal(row.status);
      };
      const old = [...memory.events.allSubscriptions()].filter(
        ({ createdAt, instance, instanceBucket }) => createdAt < before && isOver(instanceBucket, instance),
      );
      for (const row of old.slice(0, limit)) journal.deleteSubscription(row);
      return Math.min(old.length, limit);
    }),
  optimize: () => memory.act(() => undefined),
  ask: () => memory.act((now) => ({ now, version: process.version })),
});
