import type { DefinitionRow, DefinitionStore } from "../provider.ts";
import type { Act } from "./act.ts";

/** Definitions as they were registered. */
export class MemoryDefinitionStore implements DefinitionStore {
  readonly #act: Act;
  readonly #rows = new Map<string, DefinitionRow>();

  constructor(act: Act) {
    this.#act = act;
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
}

const keyOf = ({ id, version }: DefinitionRow): string => JSON.stringify([id, version]);
