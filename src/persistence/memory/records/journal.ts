import type { EventTable } from "../event-table.ts";
import type { InstanceTable } from "../instance-table.ts";
import type { EventRecord, HistoryRecord, InstanceRecord, PointerRecord, SubscriptionRecord } from "../records.ts";

/** What the tables of one noun work with: an act changes all that it means to, or nothing. */
export interface RecordMemory {
  readonly instances: InstanceTable;
  readonly events: EventTable;
  readonly buckets: number;
  act<T>(work: (now: number, journal: Journal) => T): Promise<T>;
}

/** Changes what is stored, and remembers how it was. */
export class Journal {
  readonly instances: InstanceTable;
  readonly events: EventTable;
  #undo: (() => void)[] = [];

  constructor(instances: InstanceTable, events: EventTable) {
    this.instances = instances;
    this.events = events;
  }

  /** To be called before the fields of an instance are changed. */
  change(row: InstanceRecord): InstanceRecord {
    const before = { ...row };
    this.#undo.push(() => this.instances.restore(row, before));
    return row;
  }

  setPointer(row: InstanceRecord, pointer: PointerRecord): void {
    const before = row.pointers.get(pointer.path);
    row.pointers.set(pointer.path, pointer);
    this.#undo.push(() => {
      if (before === undefined) row.pointers.delete(pointer.path);
      else row.pointers.set(pointer.path, before);
    });
  }

  addHistory(row: InstanceRecord, entry: HistoryRecord): void {
    row.history.push(entry);
    this.#undo.push(() => row.history.pop());
  }

  setHistory(row: InstanceRecord, at: number, entry: HistoryRecord): void {
    const [before] = row.history.splice(at, 1, entry);
    this.#undo.push(() => before !== undefined && row.history.splice(at, 1, before));
  }

  born(row: InstanceRecord): void {
    this.#undo.push(() => this.instances.delete(row));
  }

  delete(row: InstanceRecord): void {
    this.change(row);
    this.instances.delete(row);
    this.unsubscribe(row.id);
  }

  /** No subscription of an instance is left. */
  unsubscribe(instance: string): void {
    for (const row of [...this.events.allSubscriptions()]) if (row.instance === instance) this.deleteSubscription(row);
  }

  addEvent(row: EventRecord): void {
    this.events.put(row);
    this.#undo.push(() => this.events.delete(row));
  }

  markProcessed(row: EventRecord, now: number): void {
    const before = row.processedAt;
    row.processedAt = now;
    this.#undo.push(() => (row.processedAt = before));
  }

  addSubscription(row: SubscriptionRecord): void {
    this.events.putSubscription(row);
    this.#undo.push(() => this.events.unsubscribe({ id: row.instance }, row));
  }

  deleteSubscription(row: SubscriptionRecord): void {
    this.events.unsubscribe({ id: row.instance }, row);
    this.#undo.push(() => this.events.putSubscription(row));
  }

  /** Takes everything back, last first. */
  undo(): void {
    for (const step of this.#undo.splice(0).reverse()) step();
  }
}
