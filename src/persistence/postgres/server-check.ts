import { PersistenceError, PoolTooSmallError, UnsupportedDatabaseError } from "../../models/errors-storage.ts";
import { InvalidRequestError } from "../../models/errors.ts";

export interface ServerFacts {
  readonly versionNumber: number;
  readonly version: string;
  readonly readOnly: boolean;
  readonly citus: boolean;
  readonly planCacheMode: string;
  /** How many sessions this user may open here at most. */
  readonly allowed: number;
}

/** What must be known of a server before it is used. Any rights will do. */
export const serverFacts = `select current_setting('server_version_num')::int as "versionNumber", current_setting('server_version') as version,
    current_setting('transaction_read_only') = 'on' as "readOnly",
    exists (select from pg_catalog.pg_extension where extname = 'citus') as citus,
    current_setting('plan_cache_mode') as "planCacheMode",
    least(current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
      (select nullif(rolconnlimit, -1) from pg_catalog.pg_roles where rolname = current_user),
      (select nullif(datconnlimit, -1) from pg_catalog.pg_database where datname = current_database())) as allowed`;

const oldestVersion = 150_000;

export function checkServer(facts: ServerFacts, address: string): void {
  if (facts.versionNumber < oldestVersion) throw new UnsupportedDatabaseError(facts.version);
  if (facts.readOnly) {
    throw new PersistenceError(`PostgreSQL at ${address} is read-only. Connect to the primary.`, "transient", {
      sqlState: "25006",
    });
  }
  // A forced generic plan has crashed Citus coordinators.
  if (facts.citus && facts.planCacheMode === "force_generic_plan") {
    throw new InvalidRequestError(
      "plan_cache_mode",
      "must not be force_generic_plan on Citus; reset it for this database and role",
    );
  }
}

/** Beat, listen, two sessions for claims and deliveries, two for everything else, and the lanes. */
export const reservedConnections = (lanes: number): number => lanes + 2 + hotConnections;
export const hotConnections = 2;
const fewestGeneral = 2;

/** How many sessions are left for everything that has no reserved one. */
export function generalConnections(lanes: number, max: number): number {
  const needed = reservedConnections(lanes) + fewestGeneral;
  if (max < needed) throw new PoolTooSmallError(max, needed);
  return max - reservedConnections(lanes);
}
