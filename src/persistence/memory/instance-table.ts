import { isTerminal } from "../../models/instance.ts";
import type { InstanceRef, StartRow } from "../provider.ts";
import type { InstanceRecord } from "./records.ts";

/** All instances, with the two indexes that claims and releases go by: what is due in a bucket, and what a node owns. */
export class InstanceTable {
  readonly #rows = new Map<string, InstanceRecord>();
  readonly #due = new Map<number, Set<InstanceRecord>>();
  readonly #owned = new Map<string, Set<InstanceRecord>>();

  get(ref: InstanceRef): InstanceRecord | undefined {
    const row = this.#rows.get(ref.id);
    return row?.bucket === ref.bucket ? row : undefined;
  }

  all(): IterableIterator<InstanceRecord> {
    return this.#rows.values();
  }

  /** Adds an instance that nobody owns and that is not due. */
  add(start: StartRow, now: number, createdAt: number = now): InstanceRecord {
    const { own: _own, ...facts } = start;
    const row: InstanceRecord = {
      ...facts,
      status: "Runnable",
      owner: null,
      epoch: 0,
      revision: 0,
      inboxSeq: 0,
      dueAt: null,
      blocked: false,
      result: null,
      failure: null,
      reason: null,
      createdAt,
      turnedAt: now,
      touchedAt: null,
      completedAt: null,
      crashes: 0,
      inLane: false,
      pointers: new Map(),
      history: [],
      inbox: new Map(),
    };
    this.#rows.set(row.id, row);
    return row;
  }

  delete(row: InstanceRecord): void {
    this.free(row, null);
    this.#rows.delete(row.id);
  }

  /** Makes an instance what it was, though it was changed or deleted meanwhile. */
  restore(row: InstanceRecord, before: InstanceRecord): void {
    this.free(row, null);
    Object.assign(row, before);
    this.#rows.set(row.id, row);
    this.#schedule(row, before.dueAt);
    if (before.owner !== null) setOf(this.#owned, before.owner).add(row);
  }

  /** Gives an instance to a node under the next epoch, and takes it out of the due index. */
  take(row: InstanceRecord, owner: string): void {
    this.#schedule(row, null);
    this.#disown(row);
    row.blocked = false;
    row.owner = owner;
    row.epoch += 1;
    setOf(this.#owned, owner).add(row);
  }

  /** Nobody owns the instance from now on; null: it is not due. */
  free(row: InstanceRecord, dueAt: number | null): void {
    this.#disown(row);
    this.#schedule(row, dueAt);
  }

  /** Takes an instance from its owner, whoever that is: the next epoch fences off what it may still send. */
  disown(row: InstanceRecord, now: number): void {
    row.epoch += 1;
    row.inLane = false;
    this.free(row, now);
  }

  /** Makes an instance due, unless a node has it, it has ended, or it is blocked (then `unblock` will). Answers whether it is. */
  wake(row: InstanceRecord, now: number): boolean {
    if (row.owner !== null || row.blocked || isTerminal(row.status)) return false;
    this.#schedule(row, row.dueAt === null ? now : Math.min(row.dueAt, now));
    return true;
  }

  block(row: InstanceRecord): void {
    this.#schedule(row, null);
    row.blocked = true;
  }

  unblock(row: InstanceRecord, now: number): void {
    row.blocked = false;
    this.#schedule(row, now);
  }

  /** What is scheduled in a bucket, earliest first. */
  scheduled(bucket: number): InstanceRecord[] {
    return [...(this.#due.get(bucket) ?? [])].sort((a, b) => (a.dueAt ?? 0) - (b.dueAt ?? 0) || compare(a.id, b.id));
  }

  scheduledBuckets(): IterableIterator<number> {
    return this.#due.keys();
  }

  ownedBy(owner: string): ReadonlySet<InstanceRecord> {
    return this.#owned.get(owner) ?? new Set();
  }

  #schedule(row: InstanceRecord, dueAt: number | null): void {
    row.dueAt = dueAt;
    if (dueAt === null) this.#due.get(row.bucket)?.delete(row);
    else setOf(this.#due, row.bucket).add(row);
  }

  #disown(row: InstanceRecord): void {
    if (row.owner === null) return;
    const owned = this.#owned.get(row.owner);
    owned?.delete(row);
    if (owned?.size === 0) this.#owned.delete(row.owner);
    row.owner = null;
  }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function setOf<K, V>(index: Map<K, Set<V>>, key: K): Set<V> {
  const found = index.get(key);
  if (found !== undefined) return found;
  const made = new Set<V>();
  index.set(key, made);
  return made;
}
