import { defineWorkflow } from "../../src/builder/define-workflow.ts";
import type { Block } from "../../src/builder/block.ts";
import type { Flow } from "../../src/builder/flow.ts";
import { step } from "../../src/builder/step.ts";
import type { Workflow } from "../../src/builder/workflow.ts";
import { event } from "../../src/models/event-type.ts";
import { ExecutionResult, type Settled } from "../../src/models/execution-result.ts";
import { type DoneOf, type Step, StepBody, type StepContext } from "../../src/models/step.ts";
import { type Equal, type Flat, holds, same, type Result, type Start } from "./equal.ts";
import {
  type charge,
  type fulfilOrder,
  type Item,
  type Order,
  pack,
  paymentConfirmed,
  reserve,
  Ship,
} from "./order.ts";

// ── the order workflow
holds<
  Equal<
    Result<typeof fulfilOrder>,
    | { readonly outcome: "expired" }
    | {
        readonly outcome: "shipped";
        readonly order: string;
        readonly approvedBy: string;
        readonly tracking: string[];
        readonly invoice: string;
      }
  >
>();
holds<Equal<Start<typeof fulfilOrder>, Order>>();

// ── a body's answer
holds<Equal<Settled<ExecutionResult<{ a: 1 }> | ExecutionResult<never> | string>, { a: 1 } | string>>();
holds<Equal<Settled<ExecutionResult<void>>, void>>();

// ── what a workflow without `returns` yields: its data, and what an early end says
export const counting = defineWorkflow({ id: "counting", version: 1 }, (flow: Flow<{ n: number }>) =>
  flow
    .if(
      ({ n }) => n > 3,
      (yes) => yes.end(() => "too many"),
    )
    .set(({ n }) => ({ n: n + 1 })),
);
holds<Equal<Result<typeof counting>, string | { n: number }>>();

export const endless = defineWorkflow({ id: "ends", version: 1 }, (flow: Flow<{ n: number }>) => flow.delay(5).end());
holds<Equal<Result<typeof endless>, { n: number }>>();

// ── kept names: present, and typed by the value of their block
export const keeping = defineWorkflow({ id: "keeping", version: 1 }, (flow: Flow<Order>) =>
  flow
    .then(reserve, { as: "stock" })
    .waitFor(paymentConfirmed, { key: (order) => order.id, as: "sure" })
    .waitFor(paymentConfirmed, {
      name: "again",
      key: (order) => order.id,
      timeout: 1000,
      onTimeout: (late) => late.run("remind", () => 1),
      as: "maybe",
    })
    .if(
      () => true,
      (yes) => yes.run("count", () => 1),
      undefined,
      { as: "counted" },
    )
    .if(
      () => true,
      (yes) => yes.run("one", () => 1),
      (no) => no.end(() => "no" as const),
      { as: "only" },
    )
    .saga((saga) => saga.run("undoable", () => "done"), { as: "whole" })
    .saga((saga) => saga.run("undoable", () => "done"), { as: "half", afterCompensation: "continue" })
    .saga((saga) => saga.run("undoable", () => "done"), { as: "failing", afterCompensation: "fail" })
    .run(
      "look",
      (order, { scope, data }) => {
        same<Order>()(order);
        same<Readonly<Order>>()(data);
        same<{ reservation: string }>()(scope.stock);
        same<{ amount: number }>()(scope.sure);
        same<{ amount: number } | undefined>()(scope.maybe);
        same<number | undefined>()(scope.counted);
        same<number>()(scope.only);
        same<string>()(scope.whole);
        same<string | undefined>()(scope.half);
        same<string>()(scope.failing);
        return order.total;
      },
      { output: (data, total) => ({ paid: data.paid + total }) },
    ),
);
holds<Equal<Result<typeof keeping>, Order | "no">>();

// ── nested forEach: the inner item may have a name of its own, and hides nothing then
interface Shelf {
  rows: { label: string; boxes: number[] }[];
}
export const nested = defineWorkflow({ id: "nested", version: 1 }, (flow: Flow<Shelf>) =>
  flow
    .forEach(
      (shelf) => shelf.rows,
      (row) =>
        row.forEach(
          (_, { item }) => item.boxes,
          (box) =>
            box.run("weigh", (weight, { scope }) => {
              same<number>()(weight);
              holds<
                Equal<
                  Flat<typeof scope>,
                  { readonly item: { label: string; boxes: number[] }; readonly index: number; readonly line: number }
                >
              >();
              return `${scope.item.label}: ${scope.line}`;
            }),
          { item: "line", as: "lines" },
        ),
      { as: "all" },
    )
    .returns((_, { all }) => all),
);
holds<Equal<Result<typeof nested>, string[][]>>();

// ── the class form
export class Hello implements Workflow<{ name: string }> {
  readonly id = "hello";
  readonly version = 2;
  build(flow: Flow<{ name: string }>) {
    return flow.run("greet", ({ name }) => `Hello ${name}`, { as: "greeting" }).returns((_, kept) => kept.greeting);
  }
}
export const hello = defineWorkflow(Hello);
holds<Equal<Result<typeof hello>, string>>();
holds<Equal<Start<typeof hello>, { name: string }>>();

// ── bodies: a step without input, a class, an instance with constructor arguments
export const ping = step("ping", async () => "pong");
export class Greet extends StepBody<{ name: string }, string> {
  readonly #greeting: string;
  constructor(greeting: string) {
    super();
    this.#greeting = greeting;
  }
  run({ input }: StepContext<{ name: string }>) {
    return `${this.#greeting} ${input.name}`;
  }
}
class NoBase {
  async run(context: StepContext<{ name: string }, { page: number }>) {
    if (context.persistenceData === undefined) return ExecutionResult.persist({ page: 1 });
    return ExecutionResult.next(context.persistenceData.page);
  }
}
/** Functions may say what they keep from run to run, too. */
export const paging = step(
  "paging",
  async (_: { name: string }, context: StepContext<{ name: string }, { page: number }>) =>
    context.persistenceData === undefined ? ExecutionResult.persist({ page: 1 }) : context.persistenceData.page,
);
holds<Equal<typeof paging extends Step<{ name: string }, infer A> ? Settled<A> : 0, number>>();
export const inlinePaging = defineWorkflow({ id: "paging", version: 1 }, (flow: Flow<{ name: string }>) =>
  flow
    .run("plain", (_, { persistenceData }) => {
      same<unknown>()(persistenceData);
      return 0;
    })
    .run(
      "typed",
      (_: { name: string }, context: StepContext<{ name: string }, number>) => context.persistenceData ?? 1,
      {
        as: "page",
      },
    )
    .returns((_, { page }) => page),
);
holds<Equal<Result<typeof inlinePaging>, number>>();
export const bodies = defineWorkflow({ id: "bodies", version: 1 }, (flow: Flow<{ name: string }>) =>
  flow
    .startWith(ping, { as: "pong" })
    .then(new Greet("Hello"), { as: "greeting" })
    .then(NoBase, { as: "page" })
    .returns((_, { pong, greeting, page }) => ({ pong, greeting, page })),
);
holds<Equal<Result<typeof bodies>, { readonly pong: string; readonly greeting: string; readonly page: number }>>();

// ── pieces as plain functions, and wrappers around any piece
export const shipAll = <K extends { reservation: string }>(flow: Flow<Order, K>) =>
  flow.forEach(
    (order) => order.items,
    (each) =>
      each
        .then(pack)
        .then(Ship, { input: (order, { item, reservation }) => ({ item, reservation, address: order.address }) }),
  );
export const shipPlainly = (flow: Flow<Order, { reservation: string }>) =>
  flow.run("ship-plainly", (_, { scope }) => scope.reservation.length);
export const wrapped =
  <L, E>(inner: (flow: Flow<Order>) => Block<L, E>) =>
  (flow: Flow<Order>) =>
    flow.saga(inner).run("after", (order) => order.paid);
export const pieces = defineWorkflow({ id: "pieces", version: 1 }, (flow: Flow<Order>) =>
  flow
    .then(reserve, { as: "stock" })
    .saga((saga) => saga.returns((_, { stock }) => stock.reservation), { as: "reservation" })
    .saga(shipAll, { as: "shipments" })
    .saga(shipPlainly, { as: "shipped" })
    .returns((_, { shipments, shipped }) => shipments.length + shipped),
);
holds<Equal<Result<typeof pieces>, number>>();
export const wrapping = defineWorkflow(
  { id: "wrapping", version: 1 },
  wrapped((flow) => flow.then(reserve)),
);
holds<Equal<Result<typeof wrapping>, Order>>();

// ── an event that tells nothing
export const nudged = event("nudged");
export const waiting = defineWorkflow({ id: "waiting", version: 1 }, (flow: Flow<{ id: string }>) =>
  flow.waitFor(nudged, { key: ({ id }) => id, as: "nothing" }).returns((_, { nothing }) => nothing),
);
holds<Equal<Result<typeof waiting>, void>>();

// ── what compensations are given
holds<
  Equal<
    DoneOf<typeof reserve>,
    | {
        readonly input: { id: string; items: Item[] };
        readonly outcome: "completed";
        readonly result: { reservation: string };
      }
    | { readonly input: { id: string; items: Item[] }; readonly outcome: "unknown"; readonly result?: undefined }
  >
>();
holds<
  Equal<
    DoneOf<typeof charge>,
    {
      readonly input: { orderId: string; amount: number };
      readonly outcome: "completed";
      readonly result: { receipt: string; amount: number };
    }
  >
>();
