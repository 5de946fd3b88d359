import * as v from "valibot";
import { z } from "zod";
import { defineWorkflow } from "../../src/builder/define-workflow.ts";
import { event } from "../../src/models/event-type.ts";
import { type Equal, holds, type Result, type Start } from "./equal.ts";

/** Schemas give the data its type, without an annotation; their defaults make fields of the start optional. */

export const withZod = defineWorkflow(
  {
    id: "with-zod",
    version: 1,
    data: z.object({ id: z.string(), total: z.number(), note: z.string().default("none") }),
  },
  (flow) =>
    flow
      .run("note", (data) => {
        holds<Equal<typeof data, { id: string; total: number; note: string }>>();
        return data.note.length;
      })
      .set((data) => ({ total: data.total + 1 })),
);
holds<Equal<Start<typeof withZod>, { id: string; total: number; note?: string | undefined }>>();
holds<Equal<Result<typeof withZod>, { id: string; total: number; note: string }>>();

export const withValibot = defineWorkflow(
  { id: "with-valibot", version: 1, data: v.object({ id: v.string(), tags: v.optional(v.array(v.string()), []) }) },
  (flow) =>
    flow
      .forEach(
        (data) => data.tags,
        (each) => each.run("shout", (tag) => tag.toUpperCase()),
        { as: "shouts" },
      )
      .returns((_, { shouts }) => shouts),
);
holds<Equal<Start<typeof withValibot>, { id: string; tags?: string[] | undefined }>>();
holds<Equal<Result<typeof withValibot>, string[]>>();

export const paid = event("paid", z.object({ amount: z.coerce.number() }));
export const seen = event("seen", v.object({ by: v.string() }));
export const withEvents = defineWorkflow(
  { id: "with-events", version: 1, data: z.object({ id: z.string() }) },
  (flow) =>
    flow
      .waitFor(paid, { key: ({ id }) => id, as: "payment" })
      .waitFor(seen, { key: ({ id }) => id, as: "reader" })
      .returns((_, { payment, reader }) => ({ amount: payment.amount, by: reader.by })),
);
holds<Equal<Result<typeof withEvents>, { readonly amount: number; readonly by: string }>>();
