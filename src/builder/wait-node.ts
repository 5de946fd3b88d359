import type { CancelWhenNode, WaitNode } from "../models/definition.ts";
import { checkSchema } from "../models/event-type.ts";
import { checkName } from "../models/identity.ts";
import type { BlockDraft } from "./construction.ts";
import { attempt, show } from "./fields.ts";
import { nestedBlock } from "./nested.ts";
import { commonOptions, keptOptions, Site } from "./site.ts";

const known = [...keptOptions, "key", "timeout", "onTimeout", "onError"];
const cancelOptions = [...commonOptions, "as", "key", "onCancel"];
const errorBehaviors = ["compensate", "fail", "terminate"] as const;

interface Given {
  readonly name: string;
  readonly schema?: unknown;
}

function eventOf(block: BlockDraft, verb: string, event: unknown): Given {
  if (typeof event === "object" && event !== null && "name" in event && typeof event.name === "string") {
    return { name: event.name, ...("schema" in event && { schema: event.schema }) };
  }
  throw block.fault(verb, `${verb} takes an event (made by event), not ${show(event)}`);
}

/** What a node says of the event that it waits for. */
function waited(site: Site, { name, schema }: Given): Pick<WaitNode, "event" | "key" | "schema"> {
  attempt(() => checkName(name, "event name"), site.fault);
  const key = site.functionOf(site.options.value("key"), `its option "key"`);
  const checked =
    schema === undefined ? undefined : attempt(() => checkSchema(schema, "its event's schema"), site.fault);
  return {
    event: name,
    key: site.ref("key", key),
    ...(checked !== undefined && { schema: site.ref("schema", checked) }),
  };
}

/** The node of `cancelWhen(event, body, options)`. */
export function cancelWhenNode(block: BlockDraft, event: unknown, body: unknown, options: unknown): CancelWhenNode {
  const given = eventOf(block, "cancelWhen", event);
  const site = new Site(block, { verb: "cancelWhen", container: "cancel-when", options, known: cancelOptions });
  const onCancel = site.options.function("onCancel");
  const what = { part: "/cancelled", what: "onCancel", mayBeEmpty: true, names: ["cancelledBy"] };
  return {
    kind: "cancelWhen",
    ...site.facts,
    ...waited(site, given),
    body: nestedBlock(site, { part: "/body", callback: body, what: "its body" }),
    cleanup: onCancel === undefined ? { nodes: [] } : nestedBlock(site, { ...what, callback: onCancel }),
  };
}

/** The node of `waitFor(event, options)`. */
export function waitNode(block: BlockDraft, event: unknown, options: unknown): WaitNode {
  const given = eventOf(block, "waitFor", event);
  const site = new Site(block, { verb: "waitFor", leaf: given.name, options, known });
  const { schema, ...facts } = waited(site, given);
  const timeoutMs = site.options.durationMs("timeout");
  const onTimeout = site.options.function("onTimeout");
  if (onTimeout !== undefined && timeoutMs === undefined) {
    throw site.fault(`its option "onTimeout" needs a "timeout", or it would never happen`);
  }
  const callback = { part: "/late", callback: onTimeout, what: "onTimeout", mayBeEmpty: true };
  return {
    kind: "wait",
    ...site.facts,
    ...facts,
    ...site.output,
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(onTimeout !== undefined && { late: nestedBlock(site, callback) }),
    onError: site.options.oneOf("onError", errorBehaviors) ?? "compensate",
    ...(schema !== undefined && { schema }),
  };
}
