import { InvalidRequestError } from "../../models/errors.ts";
import { isTerminal } from "../../models/instance.ts";
import { pointerStatusCodes, type Transition } from "../../models/transition.ts";
import type * as contract from "../provider.ts";
import type { Act } from "./act.ts";
import { apply, checkPointers, fencedBy, type CommitTables } from "./commit.ts";
import type { MemoryNodeStore } from "./nodes.ts";
import { parseJson, type InboxRecord, type InstanceRecord, type PointerRecord } from "./records.ts";

/** The instances of a memory store. */
export class MemoryInstanceStore implements contract.InstanceStore {
  readonly #act: Act;
  readonly #tables: CommitTables;
  readonly #nodes: MemoryNodeStore;

  constructor(act: Act, tables: CommitTables, nodes: MemoryNodeStore) {
    this.#act = act;
    this.#tables = tables;
    this.#nodes = nodes;
  }

  start(owner: string, batch: readonly contract.StartRow[]): Promise<contract.StartReply> {
    return this.#act((now) => {
      const isLive = this.#nodes.isLive(owner);
      const existing: number[] = [];
      const unowned: number[] = [];
      for (const [index, start] of batch.entries()) {
        if (this.#tables.instances.get(start) !== undefined) {
          existing.push(index);
          continue;
        }
        const row = this.#tables.instances.add(start, now);
        if (start.own && isLive) this.#tables.instances.take(row, owner);
        else this.#tables.instances.free(row, now);
        if (start.own && !isLive) unowned.push(index);
      }
      return { now, existing, unowned };
    });
  }

  commit(batch: readonly Transition[]): Promise<contract.CommitReply> {
    return this.#act((now) => {
      const rows = batch.map((transition) => fencedBy(this.#tables.instances, transition));
      for (const [index, row] of rows.entries())
        if (row !== undefined) checkPointers(row, batch[index]?.pointers ?? []);
      const refused: number[] = [];
      for (const [index, transition] of batch.entries()) {
        const row = rows[index];
        if (row === undefined) refused.push(index);
        else apply(this.#tables, row, transition, now);
      }
      return { now, refused };
    });
  }

  claim(request: contract.ClaimRequest): Promise<contract.ClaimReply> {
    return this.#act((now) => {
      const claimed: contract.ClaimedInstance[] = [];
      const wanted = new Set(request.definitions);
      const buckets = this.#nodes.isLive(request.owner) ? request.buckets : [];
      for (const bucket of buckets) {
        for (const row of this.#tables.instances.scheduled(bucket)) {
          if (claimed.length === request.limit) return { now, claimed };
          if (row.dueAt === null || row.dueAt > now || !wanted.has(versionOf(row))) continue;
          this.#tables.instances.take(row, request.owner);
          claimed.push(claimedView(row));
        }
      }
      return { now, claimed };
    });
  }

  claimOne(owner: string, ref: contract.InstanceRef): Promise<contract.ClaimedInstance | null> {
    return this.#act(() => {
      const row = this.#tables.instances.get(ref);
      if (row === undefined || row.owner !== null || isTerminal(row.status) || !this.#nodes.isLive(owner)) return null;
      this.#tables.instances.take(row, owner);
      return claimedView(row);
    });
  }

  disown(owner: string, held: readonly string[]): Promise<number> {
    return this.#act((now) => {
      const kept = new Set(held);
      const strays = [...this.#tables.instances.ownedBy(owner)].filter((row) => !kept.has(row.id));
      for (const row of strays) this.#tables.instances.disown(row, now);
      return strays.length;
    });
  }

  nextDue(definitions: readonly string[]): Promise<{ readonly now: number; readonly dueAt: number | null }> {
    return this.#act((now) => {
      const wanted = new Set(definitions);
      const dues = this.#scheduled()
        .filter((row) => wanted.has(versionOf(row)))
        .map((row) => row.dueAt ?? now);
      return { now, dueAt: dues.length === 0 ? null : dues.reduce((a, b) => Math.min(a, b)) };
    });
  }

  look(refs: readonly contract.InstanceRef[]): Promise<readonly contract.InstanceView[]> {
    return this.#act(() => this.#found(refs).map(instanceView));
  }

  pointers(ref: contract.InstanceRef, paths: readonly string[]): Promise<readonly contract.StoredPointer[]> {
    return this.#act(() => {
      const wanted = new Set(paths);
      const stored = this.#tables.instances.get(ref)?.pointers.values() ?? [];
      return [...stored].filter((pointer) => wanted.has(pointer.path)).map(storedPointer);
    });
  }

  inbox(refs: readonly contract.InstanceRef[]): Promise<readonly contract.InboxRow[]> {
    return this.#act(() =>
      this.#found(refs).flatMap((row) => {
        const waiting = [...row.inbox.values()].filter((entry) => entry.consumedAt === null);
        return waiting.sort((a, b) => a.seq - b.seq).map(inboxRow);
      }),
    );
  }

  request(ref: contract.InstanceRef, request: contract.RequestRow): Promise<contract.RequestReply | null> {
    return this.#act((now) => {
      const row = this.#tables.instances.get(ref);
      if (row === undefined) return null;
      if (isTerminal(row.status)) return { terminal: true, status: row.status, owner: null };
      if (!row.inbox.has(request.requestId)) {
        row.inboxSeq += 1;
        const { requestId: source, kind, payload } = request;
        const placed = { bucket: row.bucket, id: row.id, seq: row.inboxSeq, createdAt: now };
        row.inbox.set(source, { ...placed, source, kind, topic: null, payload, heard: 0, consumedAt: null });
        this.#tables.instances.wake(row, now);
      }
      return { terminal: false, status: row.status, owner: row.owner };
    });
  }

  block(known: readonly string[], limit: number): Promise<number> {
    return this.#act((now) => {
      const knows = new Set(known);
      const unknown = this.#scheduled().filter((row) => (row.dueAt ?? 0) <= now && !knows.has(versionOf(row)));
      const blocked = unknown.slice(0, limit);
      for (const row of blocked) this.#tables.instances.block(row);
      return blocked.length;
    });
  }

  unblock(definitions: readonly string[], limit: number): Promise<number> {
    return this.#act((now) => {
      const wanted = new Set(definitions);
      const blocked = [...this.#tables.instances.all()].filter((row) => row.blocked && wanted.has(versionOf(row)));
      const unblocked = blocked.slice(0, limit);
      for (const row of unblocked) this.#tables.instances.unblock(row, now);
      return unblocked.length;
    });
  }

  asked(limit: number): Promise<readonly contract.InstanceRef[]> {
    return this.#act(() => {
      const blocked = [...this.#tables.instances.all()].filter((row) => row.blocked && isAsked(row));
      return blocked.slice(0, limit).map(({ bucket, id }) => ({ bucket, id }));
    });
  }

  async transact(): Promise<{ readonly held: boolean; readonly now: number }> {
    await Promise.resolve();
    throw new InvalidRequestError(
      "A transactional step or start",
      "needs SQL, which memory does not have: use PostgreSQL, or PGlite in tests",
    );
  }

  hasUnfinished(definition: string, version: number): Promise<boolean> {
    return this.#act(() => {
      const matches = (row: InstanceRecord): boolean => row.definition === definition && row.version === version;
      return [...this.#tables.instances.all()].some((row) => matches(row) && !isTerminal(row.status));
    });
  }

  #found(refs: readonly contract.InstanceRef[]): InstanceRecord[] {
    return refs.map((ref) => this.#tables.instances.get(ref)).filter((row) => row !== undefined);
  }

  #scheduled(): InstanceRecord[] {
    return [...this.#tables.instances.scheduledBuckets()].flatMap((bucket) => this.#tables.instances.scheduled(bucket));
  }
}

const parseIfAny = (text: string | null): unknown => (text === null ? undefined : JSON.parse(text));

const versionOf = (row: InstanceRecord): string => `${row.definition}@${row.version}`;

const claimedView = (row: InstanceRecord): contract.ClaimedInstance => ({
  bucket: row.bucket,
  id: row.id,
  definition: row.definition,
  version: row.version,
  status: row.status,
  epoch: row.epoch,
  revision: row.revision,
  inboxSeq: row.inboxSeq,
  data: parseJson(row.data),
  frontier: parseJson(row.frontier),
  turnedAt: row.turnedAt,
  createdAt: row.createdAt,
  crashes: row.crashes,
});

const instanceView = (row: InstanceRecord): contract.InstanceView => ({
  bucket: row.bucket,
  id: row.id,
  definition: row.definition,
  version: row.version,
  status: row.status,
  owner: row.owner,
  epoch: row.epoch,
  revision: row.revision,
  turnedAt: row.turnedAt,
  inputHash: row.inputHash,
  data: isTerminal(row.status) ? parseJson(row.data) : undefined,
  result: parseIfAny(row.result),
  failure: parseIfAny(row.failure),
  reason: row.reason,
});

const storedPointer = (row: PointerRecord): contract.StoredPointer => ({
  path: row.path,
  status: pointerStatusCodes[row.status],
  seq: row.seq,
  attempts: row.attempts,
  input: parseIfAny(row.input),
  outcome: parseIfAny(row.outcome),
  below: parseIfAny(row.below),
});

const inboxRow = ({ consumedAt: _, ...row }: InboxRecord): contract.InboxRow => ({
  ...row,
  payload: parseJson(row.payload),
});

/** What stands behind a request to compensate waits for it, but for an end. */
function isAsked({ inbox }: InstanceRecord): boolean {
  const open = [...inbox.values()].filter(({ kind, consumedAt }) => consumedAt === null && kind !== "event");
  const undoing = Math.min(...open.filter(({ kind }) => kind === "compensate").map(({ seq }) => seq));
  return open.some(({ kind, seq }) => kind === "terminate" || (kind !== "compensate" && seq < undoing));
}
