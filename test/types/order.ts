import { defineWorkflow } from "../../src/builder/define-workflow.ts";
import type { Flow } from "../../src/builder/flow.ts";
import { step, transactionalStep } from "../../src/builder/step.ts";
import { event } from "../../src/models/event-type.ts";
import { ExecutionResult } from "../../src/models/execution-result.ts";
import { type DoneOf, StepBody, type StepContext } from "../../src/models/step.ts";

export interface Item {
  sku: string;
  quantity: number;
}

export interface Order {
  id: string;
  email: string;
  address: string;
  total: number;
  items: Item[];
  paid: number;
}

export const reserve = step("reserve", async (order: { id: string; items: Item[] }) => ({
  reservation: `R-${order.id}-${order.items.length}`,
}));

export const release = step("release", async (reserved: DoneOf<typeof reserve>) => {
  if (reserved.outcome === "unknown") return `look for ${reserved.input.id}`;
  return reserved.result.reservation;
});

export const charge = transactionalStep("charge", async (input: { orderId: string; amount: number }, { tx }) => {
  await tx.query("insert into ledger values ($1, $2)", [input.orderId, input.amount]);
  return { receipt: `C-${input.orderId}`, amount: input.amount };
});

export const refund = transactionalStep("refund", async ({ input, result }: DoneOf<typeof charge>, { tx }) => {
  await tx.query("insert into ledger values ($1, $2)", [result.receipt, -input.amount]);
});

export class Ship extends StepBody {
  async run({ input, attempt }: StepContext<{ item: Item; address: string; reservation: string }>) {
    if (attempt > 3) return ExecutionResult.sleep("1 minute");
    return ExecutionResult.next({ tracking: `T-${input.item.sku}` });
  }
}

export const pack = step("pack", async (item: Item) => ({ box: item.quantity }));
export const paymentConfirmed = event<{ amount: number }>("payment-confirmed");

/** The order workflow of the documentation. */
export const fulfilOrder = defineWorkflow({ id: "fulfil-order", version: 1 }, (flow: Flow<Order>) =>
  flow
    .saga(
      (saga) =>
        saga
          .startWith(reserve, { as: "stock", compensateWith: release }) // takes the order itself: no `input`
          .then(charge, {
            input: (order) => ({ orderId: order.id, amount: order.total }),
            retry: { maxAttempts: 3, initial: "1 second" },
            timeout: "30 seconds",
            compensateWith: refund,
          })
          .waitFor(paymentConfirmed, {
            key: (order) => order.id,
            timeout: "2 days",
            onTimeout: (late) => late.end(() => ({ outcome: "expired" })),
            output: (order, payment) => ({ paid: order.paid + payment.amount }), // a patch of the data
          })
          .returns((_, { stock }) => stock.reservation),
      { as: "reservation" },
    )
    .if(
      (order) => order.total > 1000,
      (yes) => yes.delay("1 hour").run("approve", (order) => ({ approvedBy: order.email })),
      (no) => no.run("auto-approve", () => ({ approvedBy: "rules" })),
      { as: "approval" },
    )
    .forEach(
      (order) => order.items,
      (each) =>
        each
          .then(pack) // takes the item itself
          .then(Ship, { input: (order, { item, reservation }) => ({ item, reservation, address: order.address }) }),
      { as: "shipments", concurrency: 4 },
    )
    .parallel(
      {
        invoice: (branch) => branch.run("render", (order) => ({ url: `https://invoices/${order.id}` })),
        mail: (branch) =>
          branch.run("mail", (order, { scope }) => `sent to ${order.email}: ${scope.shipments.length} parcels`),
      },
      { as: "papers" },
    )
    .returns((order, { approval, shipments, papers }) => ({
      outcome: "shipped",
      order: order.id,
      approvedBy: approval.approvedBy,
      tracking: shipments.map((shipment) => shipment.tracking),
      invoice: papers.invoice.url,
    })),
);
