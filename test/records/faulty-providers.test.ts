import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type {
  EventFilter,
  NewWorkflowInstance,
  PageRequest,
  PurgeWorkflows,
  RecordTransaction,
  WorkflowInstanceChange,
  WorkflowInstanceData,
  WorkflowInstanceFilter,
} from "workflow-core";
import { describePersistence, MemoryPersistenceProvider } from "workflow-core/testing";

/** What one planted fault is, and the sentence that must notice it. */
interface Fault {
  readonly noticedBy: string;
  readonly Provider: new () => MemoryPersistenceProvider;
}

const faults: Readonly<Record<string, Fault>> = {
  "forgets tags": {
    noticedBy: "instances: an instance comes back with every field as it was given",
    Provider: class extends MemoryPersistenceProvider {
      override createWorkflowInstance(instance: NewWorkflowInstance) {
        return super.createWorkflowInstance({ ...instance, tags: null });
      }
    },
  },
  "overwrites an instance whose id is taken": {
    noticedBy: "instances: a new instance whose id is taken is refused, and the stored one stays",
    Provider: class extends MemoryPersistenceProvider {
      override async createWorkflowInstance(instance: NewWorkflowInstance) {
        if (typeof instance.id === "string") await this.deleteWorkflowInstance(instance.id);
        return super.createWorkflowInstance(instance);
      }
    },
  },
  "stores a batch one by one": {
    noticedBy: "instances: of many instances one that is in the way keeps all out",
    Provider: class extends MemoryPersistenceProvider {
      override async createWorkflowInstances(instances: readonly NewWorkflowInstance[]) {
        const made: WorkflowInstanceData[] = [];
        for (const instance of instances) made.push(await this.createWorkflowInstance(instance));
        return made;
      }
    },
  },
  "writes all fields of an update, named or not": {
    noticedBy: "instances: an update changes what is named and nothing else",
    Provider: class extends MemoryPersistenceProvider {
      override updateWorkflowInstance(change: WorkflowInstanceChange) {
        return super.updateWorkflowInstance({ description: null, reference: null, ...change });
      }
    },
  },
  "overwrites what moved since it was read": {
    noticedBy: "instances: an instance that moved since it was read is not overwritten",
    Provider: class extends MemoryPersistenceProvider {
      override updateWorkflowInstance({ revision: _, ...change }: WorkflowInstanceChange) {
        return super.updateWorkflowInstance(change);
      }
    },
  },
  "reopens what has ended": {
    noticedBy: "instances: an instance that is Complete never changes, except for its labels",
    Provider: class extends MemoryPersistenceProvider {
      override async updateWorkflowInstance(change: WorkflowInstanceChange) {
        const found = await this.getWorkflowInstance(change.id);
        if (found === null || found.completeTime === null) return super.updateWorkflowInstance(change);
        await this.deleteWorkflowInstance(change.id);
        const { nodeId: _, ...rest } = found;
        return this.createWorkflowInstance({ ...rest, ...change, completeTime: null });
      }
    },
  },
  "leaves pointers behind when an instance is deleted": {
    noticedBy: "instances: a deleted instance is gone with all that hangs on it",
    Provider: class extends MemoryPersistenceProvider {
      private readonly left = new Map<
        string,
        Awaited<ReturnType<MemoryPersistenceProvider["getExecutionPointersByInstance"]>>
      >();
      override async deleteWorkflowInstance(id: string) {
        if (!this.left.has(id)) this.left.set(id, await super.getExecutionPointersByInstance(id));
        return super.deleteWorkflowInstance(id);
      }
      override async getExecutionPointersByInstance(id: string, page?: PageRequest) {
        return this.left.get(id) ?? super.getExecutionPointersByInstance(id, page);
      }
    },
  },
  "calls runnable what is not due": {
    noticedBy: "instances: runnable are those that are Runnable and due, longest due first",
    Provider: class extends MemoryPersistenceProvider {
      override async getRunnableInstances() {
        return (await this.getWorkflowInstances({ status: "Runnable" })).items;
      }
    },
  },
  "includes the end of a time range": {
    noticedBy: "listings: instances are found by when they were created: from a time on, and before one",
    Provider: class extends MemoryPersistenceProvider {
      override getWorkflowInstances(filter: WorkflowInstanceFilter = {}, page?: PageRequest) {
        const { createdTo } = filter;
        const later = createdTo instanceof Date ? { createdTo: new Date(createdTo.getTime() + 1) } : {};
        return super.getWorkflowInstances({ ...filter, ...later }, page);
      }
    },
  },
  "finds any of the tags": {
    noticedBy: "listings: instances are found by tags, all of which must be there",
    Provider: class extends MemoryPersistenceProvider {
      override getWorkflowInstances(filter: WorkflowInstanceFilter = {}, page?: PageRequest) {
        const [first] = Object.entries(filter.tags ?? {});
        return super.getWorkflowInstances(
          first === undefined ? filter : { ...filter, tags: { [first[0]]: first[1] } },
          page,
        );
      }
    },
  },
  "pages by offset, so that what comes meanwhile shifts them": {
    noticedBy: "listings: a page after another is not shifted by what is created meanwhile",
    Provider: class extends MemoryPersistenceProvider {
      override async getWorkflowInstances(filter?: WorkflowInstanceFilter, { after, ...page }: PageRequest = {}) {
        const offset = Number(after ?? page.offset ?? 0);
        const { items, next } = await super.getWorkflowInstances(filter, { ...page, offset });
        return { items, next: next === null ? null : `${offset + items.length}` };
      }
    },
  },
  "lists only the steps of a history": {
    noticedBy: "history: history is what has ended and what was entered, oldest first",
    Provider: class extends MemoryPersistenceProvider {
      override async getExecutionHistory(...given: Parameters<MemoryPersistenceProvider["getExecutionHistory"]>) {
        const { items, next } = await super.getExecutionHistory(...given);
        return { items: items.filter(({ type }) => type === "step"), next };
      }
    },
  },
  "takes a null key for any key": {
    noticedBy: "subscriptions: a null key matches those who wait without a key, and nobody else",
    Provider: class extends MemoryPersistenceProvider {
      override async getSubscriptionsForEvent(name: string, key: string | null = null) {
        const own = await super.getSubscriptionsForEvent(name, key);
        return key === null ? [...own, ...(await super.getSubscriptionsForEvent(name, "null"))] : own;
      }
    },
  },
  "does not look at whether an event was processed": {
    noticedBy: "events: events are found by name, key, time and whether they were processed, oldest first",
    Provider: class extends MemoryPersistenceProvider {
      override getEvents({ isProcessed: _, ...filter }: EventFilter = {}, page?: PageRequest) {
        return super.getEvents(filter, page);
      }
    },
  },
  "says of anything that it was resolved": {
    noticedBy: "errors: what is no error cannot be resolved",
    Provider: class extends MemoryPersistenceProvider {
      override async resolveError(id: string) {
        await super.resolveError(id);
        return true;
      }
    },
  },
  "purges every workflow's instances": {
    noticedBy: "upkeep: what ended before a time is purged with all that hangs on it, and nothing else",
    Provider: class extends MemoryPersistenceProvider {
      override purgeWorkflows({ workflowDefinitionId: _, ...which }: PurgeWorkflows) {
        return super.purgeWorkflows(which);
      }
    },
  },
  "takes any limit": {
    noticedBy: "bad input: a limit below 1 or beyond reason is refused",
    Provider: class extends MemoryPersistenceProvider {
      override getRunnableInstances(limit: number) {
        return super.getRunnableInstances(limit >= 1 ? Math.min(Math.floor(limit), 10_000) : 10);
      }
    },
  },
  "keeps what a transaction did before it threw": {
    noticedBy: "transactions: a throw takes everything back and is thrown on",
    Provider: class extends MemoryPersistenceProvider {
      override async executeTransaction<T>(work: (tx: RecordTransaction) => Promise<T>) {
        let thrown: unknown;
        const answer = await super.executeTransaction((tx) =>
          work(tx).catch((error: unknown): undefined => void (thrown = error)),
        );
        if (thrown instanceof Error) throw thrown;
        return answer as T;
      }
    },
  },
  "swallows what a transaction throws": {
    noticedBy: "transactions: a throw takes back changes and deletions of what was there before",
    Provider: class extends MemoryPersistenceProvider {
      override executeTransaction<T>(work: (tx: RecordTransaction) => Promise<T>) {
        return super.executeTransaction(work).catch((): T => undefined as T);
      }
    },
  },
  "commits what is rolled back by hand": {
    noticedBy: "transactions: a transaction that is begun by hand leaves nothing when it is rolled back",
    Provider: class extends MemoryPersistenceProvider {
      override async beginTransaction(...given: Parameters<MemoryPersistenceProvider["beginTransaction"]>) {
        const tx = await super.beginTransaction(...given);
        tx.rollback = () => tx.commit();
        return tx;
      }
    },
  },
};

/** The sentences that a provider does not keep. */
async function broken(Provider: new () => MemoryPersistenceProvider): Promise<readonly string[]> {
  const sentences: (readonly [string, () => Promise<void>])[] = [];
  describePersistence({
    test: (name, body) => sentences.push([name, body]),
    create: async () => new Provider(),
  });
  const failed: string[] = [];
  for (const [name, body] of sentences) await body().catch(() => failed.push(name));
  return failed;
}

describe("a store that does not keep its word is found out, though it", () => {
  for (const [name, { noticedBy, Provider }] of Object.entries(faults)) {
    test(name, async () => {
      const failed = await broken(Provider);
      assert.ok(failed.includes(noticedBy), `noticed by: ${failed.join("; ") || "nothing"}`);
    });
  }
});

test("a store that keeps its word is found to", async () => {
  assert.deepEqual(await broken(MemoryPersistenceProvider), []);
});
