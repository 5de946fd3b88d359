import { readLines } from "./lines.ts";
import { type Options, UsageError } from "./options.ts";
import { type Order, orderSchema } from "./orders.ts";
import { type Payment, paymentSchema, promptPayments } from "./payments.ts";
import { describeBadLines } from "./report.ts";

/** What is to be done, and what was wrong with the files. */
export interface Input {
  readonly orders: readonly Order[];
  readonly payments: readonly Payment[];
  readonly badLines: number;
  /** A sentence for each bad line. */
  readonly complaints: readonly string[];
}

/** Reads orders and payments. Throws `UsageError` for a file that cannot be read. */
export async function readInput({ ordersFile, paymentsFile }: Options): Promise<Input> {
  const orders = await orUsageError(ordersFile, readLines(ordersFile, orderSchema, { idOf: ({ id }) => id }));
  const complaints = describeBadLines(ordersFile, orders.bad);
  if (paymentsFile === undefined) {
    return { orders: orders.good, payments: promptPayments(orders.good), badLines: orders.bad.length, complaints };
  }
  const idOf = ({ orderId }: Payment): string => orderId;
  const payments = await orUsageError(paymentsFile, readLines(paymentsFile, paymentSchema, { idOf }));
  return {
    orders: orders.good,
    payments: payments.good,
    badLines: orders.bad.length + payments.bad.length,
    complaints: [...complaints, ...describeBadLines(paymentsFile, payments.bad)],
  };
}

async function orUsageError<T>(file: string, reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    throw new UsageError(`Cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}
