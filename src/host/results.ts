import type { Environment, Timer } from "../models/environment.ts";
import { HostStoppedError, InstanceNotFoundError } from "../models/errors-instance.ts";
import { CorruptStateError } from "../models/errors-values.ts";
import type { EngineStore, InstanceRef, InstanceView } from "../persistence/provider.ts";
import { Loop } from "./loop.ts";
import { endOf, type RunEnd } from "./run-end.ts";

interface Waiting {
  readonly ref: InstanceRef;
  readonly resolves: ((end: RunEnd) => void)[];
  readonly rejects: ((error: unknown) => void)[];
}

const netMs = 1_000;
const idleMs = 3_600_000;
const readAtOnce = 1_000;

/** Handles that wait for the end of their runs: told from memory where the run ends here, else by hints and one batched read. */
export class Results {
  private readonly store: EngineStore;
  private readonly env: Environment;
  private readonly waiting = new Map<string, Waiting>();
  private readonly loop: Loop;
  private isCast = false;
  private net: Timer | undefined;

  private readonly isHere: (id: string) => boolean;

  /** `isHere`: this process runs the instance, and will tell of its end. */
  constructor(store: EngineStore, env: Environment, isHere: (id: string) => boolean) {
    this.store = store;
    this.env = env;
    this.isHere = isHere;
    this.loop = new Loop(env, "Reading results", () => this.read());
  }

  start(): void {
    this.loop.start();
  }

  async stop(): Promise<void> {
    this.net?.cancel();
    await this.loop.stop();
    for (const { rejects } of this.waiting.values())
      for (const reject of rejects) reject(new HostStoppedError("wait for a result"));
    this.waiting.clear();
  }

  /** Resolves when the run has ended. */
  wait(ref: InstanceRef): Promise<RunEnd> {
    return new Promise((resolve, reject) => {
      const one = this.waiting.get(ref.id) ?? { ref, resolves: [], rejects: [] };
      one.resolves.push(resolve);
      one.rejects.push(reject);
      this.waiting.set(ref.id, one);
      // What runs here is told from memory; the net is for what leaves.
      if (!this.isHere(ref.id)) this.loop.poke();
      else if (!this.isCast) this.cast();
    });
  }

  private cast(): void {
    this.isCast = true;
    this.net = this.env.later(netMs, () => {
      this.isCast = false;
      this.look();
    });
  }

  /** A run has ended in this process. */
  ended(id: string, end: RunEnd): void {
    const one = this.waiting.get(id);
    if (one === undefined) return;
    this.waiting.delete(id);
    for (const resolve of one.resolves) resolve(end);
  }

  /** Whether somebody waits for this run. */
  isAwaited(id: string): boolean {
    return this.waiting.has(id);
  }

  /** Runs have ended elsewhere, or hints may have been lost. */
  look(): void {
    if (this.waiting.size > 0) this.loop.poke();
  }

  private async read(): Promise<number> {
    const all = [...this.waiting.values()].filter(({ ref }) => !this.isHere(ref.id));
    for (let at = 0; at < all.length; at += readAtOnce) {
      await this.readPart(all.slice(at, at + readAtOnce));
    }
    return this.waiting.size > 0 ? netMs : idleMs;
  }

  /** A row that cannot be read (a later format, a damaged one) fails those who wait for it, and nobody else. */
  private async readPart(part: readonly Waiting[]): Promise<void> {
    try {
      const found = await this.store.instances.look(part.map(({ ref }) => ref));
      const views = new Map(found.map((view) => [view.id, view]));
      for (const one of part) this.seen(one, views.get(one.ref.id));
    } catch (error) {
      const [one] = part;
      if (!(error instanceof CorruptStateError) || one === undefined) throw error;
      if (part.length === 1) return this.failed(one, error);
      const middle = part.length >> 1;
      await this.readPart(part.slice(0, middle));
      await this.readPart(part.slice(middle));
    }
  }

  private failed({ ref, rejects }: Waiting, error: Error): void {
    this.waiting.delete(ref.id);
    for (const reject of rejects) reject(error);
  }

  private seen(one: Waiting, view: InstanceView | undefined): void {
    const end = view && endOf(view);
    if (end !== undefined) return this.ended(one.ref.id, end);
    if (view === undefined) this.failed(one, new InstanceNotFoundError(one.ref.id));
  }
}
