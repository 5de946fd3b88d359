import type { Transition } from "../../src/models/transition.ts";
import type { EngineStore } from "../../src/persistence/provider.ts";
import { over } from "./over.ts";

/** What a transition becomes before it is committed. */
export type Pass = (transition: Transition) => Transition;

/** Sees what hosts ask of a store, and tells whether anything still moves an instance there. */
export class Motion {
  /** How often something that moves an instance has begun or ended so far. */
  moves = 0;
  /** How much longer what moves an instance takes. */
  slowMs = 0;
  private readonly underWay = new Set<Promise<unknown>>();

  /** Resolves when all that is under way now has answered. */
  async answered(): Promise<void> {
    await Promise.allSettled(this.underWay);
  }

  /** The same store, seen through. Left out are only calls that hosts make again and again, and that move nothing. */
  watched(store: EngineStore, pass: Pass = (transition) => transition): EngineStore {
    const { instances, events, schedules } = store;
    return over(store, {
      instances: over(instances, {
        start: (...args) => this.move(() => instances.start(...args)),
        commit: (batch, lane) => this.move(() => instances.commit(batch.map(pass), lane)),
        transact: (work) => this.move(() => instances.transact(async (tx) => pass(await work(tx)))),
        claim: (request) => this.poll(instances.claim(request), ({ claimed }) => claimed.length > 0),
        claimOne: (...args) => this.move(() => instances.claimOne(...args)),
        disown: (...args) => this.move(() => instances.disown(...args)),
        request: (...args) => this.move(() => instances.request(...args)),
        // Between a claim and its first transition:
        inbox: (refs) => this.move(() => instances.inbox(refs)),
        pointers: (...args) => this.move(() => instances.pointers(...args)),
      }),
      events: over(events, {
        publish: (...args) => this.move(() => events.publish(...args)),
        deliver: (batch) => this.move(() => events.deliver(batch)),
        look: (batch) => this.move(() => events.look(batch)),
        start: (...args) => this.move(() => events.start(...args)),
        undelivered: (...args) => this.poll(events.undelivered(...args), ({ length }) => length > 0),
        unlooked: (...args) => this.poll(events.unlooked(...args), ({ length }) => length > 0),
      }),
      schedules: over(schedules, { fire: (firing) => this.move(() => schedules.fire(firing)) }),
    });
  }

  private move<R>(call: () => Promise<R>): Promise<R> {
    const moving = async (): Promise<R> => {
      this.moves += 1;
      try {
        if (this.slowMs > 0) await later(this.slowMs);
        return await call();
      } finally {
        this.moves += 1;
      }
    };
    return this.tracked(moving());
  }

  private poll<R>(call: Promise<R>, hasMoved: (answer: R) => boolean): Promise<R> {
    return this.tracked(
      call.then((answer) => {
        if (hasMoved(answer)) this.moves += 1;
        return answer;
      }),
    );
  }

  private tracked<R>(call: Promise<R>): Promise<R> {
    const gone = (): void => void this.underWay.delete(call);
    this.underWay.add(call);
    call.then(gone, gone);
    return call;
  }
}

const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
