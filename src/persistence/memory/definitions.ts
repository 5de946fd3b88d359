import type { DefinitionRow, DefinitionStore, TriggerRow } from "../provider.ts";
import type { Act } from "./act.ts";

/** What starts a definition, and since when. */
export interface TriggerRecord extends TriggerRow {
  readonly since: number;
}

/** Definitions as they were registered. */
export class MemoryDefinitionStore implements DefinitionStore {
  readonly #act: Act;
  readonly #rows = new Map<string, DefinitionRow>();
  readonly #triggers: Map<string, TriggerRecord>;

  constructor(act: Act, triggers: Map<string, TriggerRecord>) {
    this.#act = act;
    this.#triggers = triggers;
  }

  register(row: DefinitionRow): Promise<DefinitionRow> {
    return this.#act(() => {
      const stored = this.#rows.get(keyOf(row)) ?? structuredClone(row);
      this.#rows.set(keyOf(row), stored);
      return structuredClone(stored);
    });
  }

  replace(row: DefinitionRow): Promise<void> {
    return this.#act(() => void this.#rows.set(keyOf(row), structuredClone(row)));
  }

  trigger(rows: readonly TriggerRow[]): Promise<void> {
    return this.#act((now) => {
      for (const row of rows) {
        const before = this.#triggers.get(row.definition);
        if (before !== undefined && before.version > row.version) continue;
        const since = before?.event === row.event ? before.since : now;
        this.#triggers.set(row.definition, { ...row, since });
      }
    });
  }
}

const keyOf = ({ id, version }: DefinitionRow): string => JSON.stringify([id, version]);
