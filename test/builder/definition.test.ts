import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { z } from "zod";
import { defineWorkflow } from "../../src/builder/define-workflow.ts";
import type { Flow } from "../../src/builder/flow.ts";
import { step, transactionalStep } from "../../src/builder/step.ts";
import type { Workflow } from "../../src/builder/workflow.ts";
import { InvalidRequestError } from "../../src/models/errors.ts";
import { event } from "../../src/models/event-type.ts";
import { StepBody, type StepContext } from "../../src/models/step.ts";
import { definitionOf } from "../../src/models/workflow-definition.ts";
import { graphOf, nodesOf, nothing, type Untyped } from "./untyped.ts";

const defaultRetry = { factor: 2, initialMs: 1000, jitter: true, maxAttempts: 5, maxMs: 60_000 };

interface Trip {
  traveller: string;
  legs: string[];
}
const book = step("book", async (leg: string) => `booked ${leg}`, { retry: { maxAttempts: 2 }, timeout: "1 minute" });
const pay = transactionalStep("pay", async ({ traveller }: Trip) => traveller.length);
const refund = transactionalStep("refund", async () => undefined, { retry: { maxAttempts: 9 }, timeout: 500 });
const approved = event("approved", z.object({ by: z.string() }));
class Greet extends StepBody {
  static readonly stepName = "greet";
  run({ input }: StepContext<Trip>) {
    return `hello ${input.traveller}`;
  }
}
const greeter = new Greet();

describe("the graph of every kind of step", () => {
  const ref = (name: string) => ({ ref: name });

  test("a step, with defaults, what overrides them, and a compensation with its own policy", () => {
    const workflow = defineWorkflow({ id: "trip", version: 3 }, (flow: Flow<Trip>) =>
      flow
        .startWith(pay, { description: "Takes the money.", compensateWith: refund, onError: "suspend", as: "paid" })
        .then(book, { input: ({ legs }) => legs[0] ?? "", timeout: 50, inDoubt: "skip", compensateWith: nothing }),
    );
    assert.deepEqual(workflow.toJSON(), {
      id: "trip",
      version: 3,
      root: {
        nodes: [
          {
            kind: "step",
            name: "pay",
            path: "pay",
            description: "Takes the money.",
            as: "paid",
            body: ref("pay.body"),
            call: "function",
            inline: false,
            transactional: true,
            retry: defaultRetry,
            onError: "suspend",
            compensation: ref("pay.compensation"),
            undo: { transactional: true, retry: { ...defaultRetry, maxAttempts: 9 }, timeoutMs: 500 },
          },
          {
            kind: "step",
            name: "book",
            path: "book",
            body: ref("book.body"),
            call: "function",
            inline: false,
            transactional: false,
            input: ref("book.input"),
            retry: { ...defaultRetry, maxAttempts: 2 },
            timeoutMs: 50,
            onError: "compensate",
            compensation: ref("book.compensation"),
            undo: { transactional: false, retry: { ...defaultRetry, maxAttempts: 2 }, timeoutMs: 50 },
            skipInDoubt: true,
          },
        ],
      },
    });
  });

  test("a class, an instance and an inline function", () => {
    const [made, shared, inline] = nodesOf((flow) =>
      flow.then(Greet, { output: nothing }).then(greeter, { name: "greet-again" }).run("shout", nothing),
    );
    const common = { kind: "step", transactional: false, retry: defaultRetry, onError: "compensate" };
    const greet = { ...common, name: "greet", path: "greet", call: "class", inline: false, body: ref("greet.body") };
    assert.deepEqual(made, { ...greet, output: ref("greet.output") });
    const again = { name: "greet-again", path: "greet-again", body: ref("greet-again.body") };
    assert.deepEqual(shared, { ...greet, ...again, call: "instance" });
    const shout = { name: "shout", path: "shout", body: ref("shout.body") };
    assert.deepEqual(inline, { ...greet, ...shout, call: "function", inline: true });
  });

  test("a wait, with and without what happens when it is too late", () => {
    const late = { key: nothing, timeout: "2 days", onTimeout: (flow: Untyped) => flow.run("remind", nothing) };
    const [wait, other] = graphOf((flow) =>
      flow
        .waitFor(approved, { key: nothing, as: "approval", output: nothing, onError: "fail" })
        .waitFor(event("seen"), late),
    ).root.nodes;
    assert.deepEqual(wait, {
      kind: "wait",
      name: "approved",
      path: "approved",
      as: "approval",
      event: "approved",
      key: ref("approved.key"),
      output: ref("approved.output"),
      schema: ref("approved.schema"),
      onError: "fail",
    });
    assert.equal(other?.kind, "wait");
    assert.equal(other.timeoutMs, 172_800_000);
    assert.equal(other.schema, undefined);
    assert.deepEqual(
      other.late?.nodes.map((node) => node.path),
      ["seen/late/remind"],
    );
  });

  test("delays, patches, returns and ends, called after their verbs", () => {
    const nodes = nodesOf((flow) =>
      flow
        .delay("1.5 hours")
        .delay(nothing, { description: "as long as it takes" })
        .set(nothing)
        .if(
          nothing,
          (yes: Untyped) => yes.end(),
          (no: Untyped) => no.if(nothing, (yes: Untyped) => yes.end(nothing)),
        )
        .returns(nothing),
    );
    const [, , , , early, inner, late] = nodes;
    assert.deepEqual(nodes, [
      { kind: "delay", name: "delay", path: "delay", durationMs: 5_400_000 },
      {
        kind: "delay",
        name: "delay-2",
        path: "delay-2",
        description: "as long as it takes",
        duration: ref("delay-2.duration"),
      },
      { kind: "set", name: "set", path: "set", patch: ref("set.patch") },
      {
        kind: "if",
        name: "if",
        path: "if",
        condition: ref("if.condition"),
        yes: { nodes: [early] },
        no: { nodes: [inner] },
      },
      { kind: "end", name: "end", path: "if/yes/end" },
      {
        kind: "if",
        name: "if",
        path: "if/no/if",
        condition: ref("if/no/if.condition"),
        yes: { nodes: [late] },
        no: { nodes: [] },
      },
      { kind: "end", name: "end", path: "if/no/if/yes/end", value: ref("if/no/if/yes/end.value") },
      { kind: "return", name: "return", path: "return", value: ref("return.value") },
    ]);
  });

  test("containers, their options and their defaults", () => {
    const inner = (flow: Untyped): Untyped => flow.run("x", nothing);
    const [each, named, all, saga, lasting] = graphOf((flow) =>
      flow
        .forEach(nothing, inner)
        .forEach(nothing, inner, { name: "lines", item: "line", concurrency: 4, as: "shipped", output: nothing })
        .parallel({ b: inner, a: inner }, { as: "both", output: nothing })
        .saga(inner, { as: "whole" })
        .saga(inner, { afterCompensation: "continue" }),
    ).root.nodes.map((node) => ({ ...node, body: undefined, branches: undefined }));
    const block = { body: undefined, branches: undefined };
    assert.deepEqual(each, {
      kind: "forEach",
      name: "each",
      path: "each",
      items: ref("each.items"),
      item: "item",
      concurrency: 32,
      ...block,
    });
    assert.deepEqual(named, {
      kind: "forEach",
      name: "lines",
      path: "lines",
      as: "shipped",
      items: ref("lines.items"),
      item: "line",
      concurrency: 4,
      output: ref("lines.output"),
      ...block,
    });
    assert.deepEqual(all, {
      kind: "parallel",
      name: "parallel",
      path: "parallel",
      as: "both",
      output: ref("parallel.output"),
      ...block,
    });
    assert.deepEqual(saga, {
      kind: "saga",
      name: "saga",
      path: "saga",
      as: "whole",
      afterCompensation: "fail",
      ...block,
    });
    assert.deepEqual(lasting, {
      kind: "saga",
      name: "saga-2",
      path: "saga-2",
      afterCompensation: "continue",
      ...block,
    });
  });

  test("paths name every block on the way, and branches keep their order", () => {
    const leaf = (flow: Untyped): Untyped => flow.run("x", nothing);
    const nodes = nodesOf((flow) =>
      flow
        .if(nothing, leaf, leaf)
        .forEach(nothing, (each: Untyped) => each.forEach(nothing, leaf).if(nothing, (yes: Untyped) => yes, leaf))
        .parallel({ papers: (branch: Untyped) => branch.saga(leaf), b2: leaf, a1: leaf }),
    );
    assert.deepEqual(
      nodes.flatMap((node) => (node.kind === "step" ? [node.path] : [])),
      [
        "if/yes/x",
        "if/no/x",
        "each[]/each[]/x",
        "each[]/if/no/x",
        "parallel/papers/saga/x",
        "parallel/b2/x",
        "parallel/a1/x",
      ],
    );
  });

  test("an automatic name goes round those that are taken", () => {
    const nodes = graphOf((flow) => flow.run("delay", nothing).delay(1).delay(1, { name: "delay-3" }).delay(1)).root
      .nodes;
    assert.deepEqual(
      nodes.map((node) => node.name),
      ["delay", "delay-2", "delay-3", "delay-4"],
    );
  });
});

describe("what the engine is given", () => {
  const input = ({ legs }: Readonly<Trip>) => legs[0] ?? "";
  const data = z.object({ traveller: z.string(), legs: z.array(z.string()) });
  const inline = () => 1;
  const undo = () => undefined;
  const undoing = step("undo", undo);
  const workflow = defineWorkflow({ id: "trip", version: 1, data }, (flow) =>
    flow
      .then(book, { input, compensateWith: undo })
      .then(Greet)
      .then(greeter, { name: "again", compensateWith: undoing })
      .run("inline", inline)
      .waitFor(approved, { key: ({ traveller }) => traveller }),
  );

  test("every function as the author gave it, by its path and role", () => {
    const { functions, schema } = definitionOf(workflow);
    assert.equal(schema, data);
    const given = Object.fromEntries(functions);
    assert.equal(given["book.body"], book.run);
    assert.equal(given["book.input"], input);
    assert.equal(given["book.compensation"], undo);
    assert.equal(given["greet.body"], Greet);
    assert.equal(given["again.body"], greeter);
    assert.equal(given["again.compensation"], undo);
    assert.equal(given["inline.body"], inline);
    assert.equal(given["approved.schema"], approved.schema);
    assert.equal(typeof given["approved.key"], "function");
    assert.equal(functions.size, 9);
  });

  test("a graph that nobody can change, at any depth", () => {
    const thaw = (value: unknown): unknown[] =>
      typeof value === "object" && value !== null
        ? [...(Object.isFrozen(value) ? [] : [value]), ...Object.values(value).flatMap(thaw)]
        : [];
    const { graph } = definitionOf(workflow);
    assert.deepEqual(thaw(graph), []);
    assert.ok(Object.isFrozen(workflow));
    assert.deepEqual(JSON.parse(JSON.stringify(workflow)), JSON.parse(JSON.stringify(graph)));
  });

  test("a definition is no thenable, so that it can be awaited and returned from async functions", async () => {
    assert.equal("then" in workflow, false);
    assert.equal(await Promise.resolve(workflow), workflow);
  });

  test("nothing but what defineWorkflow returns is a definition", () => {
    class Hello implements Workflow<Trip> {
      readonly id = "hello";
      readonly version = 1;
      readonly #name = "greet-politely"; // build runs as a method
      build(flow: Flow<Trip>) {
        return flow.then(Greet, { name: this.#name });
      }
    }
    assert.equal(definitionOf(defineWorkflow(Hello)).graph.root.nodes[0]?.path, "greet-politely");
    for (const other of [Hello, new Hello(), {}, null, undefined, "hello", workflow.toJSON()]) {
      assert.throws(() => definitionOf(other), InvalidRequestError);
    }
    assert.throws(
      () => definitionOf(Hello),
      /^InvalidRequestError: workflow must be a definition, not the class or function/,
    );
  });
});
