import assert from "node:assert/strict";
import type { NewWorkflowInstance } from "../../models/records/workflow-instance-data.ts";
import type { PersistenceProvider } from "../../persistence/records.ts";
import { instance, refused, refusedAt, type Sentence, someId, unique } from "./ground.ts";

/** What JavaScript lets through, and types do not. */
const untyped = (store: PersistenceProvider) =>
  store as unknown as Readonly<Record<keyof PersistenceProvider, (...given: readonly unknown[]) => Promise<unknown>>>;

const long = "x".repeat(600);

/** Whatever makes no sense is refused with a typed error that says where, and nothing of the call is stored. */
export function badInputSentences(sentence: Sentence): void {
  sentence("a bad field of an instance is refused by its path, and its neighbours are not stored", async (store) => {
    const good = { workflowDefinitionId: unique("order") };
    const bad: readonly (readonly [string, unknown])[] = [
      ["id", "no-uuid"],
      ["workflowDefinitionId", ""],
      ["workflowDefinitionId", long],
      ["workflowDefinitionId", "nul\0"],
      ["version", 0],
      ["version", 1.5],
      ["status", "Running"],
      ["createTime", new Date(Number.NaN)],
      ["createTime", "2020-01-01"],
      ["completeTime", new Date(0)],
      ["nodeId", someId()],
      ["reference", long],
      ["reference", "half \ud800"],
      ["description", "x".repeat(5_000)],
      ["correlationId", 7],
      ["tags", ["a"]],
      ["tags.a", { a: 1 }],
      ["failure", new Error("x")],
    ];
    for (const [path, value] of bad) {
      const record = { ...good, [path.split(".")[0] ?? ""]: value };
      await refusedAt(`instances[1].${path}`, () => untyped(store).createWorkflowInstances([good, record]));
    }
    for (const record of [null, "text", []])
      await refusedAt("instance", () => untyped(store).createWorkflowInstance(record));
    assert.deepEqual((await store.getWorkflowInstances(good)).items, []);
  });

  sentence("data that cannot be stored faithfully are refused by the place in them", async (store) => {
    const workflowDefinitionId = unique("order");
    const circle: Record<string, unknown> = {};
    circle["self"] = circle;
    for (const data of [() => 1, { a: [Number.NaN] }, circle, { a: "nul\0" }, { a: Symbol("s") }, new (class Own {})()])
      await refused("NOT_STORABLE", () => store.createWorkflowInstance({ workflowDefinitionId, data }));
    await refused("VALUE_TOO_LARGE", () =>
      store.createWorkflowInstance({ workflowDefinitionId, data: "x".repeat(5 * 1024 * 1024) }),
    );
    const error = await refused("NOT_STORABLE", () => instance(store, { data: { items: [{ price: Number.NaN }] } }));
    assert.equal((error as { readonly path?: unknown }).path, "$.items[0].price");
    assert.deepEqual((await store.getWorkflowInstances({ workflowDefinitionId })).items, []);
  });

  sentence("a bad change is refused by its path", async (store) => {
    const { id } = await instance(store);
    const bad = { status: "Done", revision: -1, tags: 5, nextExecution: "soon", completeTime: new Date(Number.NaN) };
    for (const [field, value] of Object.entries(bad))
      await refusedAt(`change.${field}`, () => untyped(store).updateWorkflowInstance({ id, [field]: value }));
    await refusedAt("changes[1].id", () => untyped(store).updateWorkflowInstances([{ id }, { id: "x" }]));
    assert.equal((await store.getWorkflowInstance(id))?.revision, 0);
  });

  sentence("a bad filter is refused by its path", async (store) => {
    const bad = {
      status: "Running",
      version: "1",
      createdFrom: 5,
      updatedTo: new Date(Number.NaN),
      nodeId: "n",
      tags: "t",
    };
    for (const [field, value] of Object.entries(bad))
      await refusedAt(`filter.${field}`, () => untyped(store).getWorkflowInstances({ [field]: value }));
    for (const filter of [null, "all", []]) {
      await refusedAt("filter", () => untyped(store).getWorkflowInstances(filter));
      await refusedAt("filter", () => untyped(store).getErrors(someId(), filter));
    }
    await refusedAt("filter.isResolved", () => untyped(store).getErrors(someId(), { isResolved: "no" }));
    await refusedAt("filter.isProcessed", () => untyped(store).getEvents({ isProcessed: 1 }));
    await refusedAt("filter.eventName", () => store.getEvents({ eventName: "" }));
    await refusedAt("filter.step", () => store.getExecutionHistory(someId(), { step: long }));
  });

  sentence("a field that no filter, page, record or option has is refused by its name", async (store) => {
    const { id } = await instance(store);
    const one = untyped(store);
    const endedBefore = new Date(Date.UTC(2100, 0, 1));
    const workflowDefinitionId = unique("order");
    await store.createWorkflowInstance({ workflowDefinitionId, status: "Complete" });
    await refusedAt("which.workflowDefinitonId", () =>
      one.purgeWorkflows({ endedBefore, workflowDefinitonId: unique("other") }),
    );
    assert.equal((await store.getWorkflowInstances({ workflowDefinitionId })).items.length, 1);
    const wrong = { wrong: undefined };
    const before = new Date(0);
    const calls: readonly (readonly [string, keyof PersistenceProvider, readonly unknown[]])[] = [
      ["instance", "createWorkflowInstance", [{ workflowDefinitionId, ...wrong }]],
      ["instances[0]", "createWorkflowInstances", [[{ workflowDefinitionId, ...wrong }]]],
      ["change", "updateWorkflowInstance", [{ id, ...wrong }]],
      ["changes[0]", "updateWorkflowInstances", [[{ id, ...wrong }]]],
      ["filter", "getWorkflowInstances", [wrong]],
      ["page", "getWorkflowInstances", [{}, wrong]],
      ["pointer", "createExecutionPointer", [id, { path: "a", ...wrong }]],
      ["change", "updateExecutionPointer", [id, { path: "a", ...wrong }]],
      ["page", "getExecutionPointersByInstance", [id, wrong]],
      ["event", "createEvent", [{ eventName: "a", ...wrong }]],
      ["filter", "getEvents", [wrong]],
      ["subscription", "createSubscription", [{ workflowId: id, path: "p", eventName: "e", ...wrong }]],
      ["page", "getSubscriptionsForEvent", ["e", null, wrong]],
      ["entry", "createExecutionHistory", [{ workflowId: id, type: "a", ...wrong }]],
      ["filter", "getExecutionHistory", [id, wrong]],
      ["error", "recordError", [{ workflowId: id, error: new Error("x"), ...wrong }]],
      ["filter", "getErrors", [id, wrong]],
      ["which", "purgeEvents", [{ before, ...wrong }]],
      ["which", "purgeSubscriptions", [{ before, ...wrong }]],
      ["options", "optimize", [wrong]],
    ];
    for (const [path, call, given] of calls) await refusedAt(`${path}.wrong`, () => one[call](...given));
  });

  sentence(
    "records that were read can be written again, with the fields that the store alone decides",
    async (store) => {
      const read = await instance(store);
      const changed = await store.updateWorkflowInstance({ ...read, description: "again" });
      const { id: _, revision: __, ...copy } = changed;
      const { id } = await store.createWorkflowInstance({ ...copy, nodeId: null });
      await store.createExecutionPointer(id, { path: "a", endTime: read.createTime });
      const [pointer] = (await store.getExecutionPointersByInstance(id)).items;
      assert.ok(pointer !== undefined);
      await untyped(store).updateExecutionPointer(id, pointer);
      const event = await store.createEvent({ eventName: unique("event") });
      await store.createEvent({ ...event, id: someId() });
      const waiting = { workflowId: id, path: "p", eventName: unique("event") };
      const subscription = await store.createSubscription(waiting);
      await store.createSubscription({ ...subscription, path: "q" });
    },
  );

  sentence("a limit below 1 or beyond reason is refused", async (store) => {
    for (const limit of [0, -1, 1.5, Number.NaN, 1e9, "10"]) {
      await refusedAt("limit", () => untyped(store).getRunnableInstances(limit));
      await refusedAt("page.limit", () => untyped(store).getWorkflowInstances({}, { limit }));
      await refusedAt("page.limit", () => untyped(store).getEvents({}, { limit }));
      await refusedAt("page.limit", () => untyped(store).getSubscriptionsForEvent("e", null, { limit }));
    }
    await refusedAt("page.offset", () => store.getWorkflowInstances({}, { offset: -1 }));
  });

  sentence("what is no page's end is refused as a beginning, also that of another listing", async (store) => {
    const workflowDefinitionId = unique("order");
    for (let n = 0; n < 2; n += 1) await instance(store, { workflowDefinitionId });
    const { next } = await store.getWorkflowInstances({ workflowDefinitionId }, { limit: 1 });
    assert.ok(next !== null);
    for (const after of ["", "garbage", "%", "e30", Buffer.from("[1,2,3]").toString("base64url"), "x".repeat(5_000)])
      await refusedAt("page.after", () => store.getWorkflowInstances({}, { after }));
    await refusedAt("page.after", () => store.getEvents({}, { after: next }));
    await refusedAt("page", () => store.getWorkflowInstances({}, { after: next, offset: 1 }));
  });

  sentence("a bad id is refused wherever one is wanted", async (store) => {
    const one = untyped(store);
    for (const id of ["", "x", 7, null, undefined, "00000000-0000-0000-0000-00000000000g", "' or 1=1 --"]) {
      for (const call of ["getWorkflowInstance", "deleteWorkflowInstance", "getEvent", "markEventProcessed"] as const)
        await refusedAt("id", () => one[call](id));
      for (const call of ["removeSubscription", "resolveError"] as const) await refusedAt("id", () => one[call](id));
      for (const call of ["getExecutionPointersByInstance", "getErrors", "getExecutionHistory"] as const)
        await refusedAt("instanceId", () => one[call](id));
    }
  });

  sentence("bad pointers, events, subscriptions and entries are refused by their path", async (store) => {
    const { id } = await instance(store);
    const one = untyped(store);
    await refusedAt("pointer.path", () => one.createExecutionPointer(id, { path: "" }));
    await refusedAt("pointers[1].status", () =>
      one.createExecutionPointers(id, [{ path: "a" }, { path: "b", status: "Odd" }]),
    );
    await refusedAt("pointer.endTime", () =>
      one.createExecutionPointer(id, { path: "a", status: "Started", endTime: new Date(0) }),
    );
    await refused("NOT_STORABLE", () => store.createExecutionPointer(id, { path: "a", outcome: () => 1 }));
    await refusedAt("events[1].eventKey", () =>
      one.createEvents([{ eventName: "a" }, { eventName: "a", eventKey: "" }]),
    );
    await refusedAt("event.eventName", () => one.createEvent({}));
    await refusedAt("subscription.workflowId", () =>
      one.createSubscription({ workflowId: "x", path: "p", eventName: "e" }),
    );
    await refusedAt("entries[1].type", () =>
      one.createExecutionHistory([
        { workflowId: id, type: "a" },
        { workflowId: id, type: "step" },
      ]),
    );
    await refusedAt("error.workflowId", () => one.recordError({ error: new Error("x") }));
    assert.deepEqual((await store.getExecutionPointersByInstance(id)).items, []);
    assert.deepEqual((await store.getExecutionHistory(id)).items, []);
  });

  sentence("hostile texts are stored as they are, and found again", async (store) => {
    const texts = [
      "'; drop table instance; --",
      '"quoted"',
      "back\\slash",
      "{a,b}",
      "null",
      "NULL",
      "%_$1",
      "👩‍🚀 é",
      "\u202ertl",
    ];
    for (const text of texts) {
      const facts: NewWorkflowInstance = {
        workflowDefinitionId: unique(text),
        reference: text,
        tags: { [text]: text },
        data: { [text]: text },
      };
      const made = await instance(store, facts);
      const [found] = (
        await store.getWorkflowInstances({
          reference: text,
          tags: { [text]: text },
          workflowDefinitionId: facts.workflowDefinitionId,
        })
      ).items;
      assert.deepEqual(found, made);
      assert.deepEqual([found.reference, found.tags, found.data], [text, { [text]: text }, { [text]: text }]);
      await store.createExecutionPointer(made.id, { path: text, outcome: text });
      assert.equal((await store.getExecutionPointer(made.id, text))?.outcome, text);
    }
  });

  sentence("too many records in one call are refused", async (store) => {
    const events = Array.from({ length: 10_001 }, () => ({ eventName: "e" }));
    await refusedAt("events", () => store.createEvents(events));
    await refusedAt("events", () => untyped(store).createEvents("all"));
  });
}
