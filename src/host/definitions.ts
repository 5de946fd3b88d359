import { differenceOf } from "../execution/difference.ts";
import type { Plan } from "../execution/plan.ts";
import { DefinitionChangedError } from "../models/errors-definition.ts";
import { canonicalGraph, fingerprintOf } from "../models/workflow-definition.ts";
import type { EngineStore, TriggerRow } from "../persistence/provider.ts";

/** Makes known which events start these definitions: of each the highest version that is here says so. */
export async function registerTriggers(store: EngineStore, plans: readonly Plan[]): Promise<void> {
  const rows = new Map<string, TriggerRow>();
  for (const { id, version, definition } of plans) {
    const { startOn = null } = definition.graph;
    if (version > (rows.get(id)?.version ?? 0)) rows.set(id, { definition: id, version, event: startOn });
  }
  await store.definitions.trigger([...rows.values()].sort((a, b) => (a.definition < b.definition ? -1 : 1)));
}

/**
 * Registers definitions. One that differs from what is stored under its id and version is refused while unfinished instances run
 * on that, unless the author accepts it. Throws `DefinitionChangedError`.
 */
export async function registerDefinitions(
  store: EngineStore,
  plans: readonly Plan[],
  onChanged: "refuse" | "accept",
): Promise<void> {
  for (const { id, version, definition } of plans) {
    const row = { id, version, fingerprint: fingerprintOf(definition), graph: canonicalGraph(definition.graph) };
    const stored = await store.definitions.register(row);
    if (stored.fingerprint === row.fingerprint) continue;
    if (onChanged === "refuse" && (await store.instances.hasUnfinished(id, version))) {
      throw new DefinitionChangedError(id, version, differenceOf(stored.graph, row.graph));
    }
    await store.definitions.replace(row);
  }
}
