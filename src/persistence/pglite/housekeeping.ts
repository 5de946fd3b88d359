import type { Environment, Timer } from "../../models/environment.ts";
import type { Statement } from "../database.ts";
import type { Connection } from "./connection.ts";

const lookMs = 5_000;
const looksPerVacuum = 6;
const logBytes = 64 * 1024 * 1024;

/** How much log a crash would have to replay, and how much lies on the disk. */
const logSinceCheckpoint: Statement = {
  name: "log-since-checkpoint",
  text: "select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), redo_lsn)::float8 as bytes from pg_control_checkpoint()",
  values: [],
};

/** The table that autovacuum would turn to first. One that is so large that vacuuming it would hold up heartbeats is left alone. */
const dirtiestTable: Statement = {
  name: "dirtiest-table",
  text: `select format('%I.%I', schemaname, relname) as name from pg_stat_user_tables
    where n_dead_tup > 1000 + n_live_tup * 0.1 and pg_relation_size(relid) < 1024 * 1024 * 1024
    order by n_dead_tup desc limit 1`,
  values: [],
};

/**
 * What a server's background processes do and PGlite, which has none, does not: checkpoints, without which the log grows for ever
 * and every start after a crash takes longer, and vacuuming. Each act takes its turn between statements.
 */
export class Housekeeping {
  readonly #env: Environment;
  readonly #turn: (work: (connection: Connection) => Promise<void>) => Promise<void>;
  #timer: Timer | undefined;
  #looks = 0;

  constructor(env: Environment, turn: (work: (connection: Connection) => Promise<void>) => Promise<void>) {
    this.#env = env;
    this.#turn = turn;
  }

  start(): void {
    this.stop();
    const timer = this.#env.later(lookMs, () => {
      void this.#look()
        .catch((error: unknown) => this.#env.logger.debug("Housekeeping must wait.", { error: String(error) }))
        .then(() => {
          if (this.#timer === timer) this.start(); // else it was stopped meanwhile
        });
    });
    this.#timer = timer;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  async #look(): Promise<void> {
    this.#looks += 1;
    await this.#turn(checkpointIfDue);
    if (this.#looks % looksPerVacuum === 0) await this.#turn(vacuumIfDue);
  }
}

async function checkpointIfDue(connection: Connection): Promise<void> {
  const [log] = await connection.run<{ readonly bytes: number }>(logSinceCheckpoint);
  if (log !== undefined && log.bytes > logBytes) await connection.command("checkpoint");
}

async function vacuumIfDue(connection: Connection): Promise<void> {
  const [table] = await connection.run<{ readonly name: string }>(dirtiestTable);
  if (table !== undefined) await connection.command(`vacuum (analyze) ${table.name}`);
}
