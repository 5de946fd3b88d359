import type { ConnectionOptions } from "node:tls";
import type { ServerCapabilities } from "../provider.ts";

/** How one connection is made, as the `pg` driver takes it. What the URL says wins; what neither says comes from PGHOST, PGUSER and so on. */
export interface PostgresConnection {
  readonly host?: string;
  readonly port?: number;
  readonly database?: string;
  readonly user?: string;
  /** A function is asked for each new connection: for tokens that expire. */
  readonly password?: string | (() => string | Promise<string>);
  /** Prefer `{ ca }` with verification, as in sslmode=verify-full. */
  readonly ssl?: boolean | ConnectionOptions;
  /** Startup options of the server's session: `-c search_path=app`. */
  readonly options?: string;
}

export interface PostgresOptions {
  /** `postgresql://user:password@host:5432/database`. Default: what the driver reads from PGHOST, PGUSER and so on. */
  readonly url?: string;
  /** What does not fit into the URL: `ssl` with certificates, a password that changes. */
  readonly connection?: PostgresConnection;
  /** How many connections this process may open in all, reserved ones included. Default: 16. */
  readonly maxConnections?: number;
  /** How many batches of starts and transitions run side by side, each on a connection of its own. Default: 2. What is
   *  started or published under a key has one more, since it may have to wait for a transaction that does not end. */
  readonly lanes?: number;
  /** Names this process in `pg_stat_activity`. Default: `workflow-core`. */
  readonly applicationName?: string;
  /** `transaction`: between here and the server stands a pooler that gives each transaction another session. No named statements
   *  then, no startup options, and no LISTEN. Default: `session`. */
  readonly pooler?: "session" | "transaction";
  /** For servers that lack something. `namedStatements: false`: every statement is sent with its text. */
  readonly capabilities?: ServerCapabilities;
  /** How long an answer may take before the connection is given up, in milliseconds. Default: 30,000. */
  readonly deadlineMs?: number;
}
