import type { EngineStore } from "../../src/persistence/provider.ts";
import { over } from "../support/over.ts";
import type { WorldStore } from "./world.ts";

/** A store in memory with what it lacks: transactional steps, whose writes hold together with their transition, or not at all. */
export function withTransactions(store: EngineStore): Pick<WorldStore, "store" | "ledger"> {
  const { instances, capabilities } = store;
  const ledger: (readonly [run: unknown, what: unknown])[] = [];
  const transact: typeof instances.transact = async (work) => {
    const writes: (typeof ledger)[number][] = [];
    const query = async (_: string, [run, what]: readonly unknown[] = []) => {
      writes.push([run, what]);
      return { rows: [], rowCount: 1 };
    };
    const transition = await work({ query });
    const { now, refused } = await instances.commit([transition]);
    const held = refused.length === 0;
    if (held) ledger.push(...writes);
    return { held, now };
  };
  return {
    store: over(store, {
      capabilities: { ...capabilities, transactions: true },
      instances: over(instances, { transact }),
    }),
    ledger: async (runId) => ledger.filter(([run]) => run === runId).map(([, what]) => String(what)),
  };
}
