import { Registry } from "../execution/registry.ts";
import { type Environment, harmless, type Logger, systemEnvironment } from "../models/environment.ts";
import { InvalidRequestError } from "../models/errors.ts";
import { HostStoppedError, WouldDeadlockError } from "../models/errors-instance.ts";
import type { EventType } from "../models/event-type.ts";
import { parseUuid } from "../models/identity.ts";
import { checkKnown, pick } from "../models/known-fields.ts";
import type { Span, SpanAttributes } from "../models/tracer.ts";
import { definitionOf, type WorkflowDefinition } from "../models/workflow-definition.ts";
import type { EngineStore, TransactionSession } from "../persistence/provider.ts";
import { isInsideStep } from "../persistence/step-transaction.ts";
import { type Listener, Notices } from "../telemetry/notices.ts";
import { SpanTracing } from "../telemetry/tracing.ts";
import { Engine } from "./engine.ts";
import { checkOptions, type HostOptions, type ResolvedOptions } from "./host-options.ts";
import { observedStore } from "./observed-store.ts";
import { prepareEvent } from "./publisher.ts";
import {
  known,
  type PublishOptions,
  type Run,
  type StartOptions,
  type TransactionClient,
  type WithTransaction,
} from "./run.ts";
import { RunHandle } from "./run-handle.ts";
import { type Departure, insideOf, prepare, Starter } from "./starter.ts";
import { Schedules } from "./schedules.ts";

/** What became of one start of many. */
export type StartOutcome<R> =
  { readonly status: "started"; readonly run: Run<R> } | { readonly status: "refused"; readonly error: unknown };

/** A start among many. */
export interface StartItem<S> extends StartOptions {
  /** What starts the run. */
  readonly data: S;
}

/** An event among many. */
export interface PublishItem<T> extends PublishOptions {
  /** Which of those that wait for an event of this name: 1 to 512 bytes. */
  readonly key: string;
  /** What the event tells. */
  readonly data: T;
}

type EventRest<T> = [T] extends [void]
  ? [data?: undefined, options?: PublishOptions & WithTransaction]
  : [data: NoInfer<T>, options?: PublishOptions & WithTransaction];

/** Embedded stores and the hosts of this process that use them: a node of one takes all others for dead ones of earlier processes. */
const embeddedInUse = new WeakMap<object, WorkflowHost>();

/** How many hosts of this process use a persistence: the last one closes it. */
const usersOf = new WeakMap<object, number>();

type State = "new" | "starting" | "running" | "stopping" | "stopped";

/**
 * Runs workflows inside this process. Any number of hosts, in any number of processes, may share one database.
 *
 * ```ts
 * const host = createHost({ workflows: [fulfilOrder] });
 * await host.start();
 * const run = await host.startWorkflow(fulfilOrder, order, { key: order.id });
 * console.log(await run.result());
 * await host.stop();
 * ```
 */
export class WorkflowHost {
  /** Schedules, which start workflows again and again. */
  readonly schedules: Schedules;
  private readonly options: ResolvedOptions;
  private readonly env: Environment;
  private readonly registry = new Registry();
  private readonly notices: Notices;
  private readonly starter: Starter;
  private readonly engineOfRuns = (): Engine => this.running("run");
  private state: State = "new";
  private engine: Engine | undefined;
  private starting: Promise<void> | undefined;
  private stopping: Promise<void> | undefined;
  private readonly leaving = new AbortController();

  /** Throws `DuplicateWorkflowError`, and `InvalidRequestError` for options that cannot work. */
  constructor(options: HostOptions) {
    this.options = checkOptions(options);
    this.env = environmentOf(this.options, options.logger);
    this.notices = new Notices(this.env.logger);
    if (this.options.logOperations) this.notices.listen((notice) => this.env.logger.debug(notice.kind, { ...notice }));
    this.starter = new Starter(this.notices, this.env);
    this.schedules = new Schedules({
      registry: this.registry,
      engine: (call) => this.running(call),
      run: (id) => this.runOf(id),
    });
    for (const workflow of options.workflows) this.registry.add(workflow);
  }

  /** Connects, brings the schema up to date, and begins to run workflows. Throws `DefinitionChangedError`, `InvalidRequestError` if it
   *  was started before, and what the store throws: `DatabaseUnreachableError`, `SchemaOutdatedError`, `DirectoryInUseError`, … */
  async start(): Promise<void> {
    if (this.state !== "new")
      throw new InvalidRequestError("host.start()", `was called on a host that is ${this.state}`);
    this.refuseIfAnotherUsesIt();
    this.state = "starting";
    this.starting = this.begin();
    await this.starting;
  }

  private async begin(): Promise<void> {
    const { persistence } = this.options;
    usersOf.set(persistence, (usersOf.get(persistence) ?? 0) + 1);
    try {
      await persistence.initialize();
      this.refuseIfAnotherUsesIt(); // it may have begun meanwhile
      if (persistence.store.alone) embeddedInUse.set(persistence, this);
      this.engine = new Engine(this.observed(persistence.store), this.env, {
        registry: this.registry,
        notices: this.notices,
        options: this.options,
        stop: this.leaving.signal,
      });
      await this.engine.boot();
    } catch (error) {
      this.state = this.anotherUsesIt() ? "new" : "stopped";
      await this.leavePersistence().catch(() => undefined);
      throw error;
    }
    this.state = "running";
    const { node, store } = this.engine;
    this.env.logger.info(`Workflow Core runs on ${store.name}`, { node: node.id, workflows: this.registry.names() });
    this.notices.tell({ kind: "host-started", node: node.id, store: store.name });
  }

  private anotherUsesIt(): boolean {
    const user = embeddedInUse.get(this.options.persistence);
    return user !== undefined && user !== this;
  }

  private refuseIfAnotherUsesIt(): void {
    if (this.anotherUsesIt())
      throw new InvalidRequestError("host.start()", "cannot use an embedded store that a running host uses already");
  }

  /**
   * Stops: nothing new is started, bodies get 20 seconds (or `drainMs`) to end, then their signals abort; what is unfinished is
   * handed over to other nodes at once. The store is closed, unless another host of this process uses the same provider. A host that
   * is starting is stopped once it has started; one that waits to see whether other processes live is refused at once. May be called any number of times.
   */
  stop(): Promise<void> {
    this.stopping ??= this.end();
    return this.stopping;
  }

  /** `await using host = createHost(…)` stops it at the end of the block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /**
   * Starts a run. Resolves once it is durable (with `tx`: once it is written, to be durable with the transaction). Throws
   * `WorkflowNotRegisteredError`, `ValidationError`, `NotStorableError`, `ValueTooLargeError`, `InvalidNameError` (key, labels),
   * `KeyConflictError`; `WouldDeadlockError` inside a transactional step without its `tx`; `InvalidRequestError` for an option that is
   * not known and for `tx` on a store without SQL; `HostStoppedError`; and `DatabaseUnreachableError` or `PersistenceError` after 30 seconds without the database, or
   * behind a transaction that has started the same key and does not end.
   */
  startWorkflow<D, R, S>(
    workflow: WorkflowDefinition<D, R, S>,
    data: NoInfer<S>,
    options: StartOptions & WithTransaction = {},
  ): Promise<Run<R>> {
    return this.spanned(
      "startWorkflow",
      () => ({ "workflow.definition.id": textIn(workflow, "id") }),
      (span) => this.startOne<R>(workflow, { data, options }, span),
    );
  }

  private async startOne<R>(
    workflow: object,
    { data, options }: { readonly data: unknown; readonly options: StartOptions & WithTransaction },
    span: Span | undefined,
  ): Promise<Run<R>> {
    checkKnown(options, "startWorkflow", known.start);
    const { tx, ...rest } = pick(options, known.start);
    const engine = this.running("startWorkflow", tx);
    const departure = await this.departure(engine, workflow, { item: { data, ...rest }, n: 0 });
    this.env.tracing?.remember(departure.row.id, span);
    if (tx === undefined) await this.starter.send(departure, () => this.running("startWorkflow").node);
    else await this.starter.sendInside([departure], engine.store, sessionOf(tx));
    return this.runOf<R>(departure.row.id);
  }

  /** Starts many runs at once. What is wrong with one does not keep the others: each has its own outcome, in the order given, whose
   *  `error` is what `startWorkflow` would throw. With `tx` what the database refuses fails the whole transaction, and is thrown. */
  startWorkflows<D, R, S>(
    workflow: WorkflowDefinition<D, R, S>,
    items: readonly StartItem<NoInfer<S>>[],
    options: WithTransaction = {},
  ): Promise<readonly StartOutcome<R>[]> {
    const attributes = () => ({ "workflow.definition.id": textIn(workflow, "id"), "workflow.count": countOf(items) });
    return this.spanned("startWorkflows", attributes, (span) => this.startMany<R>(workflow, items, { options, span }));
  }

  private async startMany<R>(
    workflow: object,
    items: readonly StartItem<unknown>[],
    { options, span }: { readonly options: WithTransaction; readonly span: Span | undefined },
  ): Promise<readonly StartOutcome<R>[]> {
    checkMany(items, options, "startWorkflows");
    const engine = this.running("startWorkflows", options.tx);
    const departures = await Promise.allSettled(items.map((item, n) => this.departure(engine, workflow, { item, n })));
    const ready = departures.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    for (const { row } of ready) this.env.tracing?.remember(row.id, span);
    if (options.tx !== undefined) await this.starter.sendInside(ready, engine.store, sessionOf(options.tx));
    return Promise.all(
      departures.map(async (one): Promise<StartOutcome<R>> => {
        if (one.status === "rejected") return { status: "refused", error: one.reason };
        try {
          if (options.tx === undefined) await this.starter.send(one.value, () => this.running("startWorkflows").node);
          return { status: "started", run: this.runOf<R>(one.value.row.id) };
        } catch (error) {
          return { status: "refused", error };
        }
      }),
    );
  }

  /** Publishes an event to all runs that wait for it under this key, now or later (from runs created before it). Resolves once it is
   *  durable; it is kept for 7 days. Throws `ValidationError`, `NotStorableError`, `ValueTooLargeError`, `InvalidNameError`, and for
   *  `tx`, a stopped host and a missing database what `startWorkflow` throws. */
  publishEvent<T>(event: EventType<T>, key: string, ...[data, options = {}]: EventRest<T>): Promise<void> {
    return this.spanned(
      "publishEvent",
      () => ({ "workflow.event.name": textIn(event, "name") }),
      async () => {
        checkKnown(options, "publishEvent", known.publish);
        const { tx, ...rest } = pick(options, known.publish);
        await this.publish(event, [{ key, data, ...rest }], tx);
      },
    );
  }

  /** Publishes many events at once. Throws the first error that one of them meets, after all others are stored. */
  publishEvents<T>(
    event: EventType<T>,
    items: readonly PublishItem<NoInfer<T>>[],
    options: WithTransaction = {},
  ): Promise<void> {
    const attributes = () => ({ "workflow.event.name": textIn(event, "name"), "workflow.count": countOf(items) });
    return this.spanned("publishEvents", attributes, async () => {
      checkMany(items, options, "publishEvents");
      await this.publish(event, items, options.tx);
    });
  }

  /** A handle of any run, by its id. Nothing is looked up before it is used. Throws `InvalidNameError` if it is no UUID. */
  getRun<R = unknown>(id: string): Run<R> {
    return this.runOf<R>(parseUuid(id));
  }

  /** Listens to what the engine says about itself. Answers how to stop listening. */
  onNotice(listener: Listener): () => void {
    if (typeof listener !== "function") throw new InvalidRequestError("onNotice", "takes a function");
    return this.notices.listen(listener);
  }

  private spanned<T>(
    call: string,
    attributes: () => SpanAttributes,
    work: (span: Span | undefined) => Promise<T>,
  ): Promise<T> {
    const { tracing } = this.env;
    return tracing === undefined
      ? work(undefined)
      : tracing.within(call, { kind: producer, attributes: attributes() }, work);
  }

  private observed(store: EngineStore): EngineStore {
    const { tracer, logOperations } = this.options;
    return tracer === undefined && !logOperations ? store : observedStore(store, this.env, logOperations);
  }

  private departure(
    engine: Engine,
    workflow: object,
    { item, n }: { readonly item: StartItem<unknown>; readonly n: number },
  ): Promise<Departure> {
    const { id, version } = definitionOf(workflow).graph;
    return prepare(this.registry.get(id, version), item, { env: this.env, buckets: engine.store.buckets, n });
  }

  private async publish<T>(
    event: EventType<T>,
    items: readonly PublishItem<unknown>[],
    tx: TransactionClient | undefined,
  ): Promise<void> {
    const engine = this.running("publishEvent", tx);
    const { env, store } = engine;
    const rows = items.map((item, n) => prepareEvent(event, item, { env, store, n }));
    if (tx !== undefined) return insideOf(store, sessionOf(tx)).publish(await Promise.all(rows));
    const outcomes = await Promise.allSettled(
      rows.map(async (preparing, n) => {
        const row = await preparing;
        const { node } = this.running("publishEvent"); // still, after an author's schema took its time
        await node.events.publish(row, items[n]?.idempotencyKey !== undefined);
      }),
    );
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  }

  private runOf<R>(id: string): Run<R> {
    return new RunHandle<R>(id, this.engineOfRuns);
  }

  private running(call: string, tx?: TransactionClient): Engine {
    if (this.state === "running" && this.engine !== undefined) {
      if (tx === undefined && isInsideStep()) throw new WouldDeadlockError(call);
      return this.engine;
    }
    if (this.state === "new") throw new InvalidRequestError(call, "needs a started host: await host.start() first");
    throw new HostStoppedError(call);
  }

  private async end(): Promise<void> {
    this.leaving.abort();
    await this.starting?.catch(() => undefined); // whoever started it is told
    const { engine, state } = this;
    if (state === "stopped") return; // it did not start
    this.state = "stopping";
    if (engine !== undefined) await engine.end(this.options.drainMs);
    this.state = "stopped";
    if (engine === undefined) return;
    await this.leavePersistence();
    this.notices.tell({ kind: "host-stopped", node: engine.node.id });
  }

  private async leavePersistence(): Promise<void> {
    const { persistence } = this.options;
    const others = (usersOf.get(persistence) ?? 1) - 1;
    usersOf.set(persistence, others);
    try {
      if (others === 0) await persistence.close();
    } finally {
      if (!this.anotherUsesIt()) embeddedInUse.delete(persistence);
    }
  }
}

const producer = 3;

function environmentOf({ tracer }: ResolvedOptions, logger: Logger | undefined): Environment {
  const env = systemEnvironment(logger === undefined ? {} : { logger: harmless(logger) });
  return tracer === undefined ? env : { ...env, tracing: new SpanTracing(tracer, env) };
}

function checkMany(items: unknown, options: WithTransaction, call: string): void {
  if (!Array.isArray(items)) throw new InvalidRequestError(`${call}: items`, "must be an array");
  checkKnown(options, call, known.transaction);
}

/** For a span, which is told of a call before it is refused. */
const textIn = (given: unknown, field: "id" | "name"): string =>
  String((given as Readonly<Record<string, unknown>> | null | undefined)?.[field]);

const countOf = (items: unknown): number => (Array.isArray(items) ? items.length : 0);

function sessionOf(tx: TransactionClient): TransactionSession {
  const given = tx as { readonly query?: unknown } | null;
  if (typeof given?.query !== "function")
    throw new InvalidRequestError("tx", "must be an open transaction, which has a method `query`");
  return { query: (text, values) => tx.query(text, values === undefined ? undefined : [...values]) };
}
