import { randomBytes, randomUUID } from "node:crypto";
import { createHost, type StepContext, type WorkflowHost } from "workflow-core";
import type { Environment, Timer } from "../../src/models/environment.ts";
import { PersistenceError } from "../../src/models/errors-storage.ts";
import { bucketOf } from "../../src/models/identity.ts";
import type { Transition } from "../../src/models/transition.ts";
import type { CommitReply, EngineStore, InstanceView, Wake, WakeBus } from "../../src/persistence/provider.ts";
import { sweep } from "../stores/world.ts";
import { pause } from "../support/clocked-stores.ts";
import { giveAway } from "../support/give-away.ts";
import { FrontierWatch } from "./frontier-watch.ts";
import { type Plan, publicationsOf } from "./plan.ts";
import { Timeline } from "./tasks.ts";
import { news, type Outside, workflowOf } from "./workflow.ts";

/** A store whose clock the world sets. */
export interface WorldStore {
  readonly store: EngineStore;
  /** Sets its clock: milliseconds since the epoch. */
  set(ms: number): Promise<void>;
  /** What the transactional steps of a run have written, in order. */
  ledger(runId: string): Promise<readonly string[]>;
}

/** What befalls a commit. */
export type Mishap =
  | "none"
  /** The node dies without a word before it reaches the store, or when it was carried out and before it is answered. */
  | "dies-before"
  | "dies-after"
  /** The connection breaks before it reaches the store, or when it was carried out. */
  | "lost-before"
  | "lost-after";

export interface Mode {
  /** Every instance is given away after each transition, and loaded anew. */
  readonly isForgetful: boolean;
  /** What befalls the nth commit, counted from 0. */
  mishap(nth: number): Mishap;
}

/** What became of a run. */
export interface Actual {
  readonly view: InstanceView | undefined;
  readonly undone: readonly string[];
  readonly ledger: readonly string[];
  /** When it came to rest, in milliseconds after its beginning. */
  readonly at: number;
  /** The same by the world's own count. */
  readonly endedAt: number;
  readonly deaths: number;
  readonly transitions: number;
  /** How often the busiest attempt of a body was begun. */
  readonly mostBegins: number;
  /** What the engine wrote as an error, and what was wrong with its frontiers. */
  readonly faults: readonly string[];
}

/** When the world begins, by all of its clocks. */
export const beginning = Date.parse("2026-01-01T00:00:00Z");

/** No timer of a host is so long, but those of its upkeep, which has nothing to do here. */
const times = { beatMs: 5e6, staleMs: 1e9, deadMs: 1e9 };
/** So many deaths may follow each other before something is committed: more would be a run that kills its nodes. */
const deathsInARow = 3;

interface Node {
  readonly host: WorkflowHost;
  readonly life: Life;
}
interface Life {
  isOver: boolean;
  /** Gives the node a hint. */
  hear?: (wake: Wake) => void;
}

/**
 * Time that only the world moves on, when nothing is left to do at an instant; so what ends first, ends first on every machine. One
 * node at a time lives in it; when it dies, another begins at the same instant.
 */
export class World implements Outside {
  private readonly time = new Timeline(-1);
  private readonly source: WorldStore;
  private readonly mode: Mode;
  private readonly soon: (() => void)[] = [];
  private readonly pending = new Set<Promise<unknown>>();
  /** Transactions that are open: what they wait for may be still to come. */
  private readonly open = new Set<Promise<unknown>>();
  private readonly ends = new Map<string, number>();
  private readonly begins = new Map<string, number>();
  private readonly undone = new Map<string, string>();
  private readonly faults: string[] = [];
  private readonly watch = new FrontierWatch((fault) => this.faults.push(fault));
  private readonly startedAt: number;
  private node: Node | undefined;
  private runId: string | undefined;
  private deaths = 0;
  private deathsNow = 0;
  private commits = 0;
  private transitions = 0;
  private restedAt: number | undefined;
  /** Until then a run that is suspended is not at rest for good. */
  private resumesAt = -Infinity;

  constructor(source: WorldStore, mode: Mode, startedAt: number = 0) {
    this.source = source;
    this.mode = mode;
    this.startedAt = startedAt;
    this.time.now = startedAt;
  }

  get now(): number {
    return beginning + this.time.now;
  }

  /** Runs a plan until it comes to rest, or until `untilMs`. */
  async run(plan: Plan, untilMs: number): Promise<Actual> {
    const id = `w-${this.startedAt}`; // a case may leave a run behind that waits for ever
    const workflow = workflowOf(plan, this, { id, start: beginning + this.startedAt });
    await this.source.set(this.now);
    await this.boot(workflow);
    this.life.host.startWorkflow(workflow, plan.start).catch((error: unknown) => this.faults.push(String(error)));
    this.expect(plan);
    const until = this.startedAt + untilMs;
    for (;;) {
      await this.settle();
      while (this.life.life.isOver) await this.takeOver(workflow);
      if (this.restedAt !== undefined || this.time.nextAt > until) break;
      await this.source.set(beginning + this.time.nextAt);
      this.time.tick();
    }
    const view = await this.look();
    await this.leave();
    return {
      view,
      ledger: this.runId === undefined ? [] : await this.source.ledger(this.runId),
      undone: [...this.undone.values()],
      at: (this.restedAt ?? this.time.now) - this.startedAt,
      endedAt: this.time.now,
      deaths: this.deaths,
      transitions: this.transitions,
      mostBegins: Math.max(0, ...this.begins.values()),
      faults: this.faults,
    };
  }

  work({ path, attempt, signal }: StepContext, ms: number): Promise<void> {
    const { life } = this.life;
    const key = `${path}|${attempt}`;
    // A compensation that is cut off with its saga is run again by what is around.
    if (!this.undone.has(path)) this.begins.set(key, (this.begins.get(key) ?? 0) + 1);
    const end = this.ends.get(key) ?? this.time.now + ms;
    this.ends.set(key, end);
    return new Promise((resolve, reject) => {
      const stop = (): void => reject(new Error("told to stop"));
      if (signal.aborted) return stop();
      signal.addEventListener("abort", stop, { once: true });
      this.time.at(end, () => {
        if (!life.isOver) resolve();
      });
    });
  }

  undo({ path }: StepContext, what: string): void {
    if (!this.undone.has(path)) this.undone.set(path, what);
  }

  private get life(): Node {
    if (this.node === undefined) throw new Error("No node lives yet.");
    return this.node;
  }

  /** What comes from outside, in its time. */
  private expect(plan: Plan): void {
    const at = (ms: number, act: (host: WorkflowHost) => Promise<unknown>): void =>
      void this.time.at(this.startedAt + ms, () => {
        act(this.life.host).catch((error: unknown) => this.faults.push(String(error)));
      });
    for (const { key, at: ms, data } of publicationsOf(plan)) at(ms, (host) => host.publishEvent(news, key, data));
    const { terminateAt, compensateAt, rest } = plan;
    if (compensateAt !== undefined) at(compensateAt, (host) => host.getRun(this.runId ?? "").compensate("unwanted"));
    if (rest !== undefined) {
      this.resumesAt = this.startedAt + rest.at + rest.ms;
      at(rest.at, (host) => host.getRun(this.runId ?? "").suspend("a rest"));
      at(rest.at + rest.ms, (host) => host.getRun(this.runId ?? "").resume());
    }
    if (terminateAt !== undefined) at(terminateAt, (host) => host.getRun(this.runId ?? "").terminate("from outside"));
  }

  /** Until nothing is left to do at this instant. */
  private async settle(): Promise<void> {
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve)); // behind all that promises lead to
      if (this.pending.size > 0) await Promise.race(this.pending).catch(() => undefined);
      else if (this.soon.length > 0) for (const act of this.soon.splice(0)) act();
      else if (this.open.size > 0) await Promise.race([...this.open, pause(1)]).catch(() => undefined);
      else return;
    }
  }

  private async boot(workflow: object): Promise<void> {
    const life: Life = { isOver: false };
    const store = this.seenBy(life);
    const persistence = { store, initialize: async () => undefined, close: async () => undefined };
    const host = createHost({
      workflows: [workflow],
      persistence,
      pollMs: 5_000_000,
      longStepMs: 1e9,
      drainMs: 0,
      times,
    });
    Object.assign(host, { env: this.environment(life) });
    this.node = { host, life };
    let isUp = false;
    const up = host.start().then(
      () => (isUp = true),
      (error: unknown) => this.faults.push(String(error)),
    );
    await this.settle();
    if (!isUp && !life.isOver) await up;
  }

  /** What the others do when a node is dead, at once. */
  private async takeOver(workflow: object): Promise<void> {
    this.deaths += 1;
    const { nodes } = this.source.store;
    for (const { id, beat, state } of await nodes.list()) if (state === "live") await nodes.declareDead(id, beat, 0);
    await nodes.release(1_000);
    await sweep(this.source.store, 0, 500);
    await this.boot(workflow);
    await this.settle();
  }

  private async look(): Promise<InstanceView | undefined> {
    const { store } = this.source;
    if (this.runId === undefined) return undefined;
    const [view] = await store.instances.look([{ id: this.runId, bucket: bucketOf(this.runId, store.buckets) }]);
    return view;
  }

  /** Nothing of this world goes on. */
  private async leave(): Promise<void> {
    this.life.life.isOver = true;
    await this.settle();
    const { nodes } = this.source.store;
    for (const { id, beat, state } of await nodes.list()) if (state === "live") await nodes.declareDead(id, beat, 0);
  }

  private environment(life: Life): Environment {
    const alive = (act: () => void) => (): void => {
      if (!life.isOver) act();
    };
    const later = (ms: number, act: () => void): Timer => {
      const cancel = this.time.at(this.time.now + Math.max(0, Math.ceil(ms)), alive(act));
      return { cancel };
    };
    const nothing = (): void => undefined;
    return {
      now: () => this.now,
      monotonic: () => this.time.now,
      // The pauses before something is tried again: they must not change what comes first.
      sleep: (_, signal) =>
        new Promise((resolve) => {
          if (signal?.aborted === true) return resolve();
          signal?.addEventListener("abort", () => resolve(), { once: true });
          later(1, resolve);
        }),
      later,
      soon: (act) => void this.soon.push(alive(act)),
      random: () => 0.5,
      randomBytes: (count) => randomBytes(count),
      uuid: () => randomUUID(),
      logger: {
        debug: nothing,
        info: nothing,
        warn: nothing,
        error: (message, fields) => {
          if (!life.isOver) this.faults.push(`${message} ${JSON.stringify(fields)}`);
        },
      },
    };
  }

  // ── the store, as a node sees it ───────────────────────────────────────────────────────────────────────────────────────

  private seenBy(life: Life): EngineStore {
    const { store } = this.source;
    const part = <T extends object>(target: T, own: Partial<T> = {}, long: readonly (keyof T)[] = []): T =>
      new Proxy(target, {
        get: (_, name) => {
          const value: unknown = Reflect.get(own, name) ?? Reflect.get(target, name);
          if (typeof value !== "function") return value;
          const among = long.includes(name as keyof T) ? this.open : this.pending;
          return (...given: unknown[]) =>
            this.call(life, () => Reflect.apply(value, target, given) as Promise<unknown>, among);
        },
      });
    const { instances } = store;
    const start: typeof instances.start = (owner, batch, lane) => {
      this.runId ??= batch[0]?.id;
      return instances.start(owner, batch, lane);
    };
    const commit: typeof instances.commit = (batch, lane) => this.commit(life, batch, lane);
    const transact: typeof instances.transact = (work) => this.transact(life, work);
    const wakes: WakeBus = {
      listen: async (heard) => {
        life.hear = heard;
        return true;
      },
      send: async () => undefined,
    };
    const parts: Partial<EngineStore> = {
      warmUp: () => Promise.resolve(), // what is committed is counted
      wakes,
      nodes: part(store.nodes),
      instances: part(instances, { start, commit, transact }, ["transact"]),
      events: part(store.events),
      definitions: part(store.definitions),
      schedules: part(store.schedules),
    };
    return new Proxy(store, {
      get: (target, name): unknown => Reflect.get(parts, name) ?? Reflect.get(target, name),
    });
  }

  /** The dead call nobody, and hear nothing. */
  private async call<T>(life: Life, act: () => Promise<T>, among: Set<Promise<unknown>>): Promise<T> {
    if (life.isOver) return never;
    const answer = act();
    among.add(answer);
    const forget = (): void => void among.delete(answer);
    answer.then(forget, forget);
    try {
      const value = await answer;
      return life.isOver ? await never : value;
    } catch (error) {
      if (life.isOver) return never;
      throw error;
    }
  }

  private nextMishap(): Mishap {
    const mishap = this.deathsNow >= deathsInARow ? "none" : this.mode.mishap(this.commits);
    this.commits += 1;
    return mishap;
  }

  private async commit(life: Life, batch: readonly Transition[], lane?: number): Promise<CommitReply> {
    const mishap = this.nextMishap();
    if (mishap === "lost-before") throw lost();
    if (mishap === "dies-before") return this.die(life);
    const given = batch.map((one): Transition => (this.mode.isForgetful ? giveAway(one) : one));
    const reply = await this.source.store.instances.commit(given, lane);
    given.forEach((transition, n) => {
      if (!reply.refused.includes(n)) this.committed(transition);
    });
    // As another node would say that finds nobody at work on what was given away.
    if (this.mode.isForgetful) this.soon.push(() => life.hear?.({ kind: "due" }));
    if (mishap === "lost-after") throw lost();
    if (mishap === "dies-after") return this.die(life);
    return reply;
  }

  /** A step's own transaction. Whether a COMMIT whose answer was lost has held, the store finds out by itself. */
  private async transact(life: Life, work: Parameters<EngineStore["instances"]["transact"]>[0]): Promise<Outcome> {
    const mishap = this.nextMishap();
    let made: Transition | undefined;
    const outcome = await this.source.store.instances.transact(async (tx) => {
      const transition = await work(tx);
      if (mishap === "lost-before") throw lost();
      if (mishap === "dies-before") return this.die(life);
      made = this.mode.isForgetful ? giveAway(transition) : transition;
      return made;
    });
    if (outcome.held && made !== undefined) this.committed(made);
    if (this.mode.isForgetful) this.soon.push(() => life.hear?.({ kind: "due" }));
    return mishap === "dies-after" ? this.die(life) : outcome;
  }

  private committed(transition: Transition): void {
    this.transitions += 1;
    if (!transition.lane) this.deathsNow = 0;
    this.watch.committed(transition);
    const { release } = transition;
    if (release === "end" || (release === "halt" && this.time.now >= this.resumesAt)) this.restedAt = this.time.now;
  }

  private die(life: Life): Promise<never> {
    life.isOver = true;
    this.deathsNow += 1;
    return Promise.reject(new Error("dead")); // nobody hears it
  }
}

const never = new Promise<never>(() => undefined);

type Outcome = Awaited<ReturnType<EngineStore["instances"]["transact"]>>;

const lost = (): PersistenceError => new PersistenceError("the connection broke", "transient");
