import type { Environment } from "../models/environment.ts";
import type { EngineStore } from "../persistence/provider.ts";

/** Batches and requests that get a span. Claims get one when they found something; what only looks gets none. */
const spanned: ReadonlySet<string> = new Set([
  "instances.start",
  "instances.commit",
  "instances.request",
  "events.publish",
  "events.deliver",
  "events.start",
]);

const claims: ReadonlySet<string> = new Set(["instances.claim", "instances.claimOne"]);

/** What a call was given and what it answered, in numbers. */
interface Observation {
  readonly operation: string;
  readonly rows: number;
}

type Call = (...args: unknown[]) => unknown;

/**
 * The same store, with every operation told: to the tracer as spans, and, with `log`, to the logger at level debug. Hosts that want
 * neither use the store itself, so that it costs them nothing.
 */
export function observedStore(store: EngineStore, env: Environment, log: boolean): EngineStore {
  const groups = new Map<PropertyKey, unknown>();
  const observer = new Observer(store.name, env, log);
  return new Proxy(store, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value === "function") return (...args: unknown[]) => (value as Call).apply(target, args);
      if (typeof value !== "object" || value === null || !observed.has(String(key))) return value;
      if (!groups.has(key)) groups.set(key, observer.group(String(key), value));
      return groups.get(key);
    },
  });
}

const observed: ReadonlySet<string> = new Set(["nodes", "instances", "events", "definitions", "schedules"]);

class Observer {
  private readonly store: string;
  private readonly env: Environment;
  private readonly log: boolean;

  constructor(store: string, env: Environment, log: boolean) {
    this.store = store;
    this.env = env;
    this.log = log;
  }

  group<G extends object>(name: string, group: G): G {
    return new Proxy(group, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key, target);
        if (typeof value !== "function") return value;
        return (...args: unknown[]) => {
          const rows = args.find((arg) => Array.isArray(arg))?.length ?? 0;
          return this.observe({ operation: `${name}.${String(key)}`, rows }, () => (value as Call).apply(target, args));
        };
      },
    });
  }

  private observe(observation: Observation, call: () => unknown): unknown {
    const { tracing } = this.env;
    const { operation } = observation;
    const logged = (): unknown => (this.log ? this.logged(observation, call) : call());
    if (tracing === undefined) return logged();
    if (claims.has(operation)) return this.claimed(observation, logged);
    if (!spanned.has(operation)) return logged();
    // A batch serves many callers: it is nobody's child. A request is its caller's.
    const root = operation !== "instances.request";
    return tracing.within(`store ${operation}`, { root, attributes: this.attributesOf(observation) }, async () =>
      logged(),
    );
  }

  private async claimed(observation: Observation, claim: () => unknown): Promise<unknown> {
    const began = this.env.monotonic();
    const answer = await claim();
    const rows = claimedRows(answer);
    if (rows > 0) {
      const attributes = this.attributesOf({ ...observation, rows });
      this.env.tracing?.past(`store ${observation.operation}`, attributes, this.env.monotonic() - began);
    }
    return answer;
  }

  private async logged({ operation, rows }: Observation, call: () => unknown): Promise<unknown> {
    const { env, store } = this;
    const began = env.monotonic();
    const told = (more: Record<string, unknown>): void =>
      env.logger.debug(`store ${operation}`, {
        store,
        rows,
        ms: Math.round((env.monotonic() - began) * 100) / 100,
        ...more,
      });
    try {
      const answer = await call();
      told({});
      return answer;
    } catch (error) {
      told({ error: String(error) });
      throw error;
    }
  }

  private attributesOf({ rows }: Observation): Record<string, string | number> {
    return { "workflow.store": this.store, "workflow.store.rows": rows };
  }
}

function claimedRows(answer: unknown): number {
  if (typeof answer !== "object" || answer === null) return 0;
  return "claimed" in answer && Array.isArray(answer.claimed) ? answer.claimed.length : "id" in answer ? 1 : 0;
}
