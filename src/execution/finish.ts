import type { ActivePointer } from "../models/frontier.ts";
import { topicOf } from "../models/identity.ts";
import { blockOf, isInside } from "../models/path.ts";
import type { StoredValue } from "../models/stored-value.ts";
import type { PointerRow, PointerStatus } from "../models/transition.ts";
import type { Draft } from "./draft.ts";

/** How a pointer ended. */
export interface Ending {
  readonly status?: PointerStatus;
  readonly input?: StoredValue | undefined;
  readonly outcome?: string | undefined;
  readonly patch?: StoredValue | undefined;
  readonly failure?: string;
  readonly tookMs?: number;
  readonly below?: string | undefined;
}

/** Ends an active pointer: it leaves the frontier and its row is written. */
export function endPointer(draft: Draft, path: string, ending: Ending): void {
  const pointer = draft.pointers.get(path);
  draft.pointers.delete(path);
  draft.seq += 1;
  write(draft, rowOf(path, pointer, draft.seq, ending));
}

/** A row that this very transition writes first is changed where it stands: one statement does not see its own inserts. */
function write(draft: Draft, row: PointerRow): void {
  for (const text of [row.input, row.outcome, row.patch, row.failure]) draft.weight += text?.length ?? 0;
  const earlier = row.write === "update" ? draft.rows.findIndex(({ path }) => path === row.path) : -1;
  const before = draft.rows[earlier];
  if (before === undefined) draft.rows.push(row);
  else draft.rows[earlier] = merged(before, row);
}

const merged = (before: PointerRow, row: PointerRow): PointerRow => ({
  ...row,
  write: before.write,
  seq: Math.max(before.seq, row.seq),
  attempts: Math.max(before.attempts, row.attempts),
  tookMs: Math.max(before.tookMs, row.tookMs),
  input: row.input ?? before.input,
  outcome: row.outcome ?? before.outcome,
  patch: row.patch ?? before.patch,
  failure: row.failure ?? before.failure,
  below: row.below ?? before.below,
});

function rowOf(path: string, pointer: ActivePointer | undefined, seq: number, ending: Ending): PointerRow {
  return {
    path,
    write: pointer?.started ? "update" : "insert",
    status: ending.status ?? "Complete",
    seq,
    attempts: pointer?.attempt ?? 1,
    input: ending.input?.json ?? null,
    outcome: ending.outcome ?? null,
    patch: ending.patch?.json ?? null,
    failure: ending.failure ?? null,
    tookMs: ending.tookMs ?? 0,
    below: ending.below ?? null,
  };
}

/** Writes the row of a pointer whose body runs: it will be finished, not written anew. */
export function markStarted(draft: Draft, path: string): void {
  const pointer = draft.pointers.get(path);
  if (pointer === undefined || pointer.started || pointer.state !== undefined) return;
  draft.rows.push(rowOf(path, pointer, 0, { status: "Started" }));
  draft.pointers.set(path, { ...pointer, started: true });
}

/** Changes the status of a row that was written in an earlier transition, or in this one. */
export function restate(draft: Draft, path: string, status: PointerStatus): void {
  write(draft, { ...rowOf(path, undefined, 0, { status }), write: "update" });
}

/** Adds to the row of a pointer that has ended. */
export function amend(draft: Draft, path: string, ending: Ending): void {
  write(draft, { ...rowOf(path, undefined, 0, ending), write: "update" });
}

/** Ends a container and forgets what was kept inside it. */
export function endContainer(draft: Draft, path: string, ending: Ending): void {
  draft.scopes.delete(path);
  forgetKept(draft, path);
  endPointer(draft, path, ending);
}

/** Whether a block must wait for children that a container in it has absorbed; if so, they go on with `then` when they are done. */
export function isHeld(draft: Draft, block: string, then: string): boolean {
  for (const [path, scope] of draft.scopes) {
    if (!scope.left || blockOf(path) !== block) continue;
    draft.scopes.set(path, { ...scope, holds: then });
    return true;
  }
  return false;
}

/** Names kept inside a block are gone when it closes. */
export function forgetKept(draft: Draft, path: string): void {
  for (const block of draft.kept.keys()) if (block === path || isInside(block, path)) draft.kept.delete(block);
}

/** Cancels one active pointer. */
export function cancelPointer(draft: Draft, path: string, ending: Ending = {}): void {
  unsubscribe(draft, path);
  draft.cancelled.push(path);
  endPointer(draft, path, { ...ending, status: "Cancelled" });
}

/** A pointer waits for an event, for so long at most. */
export function waitForEvent(
  draft: Draft,
  path: string,
  event: { readonly name: string; readonly key: string | null },
  dueIn?: number,
): void {
  const ready = draft.isConcurrent(path) ? { ready: draft.nextReady() } : {};
  draft.pointers.set(path, { state: "waiting", event, ...ready, ...(dueIn !== undefined && { dueIn }) });
  const topic = topicOf(event.name, event.key);
  draft.subscribe.push({ topic, path, ...event, heard: draft.heard.get(topic) ?? 0 });
}

/** Takes back what a waiting pointer subscribed to, also if only this transition did. */
export function unsubscribe(draft: Draft, path: string): void {
  const event = draft.pointers.get(path)?.event;
  if (event === undefined) return;
  const fresh = draft.subscribe.findIndex((row) => row.path === path);
  if (fresh >= 0) draft.subscribe.splice(fresh, 1);
  else draft.unsubscribe.push({ topic: topicOf(event.name, event.key), path });
}
