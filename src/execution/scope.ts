import type { ForEachNode, FunctionRef } from "../models/definition.ts";
import { blockOf, forEachOf, indexOf, lapNumberOf, staticPath } from "../models/path.ts";
import type { StoredValue } from "../models/stored-value.ts";
import type { Draft } from "./draft.ts";
import { mapped } from "./guard.ts";
import type { LiveInstance } from "./live-instance.ts";
import type { Held } from "./state.ts";

/** What an author's function at a path is given: the latest data, and the names that its scope can read. */
export interface Sight {
  readonly live: LiveInstance;
  readonly draft: Draft | undefined;
  readonly path: string;
  /** Names that only this function can read. */
  readonly own?: Readonly<Record<string, unknown>>;
}

const nothingKept: Readonly<Record<string, unknown>> = Object.freeze({});

const dataOf = ({ live, draft }: Sight): StoredValue => draft?.data ?? live.state.data;

/** Calls a mapping with (data, scope), or (data, result, scope) for an output. */
export function evaluate(sight: Sight, reference: FunctionRef, ...between: readonly unknown[]): unknown {
  return mapped(sight.live.plan, reference, [dataOf(sight).get(), ...between, scopeOf(sight)]);
}

/** Kept results, items and indexes that are visible at a path, the innermost winning. */
export function scopeOf(sight: Sight): Readonly<Record<string, unknown>> {
  const { live, draft, path } = sight;
  const block = blockOf(path);
  const kept = draft === undefined ? live.state.frontier.kept : draft.kept.size > 0;
  if (block === "" && !kept) return sight.own ?? nothingKept;
  const scope: Record<string, unknown> = {};
  for (const part of partsOf(block)) {
    const names = draft === undefined ? live.state.frontier.kept?.[part] : draft.kept.get(part);
    for (const [name, at] of Object.entries(names ?? {})) scope[name] = resolve(sight, at)?.get();
    const lap = lapNumberOf(part);
    if (lap !== undefined) scope["lap"] = lap;
    const index = indexOf(part);
    if (index === undefined) continue;
    scope[itemName(live, part)] = itemOf(sight, part);
    scope["index"] = index;
  }
  return Object.freeze(Object.assign(scope, sight.own));
}

/** The blocks around a path, outermost first: `""`, `a`, `a/each[3]`. */
function partsOf(block: string): string[] {
  const parts: string[] = [];
  for (let part = block; part !== ""; part = blockOf(part)) parts.push(part);
  parts.push("");
  return parts.reverse();
}

function itemName(live: LiveInstance, block: string): string {
  const node = live.plan.places.get(staticPath(forEachOf(block)))?.node as ForEachNode;
  return node.item;
}

function itemOf({ live, draft }: Sight, block: string): unknown {
  const container = forEachOf(block);
  const items = draft?.items.get(container) ?? live.items.get(container);
  return (items?.get() as readonly unknown[] | undefined)?.[indexOf(block) ?? -1];
}

/** What a step takes that has no `input`: the item of the innermost forEach around it, else the data. */
export function subjectOf(sight: Sight): unknown {
  for (let part = blockOf(sight.path); part !== ""; part = blockOf(part)) {
    if (indexOf(part) !== undefined) return itemOf(sight, part);
  }
  return dataOf(sight).get();
}

/** The value that a finished pointer holds, itself or by the pointer that it names; undefined if it is not in memory. */
export function resolve({ live, draft }: Sight, path: string): StoredValue | undefined {
  let held: Held | undefined = draft?.values.get(path) ?? live.values.get(path);
  while (held !== undefined && "at" in held) held = draft?.values.get(held.at) ?? live.values.get(held.at);
  return held;
}
