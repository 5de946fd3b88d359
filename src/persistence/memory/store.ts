import { systemEnvironment, type Environment } from "../../models/environment.ts";
import { checkKnown, fieldsOf } from "../../models/known-fields.ts";
import { checkCount, checkKind } from "../option-values.ts";
import type { Capabilities, EngineStore, InstanceRef, NodeStore, WakeBus } from "../provider.ts";
import { actBy, Gate } from "./act.ts";
import { EventTable } from "./event-table.ts";
import { MemoryDefinitionStore, type TriggerRecord } from "./definitions.ts";
import { MemoryEventStore } from "./events.ts";
import { InstanceTable } from "./instance-table.ts";
import { MemoryInstanceStore } from "./instances.ts";
import { MemoryNodeStore } from "./nodes.ts";
import type { Clock, InstanceRecord } from "./records.ts";
import { MemoryRecordBackend } from "./records/backend.ts";
import { MemoryScheduleStore } from "./schedules.ts";
import { MemoryStatistics } from "./statistics.ts";

export interface MemoryStoreOptions {
  readonly buckets?: number;
  readonly env?: Environment;
  /** The "database" time, milliseconds since the epoch. Default: the wall clock at the beginning plus monotonic time. */
  readonly clock?: Clock;
  /** How long a transaction may have the store to itself, in milliseconds. Default: 5,000. */
  readonly transactionMs?: number;
  /** See `EngineStore.alone`. Off: several hosts of this process may share the store. */
  readonly alone?: boolean;
}

const known = fieldsOf<MemoryStoreOptions>({ buckets: true, env: true, clock: true, transactionMs: true, alone: true });

/**
 * A store that forgets everything with its process, for tests, the simulator and trying things out. Each method is one
 * synchronous act, so what a database does in one transaction cannot be seen half done; several hosts may share a store.
 */
export class MemoryEngineStore implements EngineStore {
  readonly name = "memory";
  readonly lanes = 1;
  readonly batchRows = 500;
  readonly buckets: number;
  readonly alone: boolean;
  readonly hasOneSession = true;
  readonly capabilities: Capabilities = {
    skipLocked: true,
    listenNotify: false,
    namedStatements: false,
    partialIndexes: true,
    transactions: false,
  };
  readonly nodes: NodeStore;
  readonly instances: MemoryInstanceStore;
  readonly events: MemoryEventStore;
  readonly definitions: MemoryDefinitionStore;
  readonly schedules: MemoryScheduleStore;
  readonly wakes: WakeBus | null = null;
  readonly records: MemoryRecordBackend;
  readonly env: Environment;
  readonly statistics: MemoryStatistics;
  readonly #instances = new InstanceTable();

  /** Throws `InvalidRequestError` for options that cannot work. */
  constructor(options: MemoryStoreOptions = {}) {
    checkKnown(options, "MemoryPersistenceProvider", known);
    checkKind(options.clock, "clock", "function");
    checkKind(options.alone, "alone", "boolean");
    this.buckets = checkCount(options.buckets ?? 64, "buckets");
    this.alone = options.alone ?? false;
    this.env = options.env ?? systemEnvironment();
    const clock = options.clock ?? clockOf(this.env);
    const gate = new Gate();
    const act = actBy(clock, gate);
    const tables = { instances: this.#instances, events: new EventTable() };
    this.records = new MemoryRecordBackend({
      ...tables,
      clock,
      gate,
      buckets: this.buckets,
      env: this.env,
      transactionMs: checkCount(options.transactionMs ?? 5_000, "transactionMs"),
    });
    const nodes = new MemoryNodeStore(act, this.#instances);
    this.nodes = nodes;
    this.instances = new MemoryInstanceStore(act, tables, nodes);
    const triggers = new Map<string, TriggerRecord>();
    this.definitions = new MemoryDefinitionStore(act, triggers);
    this.schedules = new MemoryScheduleStore(act, this.#instances);
    this.events = new MemoryEventStore(act, { ...tables, triggers });
    const shelves = {
      instances: () => this.#instances.all(),
      events: () => tables.events.all(),
      subscriptions: () => tables.events.allSubscriptions(),
    };
    this.statistics = new MemoryStatistics(shelves, act);
  }

  async initialize(): Promise<void> {}

  async close(): Promise<void> {}

  /** All that is kept of an instance, with its pointers, history and inbox, for tests to look at. */
  inspect(ref: InstanceRef): Readonly<InstanceRecord> | undefined {
    return structuredClone(this.#instances.get(ref));
  }

  /** Refs of all instances, oldest first. */
  refs(): readonly InstanceRef[] {
    return [...this.#instances.all()].map(({ bucket, id }) => ({ bucket, id }));
  }
}

function clockOf(env: Environment): Clock {
  const origin = env.now() - env.monotonic();
  return () => origin + env.monotonic();
}
