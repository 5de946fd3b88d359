import { quarantineFromDeaths } from "../models/limits.ts";
import { blockOf, childOf, staticPath } from "../models/path.ts";
import { load, type Reader } from "./answer.ts";
import type { Fact } from "./facts.ts";
import type { LiveInstance } from "./live-instance.ts";
import { isUnbegun, type Plan } from "./plan.ts";

/** What an instance that was claimed goes on with: whether it may at all, and what is due by `now`, the database's clock. */
export function firstFacts(live: LiveInstance, now: number): Fact[] {
  if (live.unreadable !== undefined) return [{ kind: "corrupt", failure: live.unreadable.failure }];
  if (live.crashes >= quarantineFromDeaths) return [{ kind: "poison" }];
  const facts: Fact[] = [{ kind: isUnbegun(live.state.frontier) ? "begun" : "continue" }];
  const { pointers, deadline } = live.state.frontier;
  if (deadline?.due !== undefined && deadline.due <= now) facts.push({ kind: "expired" });
  for (const [path, { due }] of Object.entries(pointers)) {
    if (due !== undefined && due <= now) facts.push({ kind: "due", path, due });
  }
  return facts;
}

/** Reads what forward execution needs and the frontier only names: kept values, and the items of open containers. */
export async function remember(live: LiveInstance, reader: Reader): Promise<void> {
  const { kept, scopes } = live.state.frontier;
  const paths = Object.values(kept ?? {}).flatMap((names) => Object.values(names));
  const crowds: string[] = [];
  for (const [path, { last, left, holds, started }] of Object.entries(scopes ?? {})) {
    if (last !== undefined) paths.push(last);
    if (left && holds === "close") paths.push(lastOfBlock(live.plan, blockOf(path)));
    if (started) crowds.push(path);
  }
  if (paths.length > 0) await load(live, paths, reader);
  if (crowds.length > 0) await live.loadItems(crowds, reader);
}

/** What is done with all its steps, and held by what runs on beside them, still has the value of the last. */
function lastOfBlock(plan: Plan, block: string): string {
  const last = plan.blocks.get(staticPath(block))?.nodes.at(-1);
  return childOf(block, last?.name ?? "");
}
