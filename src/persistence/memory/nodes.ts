import { suspectFromDeaths } from "../../models/limits.ts";
import type { NodeRegistration, NodeRow, NodeStore } from "../provider.ts";
import type { InstanceTable } from "./instance-table.ts";
import type { Act } from "./act.ts";
import type { InstanceRecord, NodeRecord } from "./records.ts";

/** The nodes of a memory store. */
export class MemoryNodeStore implements NodeStore {
  readonly #act: Act;
  readonly #instances: InstanceTable;
  readonly #rows = new Map<string, NodeRecord>();

  constructor(act: Act, instances: InstanceTable) {
    this.#act = act;
    this.#instances = instances;
  }

  /** Whether a node may claim and start. */
  isLive(id: string): boolean {
    return this.#rows.get(id)?.state === "live";
  }

  register(node: NodeRegistration): Promise<{ readonly now: number }> {
    return this.#act((now) => {
      const known = this.#rows.get(node.id);
      // Sent again after an unknown outcome, it must not bring a dead node back to life.
      if (known === undefined || known.state === "live") {
        const fresh: NodeRecord = { ...node, state: "live", beat: known?.beat ?? 0, beatAt: now, endedAt: null };
        this.#rows.set(node.id, { ...fresh, definitions: [...node.definitions] });
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
      if (row === undefined || row.beat !== beat) return false;
      if (row.endedAt !== null) return row.state === "dead";
      if (now - row.beatAt < silentMs) return false;
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
          if (node.state === "dead") instance.crashes = crashesAfter(instance);
          this.#instances.disown(instance, now);
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

/** Deaths count up to where the suspect lane begins; from there on only those in that lane do. */
const crashesAfter = ({ inLane, crashes }: InstanceRecord): number =>
  inLane || crashes < suspectFromDeaths ? crashes + 1 : crashes;

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
