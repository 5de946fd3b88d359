import { AsyncLocalStorage } from "node:async_hooks";
import type { Environment } from "../models/environment.ts";
import { WouldDeadlockError } from "../models/errors-instance.ts";
import { InvalidRequestError, WorkflowError } from "../models/errors.ts";
import { InvalidRecordError, NestedTransactionError, TransactionOverError } from "../models/errors-records.ts";
import { bucketOf } from "../models/identity.ts";
import { isTerminal, type WorkflowStatus } from "../models/instance.ts";
import { fieldsOf } from "../models/known-fields.ts";
import {
  checkDate,
  checkFields,
  checkFlag,
  checkOneOf,
  checkText,
  checkWhole,
  isAbsent,
} from "../models/records/check.ts";
import { workflowStatuses } from "../models/records/workflow-instance-data.ts";
import type { PerformanceAnalysis, PerformanceOptions } from "./performance-analysis.ts";
import { RecordMethods, type Stirred, type SubscriptionKey } from "./record-methods.ts";
import type { RecordBackend, RecordTables, TransactionTables } from "./record-tables.ts";
import type {
  Isolation,
  OpenTransaction,
  RecordTransaction,
  TransactionalPersistenceProvider,
  TransactionOptions,
} from "./records.ts";
import type { HealthReport, PurgeBefore, PurgeWorkflows } from "./records-upkeep.ts";
import type { EventRef, SubscriptionRef } from "./event-store.ts";
import type { EngineStore, Wake } from "./provider.ts";
import { retrying } from "./retrying.ts";
import { isInsideStep } from "./step-transaction.ts";
import type {
  Statistics,
  StepStatistics,
  StepStatsOptions,
  StorageStatistics,
  WorkflowStatistics,
  WorkflowStatsOptions,
} from "./statistics.ts";
import { startTriggered } from "./triggered-starts.ts";

/** The transaction of `executeTransaction` that this code runs in, of whichever provider. */
const current = new AsyncLocalStorage<Transaction>();

const isolations: readonly Isolation[] = ["read committed", "repeatable read", "serializable"];
const batch = 1_000;

const transactionFields = fieldsOf<TransactionOptions>({ isolation: true, attempts: true });
const openFields = fieldsOf<Pick<TransactionOptions, "isolation">>({ isolation: true });
const purgeFields = fieldsOf<PurgeWorkflows>({
  endedBefore: true,
  status: true,
  workflowDefinitionId: true,
  limit: true,
});
const beforeFields = fieldsOf<PurgeBefore>({ before: true, limit: true });
const optimizeFields = fieldsOf<{ vacuum?: unknown }>({ vacuum: true });

/** What every provider has beside its store: records, transactions, upkeep, statistics. */
export abstract class RecordProvider extends RecordMethods implements TransactionalPersistenceProvider, Statistics {
  /** What the engine's host works with. */
  abstract readonly store: EngineStore;
  protected abstract readonly backend: RecordBackend;
  protected abstract readonly statistics: Statistics;

  abstract initialize(): Promise<void>;
  abstract close(): Promise<void>;

  async executeTransaction<T>(
    work: (tx: RecordTransaction) => Promise<T>,
    options: TransactionOptions = {},
  ): Promise<T> {
    this.refuseNested("executeTransaction");
    if (typeof work !== "function") throw new InvalidRequestError("executeTransaction", "takes a function");
    checkFields(options, "options", transactionFields);
    const isolation = isolationOf(options);
    const attempts = checkWhole(options.attempts ?? 1, "options.attempts", { from: 1, to: 10 });
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.runOnce(isolation, work);
      } catch (error) {
        if (attempt === attempts || !(error instanceof WorkflowError) || error.errorClass !== "conflict") throw error;
        await this.env.sleep(error.retryDelay() * attempt * this.env.random());
      }
    }
  }

  async beginTransaction(options: Pick<TransactionOptions, "isolation"> = {}): Promise<OpenTransaction> {
    this.refuseNested("beginTransaction");
    checkFields(options, "options", openFields);
    const isolation = isolationOf(options);
    let committed: Promise<unknown> = Promise.resolve();
    const begun = new Promise<TransactionInHand>((resolve, reject) => {
      committed = this.backend.transaction(isolation, (tables) => {
        const transaction = new TransactionInHand(this.inside(tables), () => committed);
        resolve(transaction);
        return transaction.end;
      });
      committed.catch(reject);
    });
    const transaction = await begun;
    committed.catch(() => transaction.over()); // also when it ends without being asked to: a lost connection, its time limit
    return transaction;
  }

  async purgeWorkflows(which: PurgeWorkflows): Promise<number> {
    checkFields(which, "which", purgeFields);
    const endedBefore = checkDate(which.endedBefore, "which.endedBefore");
    const statuses = endsOf(which.status);
    const { workflowDefinitionId: id } = which;
    const definition = id === undefined ? null : checkText(id, "which.workflowDefinitionId");
    const { upkeep } = this.outside("purgeWorkflows");
    return inBatches(which.limit, (limit) => upkeep.purgeInstances({ endedBefore, statuses, definition, limit }));
  }

  async purgeEvents(which: PurgeBefore): Promise<number> {
    const { upkeep, before } = this.upkeepBefore("purgeEvents", which);
    return inBatches(which.limit, (limit) => upkeep.purgeEvents(before, limit));
  }

  async purgeSubscriptions(which: PurgeBefore): Promise<number> {
    const { upkeep, before } = this.upkeepBefore("purgeSubscriptions", which);
    return inBatches(which.limit, (limit) => upkeep.purgeSubscriptions(before, limit));
  }

  async optimize(options: { readonly vacuum?: boolean | undefined } = {}): Promise<void> {
    checkFields(options, "options", optimizeFields);
    const vacuum = checkFlag(options.vacuum, "options.vacuum") ?? false;
    await this.outside("optimize").upkeep.optimize(vacuum);
  }

  async healthCheck(): Promise<HealthReport> {
    const began = this.env.monotonic();
    const { upkeep, name: store } = this.backend;
    const latency = (): number => Math.round((this.env.monotonic() - began) * 100) / 100;
    try {
      const { now, version } = await upkeep.ask();
      return { isHealthy: true, latencyMs: latency(), time: new Date(now), store, version, problem: null };
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      return { isHealthy: false, latencyMs: latency(), time: null, store, version: null, problem };
    }
  }

  async getWorkflowStats(options?: WorkflowStatsOptions): Promise<WorkflowStatistics> {
    this.refuseNested("getWorkflowStats");
    return this.statistics.getWorkflowStats(options);
  }

  async getStepStats(options?: StepStatsOptions): Promise<StepStatistics> {
    this.refuseNested("getStepStats");
    return this.statistics.getStepStats(options);
  }

  async getStorageStats(): Promise<StorageStatistics> {
    this.refuseNested("getStorageStats");
    return this.statistics.getStorageStats();
  }

  async analyzePerformance(options?: PerformanceOptions): Promise<PerformanceAnalysis> {
    this.refuseNested("analyzePerformance");
    return this.statistics.analyzePerformance(options);
  }

  protected override tables(call: string): RecordTables {
    return this.outside(call).tables;
  }

  /** Hints to hosts, once it is durable. Whatever goes wrong with them, the next sweep makes good. */
  protected override async stirred({ due, ended = [], events = [], subscriptions = [] }: Stirred): Promise<void> {
    const { store } = this;
    try {
      const sure = <R>(act: () => Promise<R>): Promise<R> => retrying(this.env, act);
      const delivered = await sure(() => store.events.deliver(events));
      const refs = subscriptions.map((row) => subscriptionRef(row, store.buckets));
      const found = await sure(() => store.events.look(refs));
      const owners = new Set([...delivered.owners, ...found.owners]);
      const wakes: Wake[] = [...owners].map((owner) => ({ kind: "inbox", owner }));
      await startTriggered(store, delivered.triggered, sure);
      const isAnyDue = due === true || delivered.woke || found.woke || delivered.triggered.length > 0;
      if (isAnyDue) wakes.push({ kind: "due" });
      if (ended.length > 0) wakes.push({ kind: "ended", ids: ended });
      if (wakes.length > 0) await store.wakes?.send(wakes);
    } catch (error) {
      this.env.logger.debug("A hint to hosts was lost; their next sweep finds it", { error: String(error) });
    }
  }

  private inside(tables: TransactionTables): Inside {
    return { ...tables, provider: this, env: this.env, tell: (what) => this.stirred(what) };
  }

  private outside(call: string): RecordBackend {
    this.refuseNested(call);
    return this.backend;
  }

  private refuseNested(call: string): void {
    const transaction = current.getStore();
    if (transaction !== undefined && transaction.provider === this && !transaction.isOver)
      throw new NestedTransactionError(call);
    if (isInsideStep(this.store.instances)) throw new WouldDeadlockError(call);
  }

  private upkeepBefore(call: string, which: PurgeBefore) {
    checkFields(which, "which", beforeFields);
    return { before: checkDate(which.before, "which.before"), upkeep: this.outside(call).upkeep };
  }

  private async runOnce<T>(isolation: Isolation, work: (tx: RecordTransaction) => Promise<T>): Promise<T> {
    let transaction: Transaction | undefined;
    try {
      const answer = await this.backend.transaction(isolation, async (tables) => {
        const tx = new Transaction(this.inside(tables));
        transaction = tx;
        const worked = await current.run(tx, async () => work(tx));
        tx.over(); // before the commit: what comes from now on belongs to no transaction
        return worked;
      });
      await transaction?.announce();
      return answer;
    } finally {
      transaction?.over();
    }
  }
}

/** What a transaction works with. */
interface Inside extends TransactionTables {
  readonly provider: RecordProvider;
  readonly env: Environment;
  /** To hosts, after the commit. */
  tell(what: Stirred): Promise<void>;
}

/** Records in a transaction. */
class Transaction extends RecordMethods implements RecordTransaction {
  readonly provider: RecordProvider;
  isOver = false;
  protected readonly env: Environment;
  private readonly inside: Inside;
  private isDue = false;
  private readonly ended: string[] = [];
  private readonly events: EventRef[] = [];
  private readonly subscriptions: SubscriptionKey[] = [];

  constructor(inside: Inside) {
    super();
    this.provider = inside.provider;
    this.inside = inside;
    this.env = inside.env;
  }

  async query(text: string, values: readonly unknown[] = []): Promise<{ readonly rows: unknown[] }> {
    if (this.isOver) throw new TransactionOverError();
    return this.inside.query(text, values);
  }

  /** Not in the contract: for those who try. */
  async executeTransaction(): Promise<never> {
    throw new NestedTransactionError("executeTransaction");
  }

  async beginTransaction(): Promise<never> {
    throw new NestedTransactionError("beginTransaction");
  }

  over(): void {
    this.isOver = true;
  }

  /** Tells hosts what was committed. */
  async announce(): Promise<void> {
    const { isDue: due, ended, events, subscriptions } = this;
    await this.inside.tell({ due, ended, events, subscriptions });
  }

  protected override tables(): RecordTables {
    if (this.isOver) throw new TransactionOverError();
    return this.inside.tables;
  }

  protected override async stirred({ due, ended = [], events = [], subscriptions = [] }: Stirred): Promise<void> {
    if (due === true) this.isDue = true;
    this.ended.push(...ended);
    this.events.push(...events);
    this.subscriptions.push(...subscriptions);
  }
}

const subscriptionRef = ({ topic, instance, path }: SubscriptionKey, buckets: number): SubscriptionRef => ({
  ...{ topic, instance, path },
  bucket: bucketOf(topic, buckets),
  instanceBucket: bucketOf(instance, buckets),
});

/** Rolls the transaction back from inside. */
class TakenBack extends Error {}

class TransactionInHand extends Transaction implements OpenTransaction {
  /** Resolves for a commit, rejects for a rollback. */
  readonly end: Promise<void>;
  private readonly settled: () => Promise<unknown>;
  private finish: (verdict: "commit" | "rollback") => void = () => undefined;

  constructor(inside: Inside, settled: () => Promise<unknown>) {
    super(inside);
    this.settled = settled;
    this.end = new Promise((resolve, reject) => {
      this.finish = (verdict) => (verdict === "commit" ? resolve() : reject(new TakenBack("rolled back")));
    });
  }

  async commit(): Promise<void> {
    if (this.isOver) throw new TransactionOverError();
    this.over();
    this.finish("commit");
    await this.settled();
    await this.announce();
  }

  async rollback(): Promise<void> {
    if (this.isOver) return;
    this.over();
    this.finish("rollback");
    await this.settled().catch((error: unknown) => {
      if (!(error instanceof TakenBack)) throw error;
    });
  }
}

const isolationOf = ({ isolation }: Pick<TransactionOptions, "isolation">): Isolation =>
  checkOneOf(isolation ?? "read committed", "options.isolation", isolations);

function endsOf(status: PurgeWorkflows["status"]): readonly WorkflowStatus[] {
  const ends = workflowStatuses.filter(isTerminal);
  if (status === undefined) return ends;
  const wanted: readonly unknown[] = Array.isArray(status) ? status : [status];
  return wanted.map((one) => checkOneOf(one, "which.status", ends));
}

/** Batch after batch, until nothing is left or the limit is reached. */
async function inBatches(wanted: number | undefined, purge: (limit: number) => Promise<number>): Promise<number> {
  if (!isAbsent(wanted) && !(Number.isInteger(wanted) && wanted >= 1))
    throw new InvalidRecordError("which.limit", "must be a whole number from 1");
  const most = wanted ?? Infinity;
  let purged = 0;
  while (purged < most) {
    const limit = Math.min(batch, most - purged);
    const count = await purge(limit);
    purged += count;
    if (count < limit) break;
  }
  return purged;
}
