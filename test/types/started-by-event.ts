import { z } from "zod";
import { defineWorkflow } from "../../src/builder/define-workflow.ts";
import type { Flow } from "../../src/builder/flow.ts";
import type { Workflow } from "../../src/builder/workflow.ts";
import { event } from "../../src/models/event-type.ts";
import { type Equal, holds, type Result, same, type Start } from "./equal.ts";

/** An event that starts a workflow gives the data its type, or fits the one that the author says. */

interface Placed {
  readonly id: string;
  readonly total: number;
}

const placed = event<Placed>("placed");
const priced = event("priced", z.object({ id: z.string(), total: z.string().transform(Number) }));
const ticked = event("ticked");

const inferred = defineWorkflow({ id: "inferred", version: 1, startOn: placed }, (flow) =>
  flow.run("look", (data) => same<Placed>()(data)).returns(({ total }) => total),
);
holds<Equal<Start<typeof inferred>, Placed>>();
holds<Equal<Result<typeof inferred>, number>>();

const ofSchema = defineWorkflow({ id: "of-schema", version: 1, startOn: priced }, (flow) =>
  flow.returns(({ total }) => total),
);
holds<Equal<Result<typeof ofSchema>, number>>();

const wider = defineWorkflow({ id: "wider", version: 1, startOn: placed }, (flow: Flow<{ readonly id: string }>) =>
  flow.returns(({ id }) => id),
);
holds<Equal<Start<typeof wider>, Placed>>();

const data = z.object({ id: z.string(), total: z.number(), note: z.string().default("") });
const completed = defineWorkflow({ id: "completed", version: 1, startOn: placed, data }, (flow) =>
  flow.returns(({ note }) => note),
);
holds<Equal<Result<typeof completed>, string>>();

const bare = defineWorkflow({ id: "bare", version: 1, startOn: ticked }, (flow) => flow.run("tick", () => 1));

class AsClass implements Workflow<Placed> {
  readonly id = "as-class";
  readonly version = 1;
  readonly startOn = placed;
  build(flow: Flow<Placed>) {
    return flow.returns(({ id }) => id);
  }
}

export const startedByEvents = [inferred, ofSchema, wider, completed, bare, defineWorkflow(AsClass)];
