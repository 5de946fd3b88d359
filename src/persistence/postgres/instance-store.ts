import type { Environment } from "../../models/environment.ts";
import { CorruptStateError } from "../../models/errors-values.ts";
import { statusOf, type WorkflowStatus } from "../../models/instance.ts";
import type { Transition } from "../../models/transition.ts";
import type { Database, Statement } from "../database.ts";
import type {
  ClaimedInstance,
  ClaimReply,
  ClaimRequest,
  CommitReply,
  InboxRow,
  InstanceRef,
  InstanceStore,
  InstanceView,
  RequestReply,
  RequestRow,
  StartReply,
  StartRow,
  StoredPointer,
  TransactionSession,
} from "../provider.ts";
import {
  blockedAsked,
  blockUnknown,
  claimDue,
  claimInstance,
  disownStrays,
  nextDue,
  unblockKnown,
  type ClaimedRow,
} from "./claim-statements.ts";
import { type CommitAnswer, type CommitBatch, commitInside, commitTransitions } from "./commit-statement.ts";
import {
  hasUnfinished,
  lookAtInstances,
  readInbox,
  readPointers,
  requestInstance,
  settleInstance,
  type LookedRow,
  type PointerAnswer,
  type RequestAnswer,
} from "./instance-statements.ts";
import { asStepOf } from "../step-transaction.ts";
import { Places } from "./places.ts";
import { retrying, type Repeatable } from "../retrying.ts";
import { type StartAnswer, type StartBatch, startInstances } from "./start-statement.ts";
import type { Tables } from "./tables.ts";
import { transact, type Fence } from "./transact.ts";

export class SqlInstanceStore implements InstanceStore {
  private readonly database: Database;
  private readonly tables: Tables;
  private readonly env: Environment;
  private readonly buckets: () => number;
  private readonly startBatch: StartBatch;
  private readonly commitBatch: CommitBatch;
  private readonly commitInside: CommitBatch;
  private readonly places: Places;

  constructor(database: Database, tables: Tables, env: Environment, buckets: () => number) {
    this.database = database;
    this.tables = tables;
    this.env = env;
    this.buckets = buckets;
    this.startBatch = startInstances(tables);
    this.commitBatch = commitTransitions(tables);
    // An embedded database has no other process that would wait for the row.
    this.commitInside = database.kind === "postgres" ? commitInside(tables) : this.commitBatch;
    this.places = new Places(() => database.stepTransactions);
  }

  async start(owner: string, batch: readonly StartRow[], lane = 0): Promise<StartReply> {
    const row = only(await this.database.lane<StartAnswer>(lane, this.startBatch(owner, batch)));
    return startReply(batch, row);
  }

  async commit(batch: readonly Transition[], lane = 0): Promise<CommitReply> {
    const row = only(await this.database.lane<CommitAnswer>(lane, this.commitBatch(batch)));
    return { now: row.now, refused: row.refused.map((ordinal) => ordinal - 1) };
  }

  async claim(request: ClaimRequest): Promise<ClaimReply> {
    const statement = claimDue(this.tables, request);
    // A claim whose answer was lost is not tried again here: another one would take other rows, and the first would stay taken.
    const rows = await this.hot<ClaimedRow & { readonly now: number }>(statement, "rolled-back");
    return { now: rows[0]?.now ?? 0, claimed: rows.filter((row) => row.id !== null).map(claimedInstance) };
  }

  async claimOne(owner: string, ref: InstanceRef): Promise<ClaimedInstance | null> {
    const [row] = await this.database.hot<ClaimedRow>(claimInstance(this.tables, owner, ref)); // who wants it repeats it
    return row === undefined ? null : claimedInstance(row);
  }

  async disown(owner: string, held: readonly string[]): Promise<number> {
    const [row] = await this.hot<{ readonly disowned: number }>(disownStrays(this.tables, this.buckets(), owner, held));
    return row?.disowned ?? 0;
  }

  async nextDue(definitions: readonly string[]): Promise<{ readonly now: number; readonly dueAt: number | null }> {
    return only(
      await this.hot<{ readonly now: number; readonly dueAt: number | null }>(
        nextDue(this.tables, this.buckets(), definitions),
      ),
    );
  }

  async look(refs: readonly InstanceRef[]): Promise<readonly InstanceView[]> {
    if (refs.length === 0) return [];
    const rows = await this.hot<LookedRow>(lookAtInstances(this.tables, refs));
    return rows.map((row) => ({
      ...row,
      status: readStatus(row.status),
      data: parsed(row.data),
      result: parsed(row.result),
      failure: row.failure ?? undefined,
    }));
  }

  async pointers(ref: InstanceRef, paths: readonly string[]): Promise<readonly StoredPointer[]> {
    if (paths.length === 0) return [];
    const rows = await this.hot<PointerAnswer>(readPointers(this.tables, ref, paths));
    return rows.map((row) => ({
      ...row,
      input: parsed(row.input),
      outcome: parsed(row.outcome),
      below: parsed(row.below),
    }));
  }

  async inbox(refs: readonly InstanceRef[]): Promise<readonly InboxRow[]> {
    return refs.length === 0 ? [] : this.hot<InboxRow>(readInbox(this.tables, refs));
  }

  async request(ref: InstanceRef, request: RequestRow): Promise<RequestReply | null> {
    for (;;) {
      const [row] = await this.hot<RequestAnswer>(requestInstance(this.tables, ref, request));
      if (row === undefined) return null;
      const status = readStatus(row.putStatus ?? row.status);
      if (row.putStatus !== null || row.known || row.status >= 2) {
        return { terminal: row.status >= 2, status, owner: row.putStatus === null ? row.owner : row.putOwner };
      }
      // It ended while this request waited for its row: the next look says so.
    }
  }

  async block(known: readonly string[], limit: number): Promise<number> {
    const [row] = await this.hot<{ readonly blocked: number }>(blockUnknown(this.tables, this.buckets(), known, limit));
    return row?.blocked ?? 0;
  }

  async unblock(definitions: readonly string[], limit: number): Promise<number> {
    const [row] = await this.hot<{ readonly unblocked: number }>(unblockKnown(this.tables, definitions, limit));
    return row?.unblocked ?? 0;
  }

  asked(limit: number): Promise<readonly InstanceRef[]> {
    return this.hot(blockedAsked(this.tables, limit));
  }

  transact(
    work: (tx: TransactionSession) => Promise<Transition>,
    signal?: AbortSignal,
  ): Promise<{ readonly held: boolean; readonly now: number }> {
    const settle = async (ref: InstanceRef): Promise<Fence | undefined> =>
      (await this.hot<Fence>(settleInstance(this.tables, ref)))[0];
    const parts = { database: this.database, commitBatch: this.commitInside, settle };
    return this.places.take(() => transact(parts, (tx) => asStepOf(this, () => work(tx))), signal);
  }

  async hasUnfinished(definition: string, version: number): Promise<boolean> {
    const statement = hasUnfinished(this.tables, definition, version);
    const rows = await retrying(this.env, () => this.database.query<{ readonly unfinished: boolean }>(statement));
    return only(rows).unfinished;
  }

  private hot<R>(statement: Statement, repeatable: Repeatable = "any"): Promise<readonly R[]> {
    return retrying(this.env, () => this.database.hot<R>(statement), repeatable);
  }
}

/** In one batch the later one of two equal ids is an existing one; they lie side by side. */
function startReply(batch: readonly StartRow[], row: StartAnswer): StartReply {
  const existing = new Set(row.existing.map((ordinal) => ordinal - 1));
  batch.forEach((start, index) => {
    if (start.id === batch[index - 1]?.id) existing.add(index);
  });
  const unowned: number[] = [];
  if (!row.live) batch.forEach((start, index) => start.own && !existing.has(index) && unowned.push(index));
  return { now: row.now, existing: [...existing], unowned };
}

const claimedInstance = (row: ClaimedRow): ClaimedInstance => ({
  bucket: row.bucket,
  id: row.id,
  definition: row.definition,
  version: row.version,
  status: statusOf(row.status),
  epoch: row.epoch,
  revision: row.revision,
  inboxSeq: row.inboxSeq,
  data: row.data,
  frontier: row.frontier,
  turnedAt: row.turnedAt,
  createdAt: row.createdAt,
  crashes: row.crashes,
});

function readStatus(code: number): WorkflowStatus {
  const status = statusOf(code);
  if (status === undefined) throw new CorruptStateError("status", `${code} is none that this engine knows`);
  return status;
}

const parsed = (json: string | null): unknown => (json === null ? undefined : JSON.parse(json));

/** The one row that a statement always answers with. */
function only<R>(rows: readonly R[]): R {
  const [row] = rows;
  if (row === undefined) throw new CorruptStateError("answer", "the database gave no row where it always gives one");
  return row;
}
