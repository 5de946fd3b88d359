import type { Environment } from "../../models/environment.ts";
import type { Database, Statement } from "../database.ts";
import type { StartRow } from "../provider.ts";
import type { Firing, ScheduleClock, ScheduleRow, ScheduleStore, StoredSchedule } from "../schedule-store.ts";
import { retrying } from "../retrying.ts";
import {
  changeSchedule,
  deleteSchedule,
  dueSchedules,
  insertSchedule,
  listSchedules,
  moveSchedule,
  readSchedule,
  scheduleClock,
} from "./schedule-statements.ts";
import { startUnowned } from "./start-statement.ts";
import type { Tables } from "./tables.ts";

/** Schedules in SQL. */
export class SqlScheduleStore implements ScheduleStore<StartRow> {
  private readonly database: Database;
  private readonly tables: Tables;
  private readonly env: Environment;

  constructor(database: Database, tables: Tables, env: Environment) {
    this.database = database;
    this.tables = tables;
    this.env = env;
  }

  create(schedule: ScheduleRow): Promise<boolean> {
    return this.touched(insertSchedule(this.tables, schedule));
  }

  async get(id: string): Promise<StoredSchedule | null> {
    const [row] = await this.run<StoredSchedule>(readSchedule(this.tables, id));
    return row ?? null;
  }

  list(after: string, limit: number): Promise<readonly StoredSchedule[]> {
    return this.run<StoredSchedule>(listSchedules(this.tables, after, limit));
  }

  change(schedule: ScheduleRow, revision: number): Promise<boolean> {
    return this.touched(changeSchedule(this.tables, schedule, revision));
  }

  delete(id: string): Promise<boolean> {
    return this.touched(deleteSchedule(this.tables, id));
  }

  async clock(): Promise<ScheduleClock> {
    const [row] = await this.run<ScheduleClock>(scheduleClock(this.tables));
    return row ?? { now: 0, dueAt: null, laterAt: null };
  }

  due(limit: number): Promise<readonly StoredSchedule[]> {
    return this.run<StoredSchedule>(dueSchedules(this.tables, limit));
  }

  fire(firing: Firing<StartRow>): Promise<boolean> {
    return retrying(this.env, () =>
      this.database.transaction(async (session) => {
        const moved = await session.query(moveSchedule(this.tables, firing));
        if (moved.length === 0) return false;
        if (firing.start !== null) await session.query(startUnowned(this.tables, [firing.start]));
        return true;
      }),
    );
  }

  private async touched(statement: Statement): Promise<boolean> {
    return (await this.run(statement)).length > 0;
  }

  private run<R>(statement: Statement): Promise<readonly R[]> {
    return retrying(this.env, () => this.database.query<R>(statement));
  }
}
