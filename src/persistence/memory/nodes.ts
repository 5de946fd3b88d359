import type { NodeRegistration, NodeRow, NodeStore } from "../provider.ts";
import type { InstanceTable } from "./instance-table.ts";
import type { Act } from "./act.ts";
import type { NodeRecord } from "./records.ts";

/** The nodes of a memory store. */
export class MemoryNodeStore implements NodeStore {
  readonly #act: Act;
  readonly #instances: InstanceTable;
  readonly #alone: boolean;
  readonly #rows = new Map<string, NodeRecord>();

  constructor(act: Act, instances: InstanceTable, alone: boolean) {
    this.#act = act;
    this.#instances = instances;
    this.#alone = alone;
  }

  /** Whether a node may claim and start. */
  isLive(id: string): boolean {
    return this.#rows.get(id)?.state === "live";
  }

  register(node: NodeRegistration): Promise<{ readonly now: number }> {
    return this.#act((now) => {
      // Sent again after an unknown outcome, it must not bring a dead node back to life.
      if (!this.#rows.has(node.id)) {
        const definitions = [...node.definitions];
        this.#rows.set(node.id, { ...node, definitions, state: "live", beat: 0, beatAt: now, endedAt: null });
      }
      return { now };
    });
  }

  beat(id: string): Promise<{ readonly now: number } | null> {
    return this.#act((now) => {
      const row = this.#rows.get(id);
      if (row === undefined || row.endedAt !== null) return null;
      row.beat += 1;
      row.beatAt = now;
      return { now };
    });
  }

  drain(id: string): Promise<void> {
    return this.#act(() => {
      const row = this.#rows.get(id);
      if (row?.state === "live") row.state = "draining";
    });
  }

  retire(id: string): Promise<void> {
    return this.#act((now) => {
      const row = this.#rows.get(id);
      if (row !== undefined && row.endedAt === null) end(row, "stopped", now);
    });
  }

  list(): Promise<readonly NodeRow[]> {
    return this.#act((now) => [...this.#rows.values()].map((row) => viewOf(row, now)));
  }

  declareDead(id: string, beat: number, silentMs: number): Promise<boolean> {
    return this.#act((now) => {
      const row = this.#rows.get(id);
      if (row === undefined || row.endedAt !== null || row.beat !== beat) return false;
      if (!this.#alone && now - row.beatAt <= silentMs) return false;
      end(row, "dead", now);
      return true;
    });
  }

  release(limit: number): Promise<number> {
    return this.#act((now) => {
      let released = 0;
      for (const node of this.#rows.values()) {
        if (node.endedAt === null) continue;
        for (const instance of [...this.#instances.ownedBy(node.id)]) {
          if (released === limit) return released;
          // A suspect (2 deaths and more) is charged only for a death in the suspect lane.
          if (node.state === "dead" && (instance.crashes < 2 || instance.inLane)) instance.crashes += 1;
          instance.inLane = false;
          instance.epoch += 1;
          this.#instances.free(instance, now);
          released += 1;
        }
      }
      return released;
    });
  }

  forget(olderMs: number): Promise<number> {
    return this.#act((now) => {
      const old = [...this.#rows.values()].filter(
        (row) => row.endedAt !== null && now - row.endedAt > olderMs && this.#instances.ownedBy(row.id).size === 0,
      );
      for (const row of old) this.#rows.delete(row.id);
      return old.length;
    });
  }
}

function end(row: NodeRecord, state: "dead" | "stopped", now: number): void {
  row.state = state;
  row.endedAt = now;
}

const viewOf = (row: NodeRecord, now: number): NodeRow => ({
  id: row.id,
  label: row.label,
  state: row.state,
  beat: row.beat,
  silentMs: now - row.beatAt,
  definitions: [...row.definitions],
});
