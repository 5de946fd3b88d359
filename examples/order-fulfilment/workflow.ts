import { defineWorkflow, type DoneOf, type RetryPolicy, step } from "workflow-core";
import {
  cancelOrder,
  chargeCustomer,
  completeOrder,
  refundCustomer,
  releaseStock,
  reserveStock,
} from "./bookkeeping.ts";
import { type Item, orderSchema } from "./orders.ts";
import { call, refuseUndeliverable } from "./outside-world.ts";
import { paymentConfirmed } from "./payments.ts";

/** Short, so that the example is over soon; the default waits for 1, 2, 4 … seconds. */
const retry: RetryPolicy = { maxAttempts: 5, initial: 200, max: "1 second" };

const reviewByHand = step("review-by-hand", async (_: unknown, context) => {
  await call("reviewer", context);
  return { approvedBy: "a reviewer" };
});

interface Parcel {
  readonly address: string;
  readonly item: Item;
}

const shipItem = step("ship-item", async ({ address, item }: Parcel, context) => {
  refuseUndeliverable(address);
  await call("carrier", context);
  return { parcel: `P-${item.sku}-${context.idempotencyKey.slice(0, 8)}` };
});

/** A plain step may have been cut off by a crash, so nobody knows whether its parcel left: `outcome` would be "unknown" then. */
const recallParcel = step("recall-parcel", async (_: DoneOf<typeof shipItem>, context) => call("carrier", context));

const tellCustomer = step("tell-customer", async (_: { readonly email: string }, context) =>
  call("mail service", context),
);

const tellWarehouse = step("tell-warehouse", async (_: { readonly id: string }, context) => call("warehouse", context));

/** How long an order waits for its payment. A real shop would give it days; the engine does not mind. */
export const paymentSeconds = 8;

/** What is worth more than this is looked at by somebody. */
const reviewAbove = 1_000;

/** The life of an order: one run each, under the order's id. */
export const fulfilOrder = defineWorkflow({ id: "fulfil-order", version: 1, data: orderSchema }, (flow) =>
  flow
    .saga(
      (saga) =>
        saga
          .then(reserveStock, { retry, compensateWith: releaseStock })
          .then(chargeCustomer, { retry, compensateWith: refundCustomer })
          .waitFor(paymentConfirmed, {
            key: (order) => order.id,
            timeout: `${paymentSeconds} seconds`,
            onTimeout: (late) => late.then(cancelOrder, { retry }).end(() => ({ outcome: "expired" })),
          })
          .if(
            (order) => order.total > reviewAbove,
            (yes) => yes.then(reviewByHand, { retry }),
            (no) => no.run("approve-by-rule", () => ({ approvedBy: "a rule" })),
            { as: "approval" },
          )
          .forEach(
            (order) => order.items,
            (each) =>
              each.then(shipItem, {
                input: ({ address }, { item }) => ({ address, item }),
                retry,
                compensateWith: recallParcel,
              }),
            { as: "shipments", concurrency: 3 },
          )
          .then(completeOrder, { retry })
          .returns((_, { approval, shipments }) => ({ ...approval, parcels: shipments.map(({ parcel }) => parcel) })),
      { as: "shipped" },
    )
    .parallel({
      customer: (branch) => branch.then(tellCustomer, { retry }),
      warehouse: (branch) => branch.then(tellWarehouse, { retry }),
    })
    .returns((_, { shipped }) => ({ outcome: "shipped", ...shipped })),
);
