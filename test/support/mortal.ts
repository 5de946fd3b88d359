import { createHost, type CreateHostOptions, type WorkflowHost } from "workflow-core";
import type { Transition } from "../../src/models/transition.ts";
import type { EngineStore, Wake, WakeBus } from "../../src/persistence/provider.ts";
import { over } from "./over.ts";

type Options = Omit<CreateHostOptions, "persistence">;

/** Hints among some hosts of one process. Others may act on their runs as well (a sweep is anybody's), so they poll all the same. */
export class LocalBus implements WakeBus {
  private readonly ears = new Set<(wake: Wake) => void>();

  async listen(heard: (wake: Wake) => void): Promise<boolean> {
    this.ears.add(heard);
    return false;
  }

  async send(wakes: readonly Wake[]): Promise<void> {
    for (const wake of wakes) for (const heard of this.ears) heard(wake);
  }
}

/** A host on a store that others use as well: it neither opens nor closes it. */
export async function hostOn(store: EngineStore, options: Options): Promise<WorkflowHost> {
  const persistence = { store, initialize: async () => undefined, close: async () => undefined };
  const host = createHost({ pollMs: 250, ...options, persistence });
  await host.start();
  return host;
}

/** The same store, with hints of its own, and with every transition passed on as `change` makes it. */
export function viewOf(
  store: EngineStore,
  bus: WakeBus,
  change: (transition: Transition) => Transition = (transition) => transition,
): EngineStore {
  const { instances } = store;
  const changed: Pick<EngineStore["instances"], "commit" | "transact"> = {
    commit: (batch, lane) => instances.commit(batch.map(change), lane),
    transact: (work) => instances.transact(async (tx) => change(await work(tx))),
  };
  return over(store, { wakes: bus, instances: over(instances, changed) });
}

/**
 * A line of hosts, each of which dies without a word after the first transition that it commits, before it hears that it was
 * committed; then it is declared dead, what it held is released, and the next one takes over.
 */
export class Line {
  deaths = 0;
  private readonly store: EngineStore;
  private readonly bus: LocalBus;
  private readonly options: Options;
  private readonly dead: { readonly host: Promise<WorkflowHost>; readonly node: Mortal }[] = [];
  private reign: Promise<void> = Promise.resolve();
  private isOver = false;
  private present: { readonly host: Promise<WorkflowHost>; readonly node: Mortal } | undefined;

  constructor(store: EngineStore, bus: LocalBus, options: Options) {
    this.store = store;
    this.bus = bus;
    this.options = options;
  }

  async begin(): Promise<void> {
    const node = new Mortal(this.store, this.bus, () => {
      if (this.isOver) return false;
      this.deaths += 1;
      this.reign = this.reign.then(() => this.succeed());
      return true;
    });
    const host = hostOn(node.store, { ...this.options, drainMs: 0 });
    this.present = { host, node };
    await host;
  }

  /** The last of them stops in order; the dead come back to life, and find that they own nothing. */
  async end(): Promise<void> {
    this.isOver = true;
    const failed = await this.reign.then(
      () => [],
      (error: unknown) => [error],
    );
    const all = this.present === undefined ? this.dead : [...this.dead, this.present];
    await Promise.all(
      all.map(async ({ host, node }) => {
        const stopped = (await host).stop();
        node.wake();
        await stopped;
      }),
    );
    await this.store.nodes.forget(0);
    for (const error of failed) throw error;
  }

  private async succeed(): Promise<void> {
    const { present } = this;
    if (present === undefined) return;
    await present.host; // it may have died while it started
    this.dead.push(present);
    await this.declareDead(present.node.id);
    await this.store.nodes.release(500);
    await this.begin();
    await this.bus.send([{ kind: "gap" }]); // what the dead one would have told is lost: all look for themselves
  }

  /** A beat that was under way when the host died may still arrive. */
  private async declareDead(node: string): Promise<void> {
    const { nodes } = this.store;
    for (let left = 20; left > 0; left -= 1) {
      const row = (await nodes.list()).find(({ id }) => id === node);
      if (row !== undefined && (await nodes.declareDead(row.id, row.beat, 0))) return;
    }
    throw new Error("The dead host lives.");
  }
}

/** A way to a store that is cut off for ever, until it is woken: no call gets through any more, and none is answered. */
class Mortal {
  readonly store: EngineStore;
  id = "";
  private isDead = false;
  private readonly grave: Promise<void>;
  private open: () => void = () => undefined;

  constructor(store: EngineStore, bus: LocalBus, dies: () => boolean) {
    this.grave = new Promise((resolve) => (this.open = resolve));
    const die = (): void => {
      if (!this.isDead && dies()) this.isDead = true;
    };
    const wakes: WakeBus = {
      listen: (heard) => bus.listen((wake) => (this.isDead ? undefined : heard(wake))),
      send: (hints) => this.pass(() => bus.send(hints)),
    };
    const nodes = over(store.nodes, {
      register: (node) => {
        this.id = node.id;
        return store.nodes.register(node);
      },
    });
    const instances = over(store.instances, {
      commit: async (batch, lane) => {
        const reply = await store.instances.commit(batch, lane);
        if (batch.some(({ lane: isMark }, n) => !isMark && !reply.refused.includes(n))) die();
        return reply;
      },
    });
    this.store = over(store, {
      nodes: this.gated(nodes),
      instances: this.gated(instances),
      events: this.gated(store.events),
      definitions: this.gated(store.definitions),
      schedules: this.gated(store.schedules),
      wakes,
    });
  }

  wake(): void {
    this.isDead = false;
    this.open();
  }

  private async pass<R>(call: () => Promise<R>): Promise<R> {
    if (this.isDead) await this.grave;
    const answer = await call();
    if (this.isDead) await this.grave;
    return answer;
  }

  private gated<T extends object>(group: T): T {
    return new Proxy(group, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        return (...given: unknown[]) => this.pass(() => value.apply(target, given) as Promise<unknown>);
      },
    });
  }
}
