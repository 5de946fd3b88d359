import type { JoinPolicy } from "../models/definition.ts";
import { type Fault, Fields, show } from "./fields.ts";

/** Options that say when a container of several children goes on. */
export const joinOptions: readonly string[] = ["join", "rest", "tolerate"];

/** Reads `join`, `rest` and `tolerate`; nothing where all children must succeed. */
export function readPolicy(options: Fields, fault: Fault): { readonly policy?: JoinPolicy } {
  const need = readNeed(options.value("join"), fault);
  const rest = options.oneOf("rest", ["cancel", "absorb"]);
  const tolerate = readTolerance(options.value("tolerate"), fault);
  if (rest !== undefined && need === undefined) {
    throw fault(`its option "rest" needs a "join" that does not wait for all, or there is no rest`);
  }
  if (need === undefined && tolerate === undefined) return {};
  return {
    policy: {
      ...(need !== undefined && { need, rest: rest ?? "cancel" }),
      ...(tolerate !== undefined && { tolerate }),
    },
  };
}

function readNeed(join: unknown, fault: Fault): number | undefined {
  if (join === undefined || join === "all") return undefined;
  if (join === "first") return 1;
  if (typeof join !== "object" || join === null || !("atLeast" in join)) {
    throw fault(`its option "join" must be "all", "first" or { atLeast: n }, not ${show(join)}`);
  }
  const inJoin: Fault = (problem, cause) => fault(`in "join", ${problem}`, cause);
  return new Fields(join, ["atLeast"], inJoin).wholeNumber("atLeast");
}

/** Reads how many failures are borne. */
export function readTolerance(tolerate: unknown, fault: Fault): JoinPolicy["tolerate"] | undefined {
  if (tolerate === undefined) return undefined;
  const inTolerate: Fault = (problem, cause) => fault(`in "tolerate", ${problem}`, cause);
  const fields = new Fields(tolerate, ["count", "share"], inTolerate);
  const share = fields.value("share");
  if (share === undefined) {
    const count = fields.wholeNumber("count", 0);
    if (count !== undefined) return { count };
    throw fault(`its option "tolerate" must be { count: n } or { share: from 0 to 1 }, not ${show(tolerate)}`);
  }
  if (fields.value("count") !== undefined) throw inTolerate(`it has both a count and a share: one of them is enough`);
  if (typeof share === "number" && share >= 0 && share <= 1) return { share };
  throw inTolerate(`its option "share" must be a number from 0 to 1, not ${show(share)}`);
}
