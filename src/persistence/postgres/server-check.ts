import { PersistenceError, PoolTooSmallError, UnsupportedDatabaseError } from "../../models/errors-storage.ts";
import { InvalidRequestError } from "../../models/errors.ts";

export interface ServerFacts {
  readonly versionNumber: number;
  readonly version: string;
  readonly readOnly: boolean;
  readonly citus: boolean;
  readonly planCacheMode: string;
  /** Whether NULL within the text of an array is read as one. */
  readonly arrayNulls: boolean;
  /** How many sessions this user may open here at most. */
  readonly allowed: number;
}

/** What must be known of a server before it is used. Any rights will do. */
export const serverFacts = `select current_setting('server_version_num')::int as "versionNumber", current_setting('server_version') as version,
    current_setting('transaction_read_only') = 'on' as "readOnly",
    exists (select from pg_catalog.pg_extension where extname = 'citus') as citus,
    current_setting('plan_cache_mode') as "planCacheMode", current_setting('array_nulls') = 'on' as "arrayNulls",
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
  if (!facts.arrayNulls)
    throw new InvalidRequestError("array_nulls", "must be on; reset it for this database and role");
  // A forced generic plan has crashed Citus coordinators.
  if (facts.citus && facts.planCacheMode === "force_generic_plan") {
    throw new InvalidRequestError(
      "plan_cache_mode",
      "must not be force_generic_plan on Citus; reset it for this database and role",
    );
  }
}

/** Beat, listen, the side lane. */
const reservedBesideLanes = 3;
const fewestGeneral = 2;
const mostHot = 2;

/** Sizes of the two pools. */
export interface PoolSizes {
  /** For claims and deliveries. */
  readonly hot: number;
  readonly general: number;
}

/** How the sessions are shared out that are not reserved. */
export function poolSizes(lanes: number, max: number): PoolSizes {
  const free = max - lanes - reservedBesideLanes;
  if (free < 1 + fewestGeneral) throw new PoolTooSmallError(max, max - free + 1 + fewestGeneral);
  const hot = Math.min(mostHot, free - fewestGeneral);
  return { hot, general: free - hot };
}
