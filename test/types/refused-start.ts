import { z } from "zod";
import { defineWorkflow } from "../../src/builder/define-workflow.ts";
import type { Flow } from "../../src/builder/flow.ts";
import type { Workflow } from "../../src/builder/workflow.ts";
import { event } from "../../src/models/event-type.ts";
import type { Order } from "./order.ts";

/** Events whose payload does not fit what they are to start. What the compiler says stands behind each mark. */

const named = event<{ readonly id: string }>("named");
const bare = event("bare");
const options = { id: "w", version: 1, startOn: named } as const;
const counted = { ...options, data: z.object({ id: z.number() }) };

export const starts = [
  // @ts-expect-error: Type '{ readonly id: string; }' is missing the following properties from type 'Order'
  defineWorkflow(options, (flow: Flow<Order>) => flow.run("x", () => 1)),
  // @ts-expect-error: The types of 'startOn[carries](...).id' are incompatible between these types
  defineWorkflow(counted, (flow) => flow.run("x", () => 1)),
  // @ts-expect-error: Type 'void' is not assignable to type 'Order'
  defineWorkflow({ ...options, startOn: bare }, (flow: Flow<Order>) => flow.run("x", () => 1)),
  // @ts-expect-error: Property 'total' does not exist on type
  defineWorkflow(options, (flow) => flow.run("x", ({ total }) => total)),
  // @ts-expect-error: is not assignable to type 'EventType<
  defineWorkflow({ id: "w", version: 1, startOn: "named" }, (flow) => flow.run("x", () => 1)),
];

export class WrongStart implements Workflow<Order> {
  readonly id = "w";
  readonly version = 1;
  // @ts-expect-error: Type '{ readonly id: string; }' is missing the following properties from type 'Order'
  readonly startOn = named;
  build(flow: Flow<Order>) {
    return flow.run("x", () => 1);
  }
}
