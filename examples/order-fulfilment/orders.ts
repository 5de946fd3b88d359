import { z } from "zod";

const itemSchema = z.object({
  sku: z.string().min(1).max(100),
  quantity: z.int().positive(),
  price: z.number().positive(),
});

/** An order as a line of the orders file holds it. Any Standard Schema library would do. */
export const orderSchema = z
  .object({
    /** Names the order everywhere: it is the key of its run, of its payment and of its rows. */
    id: z.string().min(1).max(100),
    email: z.email(),
    address: z.string().min(1).max(500),
    items: z.array(itemSchema).min(1).max(100),
    total: z.number().positive(),
  })
  .refine(({ items, total }) => cents(total) === sumOf(items), {
    path: ["total"],
    error: "must be the sum of quantity times price over the items",
  });

export type Order = z.infer<typeof orderSchema>;
export type Item = z.infer<typeof itemSchema>;

// Sums of 0.1 and the like are off by a hair: money is compared in whole cents.
const cents = (amount: number): number => Math.round(amount * 100);

const sumOf = (items: readonly Item[]): number =>
  items.reduce((sum, { quantity, price }) => sum + quantity * cents(price), 0);
