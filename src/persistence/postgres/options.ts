import type pg from "pg";
import { InvalidRequestError } from "../../models/errors.ts";
import { typeParsers } from "./type-parsers.ts";

export interface PostgresOptions {
  /** `postgresql://user:password@host:5432/database`. Default: what the driver reads from PGHOST, PGUSER and so on. */
  readonly url?: string;
  /** Further options of the driver's connections, as for `new pg.Client()`: `ssl`, `host`, `password` and so on. */
  readonly connection?: pg.ClientConfig;
  /** How many connections this process may open in all, reserved ones included. Default: 10. */
  readonly maxConnections?: number;
  /** How many batches of starts and transitions run side by side, each on a connection of its own. Default: 2. */
  readonly lanes?: number;
  /** Names this process in `pg_stat_activity`. Default: `workflow-core`. */
  readonly applicationName?: string;
  /** `transaction`: between here and the server stands a pooler that gives each transaction another session. No named statements
   *  then, no startup options, and no LISTEN. Default: `session`. */
  readonly pooler?: "session" | "transaction";
  /** How long an answer may take before the connection is given up, in milliseconds. Default: 30,000. */
  readonly deadlineMs?: number;
}

export interface Settings {
  readonly client: pg.ClientConfig;
  readonly maxConnections: number;
  readonly lanes: number;
  readonly pooler: "session" | "transaction";
  readonly deadlineMs: number;
}

const connectMs = 10_000;

export function settingsOf(options: PostgresOptions): Settings {
  const deadlineMs = options.deadlineMs ?? 30_000;
  return {
    client: {
      ...options.connection,
      ...(options.url === undefined ? {} : { connectionString: options.url }),
      application_name: options.applicationName ?? options.connection?.application_name ?? "workflow-core",
      types: typeParsers,
      keepAlive: true,
      connectionTimeoutMillis: connectMs,
      query_timeout: checkCount(deadlineMs, "deadlineMs"),
    },
    maxConnections: checkCount(options.maxConnections ?? 10, "maxConnections"),
    lanes: checkCount(options.lanes ?? 2, "lanes"),
    pooler: options.pooler ?? "session",
    deadlineMs,
  };
}

/**
 * For the sessions of hot statements: a plan made once, through the primary keys, however small or unknown the tables are. Only a
 * hint; nothing is wrong without it.
 */
export const plannerHints =
  "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c jit=off";

export const withHints = (client: pg.ClientConfig): pg.ClientConfig => ({
  ...client,
  options: client.options === undefined ? plannerHints : `${client.options} ${plannerHints}`,
});

/** Where a client connects to, for people: never the password. */
export const addressOf = (client: pg.Client): string => `${client.host}:${client.port}/${client.database ?? ""}`;

function checkCount(value: number, what: string): number {
  if (Number.isInteger(value) && value >= 1) return value;
  throw new InvalidRequestError(what, "must be a whole number from 1");
}
