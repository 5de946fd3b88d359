import { setTimeout as sleep } from "node:timers/promises";
import { event, type WorkflowHost } from "workflow-core";
import { z } from "zod";
import type { Order } from "./orders.ts";

/** Published under the order's id when the bank has confirmed its payment. */
export const paymentConfirmed = event("payment-confirmed", z.object({ amount: z.number().positive() }));

/** A payment as a line of the payments file holds it. */
export const paymentSchema = z.object({
  orderId: z.string().min(1).max(100),
  amount: z.number().positive(),
  /** Milliseconds after the first start of its orders file at which the payment is confirmed. */
  afterMs: z.int().nonnegative().default(0),
});

export type Payment = z.infer<typeof paymentSchema>;

/** What is taken for the payments when there is no file of them: each order is paid at once. */
export const promptPayments = (orders: readonly Order[]): readonly Payment[] =>
  orders.map(({ id, total }) => ({ orderId: id, amount: total, afterMs: 0 }));

const lookMs = 200;

/**
 * Plays the bank: publishes each payment when its time has come, until `signal` aborts. `elapsedMs` have passed already, in an
 * earlier process or another one. Each payment is stored once however many processes publish it: its order is its idempotency key.
 */
export async function publishPayments(
  host: WorkflowHost,
  payments: readonly Payment[],
  { elapsedMs, signal }: { readonly elapsedMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const startedAt = performance.now() - elapsedMs;
  let later = payments;
  while (later.length > 0 && !signal.aborted) {
    const now = performance.now() - startedAt;
    const due = later.filter(({ afterMs }) => afterMs <= now);
    later = later.filter(({ afterMs }) => afterMs > now);
    await host.publishEvents(paymentConfirmed, due.map(eventOf));
    await sleep(lookMs, undefined, { signal }).catch(() => undefined);
  }
}

const eventOf = ({ orderId, amount }: Payment) => ({ key: orderId, data: { amount }, idempotencyKey: orderId });
