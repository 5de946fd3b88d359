import { PersistenceError } from "../../models/errors-storage.ts";
import { isTerminal } from "../../models/instance.ts";
import { isInside } from "../../models/path.ts";
import type { PointerRow, PrunedLap, Transition } from "../../models/transition.ts";
import type { EventTable } from "./event-table.ts";
import type { InstanceTable } from "./instance-table.ts";
import type { InstanceRecord, PointerRecord } from "./records.ts";

export interface CommitTables {
  readonly instances: InstanceTable;
  readonly events: EventTable;
}

/** The instance that a transition may change; undefined if its fence refuses it. */
export function fencedBy(instances: InstanceTable, transition: Transition): InstanceRecord | undefined {
  const row = instances.get(transition);
  const holds =
    row?.owner === transition.owner && row.epoch === transition.epoch && row.revision === transition.revision;
  return holds ? row : undefined;
}

/** Throws what a database would, were a pointer inserted twice. Asked of a whole batch before any of it is applied. */
export function checkPointers(row: InstanceRecord, pointers: readonly PointerRow[]): void {
  const taken = new Set(row.pointers.keys());
  for (const pointer of pointers) {
    if (pointer.write === "insert" && taken.has(pointer.path)) {
      const message = `Instance ${row.id} has a pointer "${pointer.path}" already.`;
      throw new PersistenceError(message, "invalid", { sqlState: "23505" });
    }
    taken.add(pointer.path);
  }
}

/** Applies a transition that its fence let pass. */
export function apply(tables: CommitTables, row: InstanceRecord, transition: Transition, now: number): void {
  row.revision += 1;
  row.status = transition.status;
  row.data = transition.data ?? row.data;
  row.frontier = transition.frontier;
  row.result = transition.result;
  row.failure = transition.failure;
  row.reason = transition.reason;
  row.turnedAt = now;
  row.crashes = transition.lane ? row.crashes : 0;
  row.inLane = transition.lane;
  if (isTerminal(transition.status)) row.completedAt = now;
  for (const lap of transition.prune) prune(row, lap);
  for (const pointer of transition.pointers) writePointer(row, pointer, now);
  for (const [n, entry] of transition.history.entries())
    row.history.push({ ...entry, revision: row.revision, n, createdAt: now, resolvedAt: null });
  for (const key of transition.unsubscribe) tables.events.unsubscribe(row, key);
  for (const subscription of transition.subscribe) tables.events.subscribe(row, subscription, now);
  for (const source of transition.consume) consume(row, source, now);
  release(tables.instances, row, transition, now);
}

function release(instances: InstanceTable, row: InstanceRecord, transition: Transition, now: number): void {
  switch (transition.release) {
    case "keep":
      return;
    case "yield":
      return instances.free(row, now);
    case "end":
      return instances.free(row, null);
    case "halt":
      // A request that came while the owner was halting must not wait for the next one.
      return instances.free(row, row.inboxSeq > transition.inboxSeen ? now : null);
    case "park":
      return instances.free(row, row.inboxSeq > transition.inboxSeen ? now : earliestTimer(transition, now));
  }
}

function earliestTimer(transition: Transition, now: number): number | null {
  const added = transition.dueIn === null ? null : now + transition.dueIn;
  if (added === null || transition.dueAt === null) return added ?? transition.dueAt;
  return Math.min(added, transition.dueAt);
}

function consume(row: InstanceRecord, source: string, now: number): void {
  const entry = row.inbox.get(source);
  if (entry !== undefined && entry.consumedAt === null) entry.consumedAt = now;
}

function prune(row: InstanceRecord, { block, keep }: PrunedLap): void {
  for (const [path, { status, below }] of row.pointers) {
    if (!isInside(path, block)) continue;
    const isNeeded = status === "Started" || (below !== null && status !== "Compensated");
    if (keep === "nothing" || !isNeeded) row.pointers.delete(path);
  }
}

function writePointer(row: InstanceRecord, pointer: PointerRow, now: number): void {
  const { write, ...written } = pointer;
  const before = row.pointers.get(pointer.path);
  if (write === "update" && before === undefined) return;
  row.pointers.set(
    pointer.path,
    before === undefined ? { ...written, writtenAt: now, resolvedAt: null } : over(before, written, now),
  );
}

/** An update leaves what it does not name, and no count goes down. */
const over = (before: PointerRecord, written: Omit<PointerRow, "write">, now: number): PointerRecord => ({
  ...written,
  seq: Math.max(before.seq, written.seq),
  attempts: Math.max(before.attempts, written.attempts),
  tookMs: Math.max(before.tookMs, written.tookMs),
  input: written.input ?? before.input,
  outcome: written.outcome ?? before.outcome,
  patch: written.patch ?? before.patch,
  failure: written.failure ?? before.failure,
  below: written.below ?? before.below,
  writtenAt: now,
  resolvedAt: before.resolvedAt,
});
