import pg from "pg";
import { InvalidRequestError } from "../../models/errors.ts";
import { checkKnown, fieldsOf, pick } from "../../models/known-fields.ts";
import { checkChoice, checkCount, checkKind } from "../option-values.ts";
import type { PostgresConnection, PostgresOptions } from "./options.ts";
import { typeParsers } from "./type-parsers.ts";

/** Options with the defaults filled in, as the sessions need them. */
export interface Settings {
  readonly client: pg.ClientConfig;
  readonly maxConnections: number;
  readonly lanes: number;
  readonly pooler: "session" | "transaction";
  readonly named: boolean;
  readonly deadlineMs: number;
}

const connectMs = 10_000;

const connectionFields = fieldsOf<PostgresConnection>({
  host: true,
  port: true,
  database: true,
  user: true,
  password: true,
  ssl: true,
  options: true,
});

/** Fills in the defaults. Throws `InvalidRequestError`. */
export function settingsOf(options: PostgresOptions): Settings {
  checkKind(options.url, "url", "string");
  checkKind(options.applicationName, "applicationName", "string");
  checkChoice(options.pooler, "pooler", ["session", "transaction"]);
  const { connection = {} } = options;
  checkKnown(connection, "connection", connectionFields);
  const deadlineMs = options.deadlineMs ?? 30_000;
  return {
    client: {
      ...pick(connection, connectionFields),
      ...(options.url === undefined ? {} : { connectionString: options.url }),
      application_name: options.applicationName ?? "workflow-core",
      types: typeParsers,
      keepAlive: true,
      connectionTimeoutMillis: connectMs,
      query_timeout: checkCount(deadlineMs, "deadlineMs"),
    },
    maxConnections: checkCount(options.maxConnections ?? 16, "maxConnections"),
    lanes: checkCount(options.lanes ?? 2, "lanes"),
    pooler: options.pooler ?? "session",
    named: options.pooler !== "transaction" && options.capabilities?.namedStatements !== false,
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

/** A client that has yet to connect. A URL that cannot be read is refused without being shown: it may hold a password. */
export function newClient(config: pg.ClientConfig): pg.Client {
  try {
    return new pg.Client(config);
  } catch {
    throw new InvalidRequestError("url", 'cannot be read as "postgresql://user:password@host:5432/database"');
  }
}

/** Where a client connects to, for people: never the password. */
export const addressOf = (client: pg.Client): string => `${client.host}:${client.port}/${client.database ?? ""}`;
