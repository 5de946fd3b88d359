import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  createHost,
  defineWorkflow,
  event,
  type Flow,
  type Logger,
  type Tracer,
  transactionalStep,
} from "workflow-core";
import { MemoryPersistenceProvider } from "workflow-core/testing";
import { onEveryStore } from "../support/stores.ts";
import { RecordingTracer } from "./spans.ts";

const paid = event<{ amount: number }>("paid");

const greet = (tracer: RecordingTracer) =>
  defineWorkflow({ id: "greet", version: 1 }, (flow: Flow<{ name: string }>) =>
    flow
      .run("hello", async () => {
        tracer.startSpan("inside the body").end();
        return "hello";
      })
      .forEach(
        () => [1, 2],
        (each) => each.run("count", (n) => n),
        { name: "each" },
      ),
  );

onEveryStore("traces", (store) => {
  test("a start is below the caller's span, and steps are traces of their own that link to it", async () => {
    const tracer = new RecordingTracer();
    const workflow = greet(tracer);
    const host = await store.host({ workflows: [workflow], tracer });
    const run = await tracer.startActiveSpan("request", {}, async (span) => {
      span.end();
      return host.startWorkflow(workflow, { name: "Ada" });
    });
    await run.result();

    const [start] = tracer.named("startWorkflow");
    assert.equal(start?.parent?.name, "request");
    assert.equal(start.attributes["workflow.definition.id"], "greet");
    const [hello] = tracer.named("step hello");
    assert.ok(hello !== undefined);
    assert.equal(hello.parent, undefined);
    assert.deepEqual(hello.links, [start.spanContext()]);
    assert.deepEqual(hello.attributes, {
      "workflow.definition.id": "greet",
      "workflow.definition.version": 1,
      "workflow.instance.id": run.id,
      "workflow.step.path": "hello",
      "workflow.step.attempt": 1,
      "workflow.step.outcome": "succeeded",
    });
    assert.equal(tracer.named("inside the body")[0]?.parent, hello);
    assert.deepEqual(
      tracer.named("step each[]/count").map(({ attributes }) => attributes["workflow.step.path"]),
      ["each[0]/count", "each[1]/count"],
    );
    const batches = tracer.spans.filter(({ name }) => name === "store instances.commit");
    assert.ok(batches.length > 0 && batches.every(({ parent }) => parent === undefined), "a batch is nobody's child");
    assert.ok(tracer.spans.every(({ hasEnded }) => hasEnded));
  });

  test("each attempt that fails is a span with its error, and the one that succeeds has none", async () => {
    const tracer = new RecordingTracer();
    const workflow = defineWorkflow({ id: "flaky", version: 1 }, (flow: Flow<object>) =>
      flow.run(
        "call",
        (_, { attempt }) => {
          if (attempt < 3) throw new Error(`no answer to ${attempt}`);
        },
        { retry: { maxAttempts: 3, initial: 1 } },
      ),
    );
    const host = await store.host({ workflows: [workflow], tracer });
    await (await host.startWorkflow(workflow, {})).result();
    const told = tracer.named("step call").map(({ attributes, status, exceptions }) => ({
      outcome: attributes["workflow.step.outcome"],
      status,
      exceptions,
    }));
    assert.deepEqual(told, [
      { outcome: "failed", status: 2, exceptions: ["Error: no answer to 1"] },
      { outcome: "failed", status: 2, exceptions: ["Error: no answer to 2"] },
      { outcome: "succeeded", status: 0, exceptions: [] },
    ]);
  });

  test("events are told, and a claim that found something", async () => {
    const tracer = new RecordingTracer();
    const workflow = defineWorkflow({ id: "waits", version: 1 }, (flow: Flow<object>) =>
      flow.waitFor(paid, { key: () => "k" }),
    );
    const host = await store.host({ workflows: [workflow], tracer });
    const run = await host.startWorkflow(workflow, {});
    await host.publishEvent(paid, "k", { amount: 1 });
    await run.result();
    assert.equal(tracer.named("publishEvent")[0]?.attributes["workflow.event.name"], "paid");
    const claims = tracer.named("store instances.claim");
    assert.ok(claims.every(({ attributes }) => Number(attributes["workflow.store.rows"]) > 0));
  });

  if (!store.hasSql) return;

  test("a transactional step is one span, active inside its transaction", async () => {
    const tracer = new RecordingTracer();
    const charge = transactionalStep("charge", async (_: object, { tx }) => {
      await tx.query("select 1");
      tracer.startSpan("query").end();
    });
    const workflow = defineWorkflow({ id: "charges", version: 1 }, (flow: Flow<object>) => flow.then(charge));
    const host = await store.host({ workflows: [workflow], tracer });
    await (await host.startWorkflow(workflow, {})).result();
    assert.equal(tracer.named("step charge").length, 1);
    assert.equal(tracer.named("query")[0]?.parent?.name, "step charge");
  });
});

describe("tracing", () => {
  test("a tracer that throws hurts no run, and is told to the logger", async () => {
    const refuse = (): never => {
      throw new Error("no exporter");
    };
    const errors: string[] = [];
    const tracer = new RecordingTracer();
    const workflow = greet(tracer);
    for (const broken of [
      { startSpan: refuse, startActiveSpan: refuse } satisfies Tracer,
      { startSpan: refuse, startActiveSpan: (_name, _options, fn) => callWith(fn, refuse) } satisfies Tracer,
    ]) {
      const host = createHost({
        workflows: [workflow],
        persistence: new MemoryPersistenceProvider(),
        tracer: broken,
        logger: loggerOf((level, message) => level === "error" && errors.push(message)),
      });
      await host.start();
      await (await host.startWorkflow(workflow, { name: "Ada" })).result();
      await host.stop();
    }
    assert.ok(errors.length > 0);
    assert.deepEqual(new Set(errors), new Set(["The tracer threw"]));
  });

  test("a call that fails is told as its span's error", async () => {
    const tracer = new RecordingTracer();
    const workflow = greet(tracer);
    const host = createHost({ workflows: [], persistence: new MemoryPersistenceProvider(), tracer });
    await host.start();
    await assert.rejects(host.startWorkflow(workflow, { name: "Ada" }), { code: "WORKFLOW_NOT_REGISTERED" });
    await host.stop();
    const [start] = tracer.named("startWorkflow");
    assert.equal(start?.status, 2);
    assert.match(start.exceptions[0] ?? "", /^WorkflowNotRegisteredError: /);
  });
});

describe("logged operations", () => {
  const logged = async (logOperations: boolean): Promise<readonly string[]> => {
    const lines: string[] = [];
    const workflow = greet(new RecordingTracer());
    const host = createHost({
      workflows: [workflow],
      persistence: new MemoryPersistenceProvider(),
      logOperations,
      logger: loggerOf((level, message) => level === "debug" && lines.push(message)),
    });
    await host.start();
    await (await host.startWorkflow(workflow, { name: "Ada" })).result();
    await host.stop();
    return lines;
  };

  test("with them on, the logger is told of every operation on the store and of every notice", async () => {
    const lines = await logged(true);
    for (const line of [
      "store nodes.register",
      "store instances.start",
      "store instances.commit",
      "step-completed",
      "run-completed",
    ])
      assert.ok(lines.includes(line), line);
  });

  test("they are off unless asked for", async () => {
    assert.deepEqual(
      (await logged(false)).filter((line) => /^(store|step-|run-)/.test(line)),
      [],
    );
  });
});

const loggerOf = (write: (level: string, message: string) => unknown): Logger => ({
  debug: (message) => void write("debug", message),
  info: (message) => void write("info", message),
  warn: (message) => void write("warn", message),
  error: (message) => void write("error", message),
});

/** A span of which every method throws. */
function callWith<F extends (span: never) => unknown>(fn: F, refuse: () => never): ReturnType<F> {
  const span = { spanContext: refuse, setAttributes: refuse, setStatus: refuse, recordException: refuse, end: refuse };
  return fn(span as never) as ReturnType<F>;
}
