import type { StandardSchemaV1 } from "@standard-schema/spec";
import { encodeValue } from "../models/codec.ts";
import type { CancelWhenNode, WaitNode } from "../models/definition.ts";
import { ValidationError } from "../models/errors-values.ts";
import type { StoredValue } from "../models/stored-value.ts";
import type { Plan } from "./plan.ts";

/** What a Standard Schema makes of a value. Throws `ValidationError` naming every issue's path. */
export async function validated(schema: unknown, value: unknown, what: string): Promise<unknown> {
  if (schema === undefined) return value;
  const outcome = await (schema as StandardSchemaV1)["~standard"].validate(value);
  if (outcome.issues === undefined) return outcome.value;
  throw new ValidationError(
    what,
    outcome.issues.map(({ path, message }) => ({ path: pathText(path), message })),
  );
}

function pathText(path: StandardSchemaV1.Issue["path"]): string {
  let text = "";
  for (const part of path ?? []) {
    const key = typeof part === "object" ? part.key : part;
    if (typeof key === "number") text += `[${key}]`;
    else text += text === "" ? String(key) : `.${String(key)}`;
  }
  return text;
}

/** The payload of the event that starts a run, as the event's schema and the definition's make it. */
export async function validateStart({ definition, id }: Plan, data: StoredValue): Promise<StoredValue> {
  const { schema, eventSchema, graph } = definition;
  if (schema === undefined && eventSchema === undefined) return data;
  const what = `start data of "${id}"`;
  const told = await validated(eventSchema, data.get(), `event "${graph.startOn}"`);
  return encodeValue(await validated(schema, told, what), what);
}

/** An event's data as the wait's schema makes it. */
export async function validateEvent(
  plan: Plan,
  node: WaitNode | CancelWhenNode,
  data: StoredValue,
): Promise<StoredValue> {
  if (node.schema === undefined) return data;
  const schema = plan.definition.functions.get(node.schema.ref);
  return encodeValue(await validated(schema, data.get(), `event "${node.event}"`), `event "${node.event}"`);
}
