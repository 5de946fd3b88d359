import { differenceOf } from "../execution/difference.ts";
import type { Plan } from "../execution/plan.ts";
import { DefinitionChangedError } from "../models/errors-definition.ts";
import { canonicalGraph, fingerprintOf } from "../models/workflow-definition.ts";
import type { EngineStore, TriggerRow } from "../persistence/provider.ts";
import type { Incumbents } from "./incumbents.ts";

/** Makes known which events start these definitions: of each the highest version that is here says so. */
export async function registerTriggers(store: EngineStore, plans: readonly Plan[]): Promise<void> {
  const rows = new Map<string, TriggerRow>();
  for (const { id, version, definition } of plans) {
    const { startOn = null } = definition.graph;
    if (version > (rows.get(id)?.version ?? 0)) rows.set(id, { definition: id, version, event: startOn });
  }
  await store.definitions.trigger([...rows.values()].sort((a, b) => (a.definition < b.definition ? -1 : 1)));
}

export interface Registration {
  readonly store: EngineStore;
  readonly plans: readonly Plan[];
  readonly onChanged: "refuse" | "accept";
  readonly incumbents: Incumbents;
}

/**
 * Registers definitions. One that differs from what is stored under its id and version is refused while unfinished instances or a live
 * node rely on that, unless the author accepts it. Throws `DefinitionChangedError`.
 */
export async function registerDefinitions({ store, plans, onChanged, incumbents }: Registration): Promise<void> {
  for (const { id, version, definition } of plans) {
    const row = { id, version, fingerprint: fingerprintOf(definition), graph: canonicalGraph(definition.graph) };
    const stored = await store.definitions.register(row);
    if (stored.fingerprint === row.fingerprint) continue;
    if (onChanged === "refuse") {
      const refused = (process?: string): DefinitionChangedError =>
        new DefinitionChangedError(id, version, { difference: differenceOf(stored.graph, row.graph), process });
      if (await store.instances.hasUnfinished(id, version)) throw refused();
      const living = await incumbents.livingWith(`${id}@${version}`);
      if (living !== undefined) throw refused(living.label);
      // Again: until it was gone, a node started runs.
      if (await store.instances.hasUnfinished(id, version)) throw refused();
    }
    await store.definitions.replace(row);
  }
}
