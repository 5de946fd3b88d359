import { type DoneOf, type Transaction, transactionalStep } from "workflow-core";
import type { Order } from "./orders.ts";
import { failAtTimes, refuseSoldOut } from "./outside-world.ts";

/**
 * The steps that write the shop's own tables. They are transactional: what they write is committed together with the engine's note
 * that they are done, or not at all. So nothing here asks "have I been here before?", whatever crashes in between.
 */

/** Opens an order and puts its goods aside. */
export const reserveStock = transactionalStep("reserve-stock", async (order: Order, { tx }) => {
  await tx.query("insert into order_fulfilment.orders (id, lines, total) values ($1, $2, $3)", [
    order.id,
    order.items.length,
    order.total,
  ]);
  for (const { sku, quantity } of order.items) {
    refuseSoldOut(sku); // what was put aside already is rolled back with the rest of the step
    await tx.query("insert into order_fulfilment.reservations (order_id, sku, quantity) values ($1, $2, $3)", [
      order.id,
      sku,
      quantity,
    ]);
  }
});

/** Undoes `reserveStock`. */
export const releaseStock = transactionalStep(
  "release-stock",
  async ({ input: order }: DoneOf<typeof reserveStock>, { tx }) => closeOrder(tx, order.id, "compensated"),
);

export const chargeCustomer = transactionalStep("charge-customer", async (order: Order, { tx, ...context }) => {
  await enter(tx, "charge", order);
  failAtTimes("bank", context); // after the entry, to show that a failed attempt leaves none
  return { amount: order.total };
});

/** Undoes `chargeCustomer`. */
export const refundCustomer = transactionalStep(
  "refund-customer",
  async ({ input: order }: DoneOf<typeof chargeCustomer>, { tx }) => enter(tx, "refund", order),
);

/** For an order whose payment did not come. Both effects in one transaction. */
export const cancelOrder = transactionalStep("cancel-order", async (order: Order, { tx }) => {
  await enter(tx, "refund", order);
  await closeOrder(tx, order.id, "expired");
});

/** For an order whose parcels are on their way. */
export const completeOrder = transactionalStep("complete-order", async (order: Order, { tx }) =>
  closeOrder(tx, order.id, "shipped"),
);

async function enter(tx: Transaction, kind: "charge" | "refund", order: Order): Promise<void> {
  await tx.query("insert into order_fulfilment.ledger (order_id, kind, amount) values ($1, $2, $3)", [
    order.id,
    kind,
    order.total,
  ]);
}

/** Sets the end of an order, and what becomes of the goods that were put aside for it. */
async function closeOrder(
  tx: Transaction,
  orderId: string,
  status: "shipped" | "expired" | "compensated",
): Promise<void> {
  await tx.query("update order_fulfilment.orders set status = $2 where id = $1", [orderId, status]);
  await tx.query("update order_fulfilment.reservations set status = $2 where order_id = $1", [
    orderId,
    status === "shipped" ? "shipped" : "released",
  ]);
}
