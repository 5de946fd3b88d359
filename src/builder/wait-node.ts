import type { WaitNode } from "../models/definition.ts";
import { checkSchema } from "../models/event-type.ts";
import { checkName } from "../models/identity.ts";
import type { BlockDraft } from "./construction.ts";
import { attempt, show } from "./fields.ts";
import { nestedBlock } from "./nested.ts";
import { keptOptions, Site } from "./site.ts";

const known = [...keptOptions, "key", "timeout", "onTimeout", "onError"];
const errorBehaviors = ["compensate", "fail", "terminate"] as const;

/** The node of `waitFor(event, options)`. */
export function waitNode(block: BlockDraft, event: unknown, options: unknown): WaitNode {
  if (typeof event !== "object" || event === null || !("name" in event) || typeof event.name !== "string") {
    throw block.fault("waitFor", `waitFor takes an event (made by event), not ${show(event)}`);
  }
  const { name } = event;
  const schema = "schema" in event ? event.schema : undefined;
  const site = new Site(block, { verb: "waitFor", leaf: name, options, known });
  attempt(() => checkName(name, "event name"), site.fault);
  const key = site.functionOf(site.options.value("key"), `its option "key"`);
  const timeoutMs = site.options.durationMs("timeout");
  const onTimeout = site.options.function("onTimeout");
  if (onTimeout !== undefined && timeoutMs === undefined) {
    throw site.fault(`its option "onTimeout" needs a "timeout", or it would never happen`);
  }
  const callback = { part: "/late", callback: onTimeout, what: "onTimeout", mayBeEmpty: true };
  return {
    kind: "wait",
    ...site.facts,
    event: name,
    key: site.ref("key", key),
    ...site.output,
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(onTimeout !== undefined && { late: nestedBlock(site, callback) }),
    onError: site.options.oneOf("onError", errorBehaviors) ?? "compensate",
    ...(schema !== undefined && {
      schema: site.ref(
        "schema",
        attempt(() => checkSchema(schema, "its event's schema"), site.fault),
      ),
    }),
  };
}
