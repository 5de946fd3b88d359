import { isTerminal } from "../../models/instance.ts";
import type { Firing, ScheduleClock, ScheduleRow, ScheduleStore, StoredSchedule } from "../schedule-store.ts";
import type { Act } from "./act.ts";
import type { InstanceTable } from "./instance-table.ts";
import type { InstanceRef, StartRow } from "../provider.ts";

type Facts = Omit<StoredSchedule, keyof ScheduleRow | "now" | "lastRun" | "lastRunIsOver">;

interface ScheduleRecord extends ScheduleRow, Facts {
  readonly lastRun: InstanceRef | null;
}

/** Schedules in memory. */
export class MemoryScheduleStore implements ScheduleStore<StartRow> {
  readonly #act: Act;
  readonly #instances: InstanceTable;
  readonly #rows = new Map<string, ScheduleRecord>();

  constructor(act: Act, instances: InstanceTable) {
    this.#act = act;
    this.#instances = instances;
  }

  create(schedule: ScheduleRow): Promise<boolean> {
    return this.#act((now) => {
      if (this.#rows.has(schedule.id)) return false;
      const facts = {
        revision: 0,
        lastAt: null,
        lastRun: null,
        started: 0,
        skipped: 0,
        createdAt: now,
        updatedAt: now,
      };
      this.#rows.set(schedule.id, { ...schedule, ...facts });
      return true;
    });
  }

  get(id: string): Promise<StoredSchedule | null> {
    return this.#act((now) => {
      const row = this.#rows.get(id);
      return row === undefined ? null : this.#stored(row, now);
    });
  }

  list(after: string, limit: number): Promise<readonly StoredSchedule[]> {
    return this.#act((now) => {
      const rows = [...this.#rows.values()].filter(({ id }) => isBehind(id, after));
      rows.sort((a, b) => (isBehind(a.id, b.id) ? 1 : -1));
      return rows.slice(0, limit).map((row) => this.#stored(row, now));
    });
  }

  change(schedule: ScheduleRow, revision: number): Promise<boolean> {
    return this.#act((now) => {
      const row = this.#rows.get(schedule.id);
      if (row?.revision !== revision) return false;
      this.#rows.set(row.id, { ...row, ...schedule, revision: revision + 1, updatedAt: now });
      return true;
    });
  }

  delete(id: string): Promise<boolean> {
    return this.#act(() => this.#rows.delete(id));
  }

  clock(): Promise<ScheduleClock> {
    return this.#act((now) => {
      const instants = [...this.#rows.values()].flatMap(({ nextAt }) => nextAt ?? []);
      return {
        now,
        dueAt: earliest(instants.filter((instant) => instant <= now)),
        laterAt: earliest(instants.filter((instant) => instant > now)),
      };
    });
  }

  due(limit: number): Promise<readonly StoredSchedule[]> {
    return this.#act((now) => {
      const rows = [...this.#rows.values()].filter(({ nextAt }) => nextAt !== null && nextAt <= now);
      rows.sort((a, b) => (a.nextAt ?? 0) - (b.nextAt ?? 0));
      const stored = rows.map((row) => this.#stored(row, now));
      return stored.filter(({ queues, lastRunIsOver }) => !queues || lastRunIsOver).slice(0, limit);
    });
  }

  fire({ id, revision, nextAt, tickAt, start }: Firing<StartRow>): Promise<boolean> {
    return this.#act((now) => {
      const row = this.#rows.get(id);
      if (row?.revision !== revision) return false;
      this.#rows.set(id, {
        ...row,
        revision: revision + 1,
        nextAt,
        lastAt: tickAt ?? row.lastAt,
        lastRun: start ?? row.lastRun,
        started: row.started + (start === null ? 0 : 1),
        skipped: row.skipped + (start === null ? 1 : 0),
      });
      if (start !== null && this.#instances.get(start) === undefined) {
        this.#instances.free(this.#instances.add(start, now), now);
      }
      return true;
    });
  }

  #stored(row: ScheduleRecord, now: number): StoredSchedule {
    const { spec, data, lastRun, ...facts } = row;
    const last = lastRun === null ? undefined : this.#instances.get(lastRun);
    return {
      ...facts,
      spec: JSON.parse(spec),
      data: JSON.parse(data),
      lastRun: lastRun?.id ?? null,
      lastRunIsOver: last === undefined || isTerminal(last.status),
      now,
    };
  }
}

const earliest = (instants: readonly number[]): number | null =>
  instants.length === 0 ? null : instants.reduce((a, b) => Math.min(a, b));

/** By code point, as the database compares them. */
const isBehind = (a: string, b: string): boolean => Buffer.compare(Buffer.from(a), Buffer.from(b)) > 0;
