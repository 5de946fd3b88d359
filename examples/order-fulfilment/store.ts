import type { Persistence } from "workflow-core";
import { PglitePersistenceProvider } from "workflow-core/pglite";
import { PostgresPersistenceProvider } from "workflow-core/postgres";

/** Where the runs and the shop's tables are kept. */
export interface Store {
  readonly persistence: Persistence;
  /** For people. */
  readonly place: string;
  /** Whether other processes can work on it at the same time. */
  readonly isShared: boolean;
}

/** The PostgreSQL that DATABASE_URL names, else PGlite in a directory. */
export function openStore(directory: string): Store {
  const url = process.env["DATABASE_URL"] ?? "";
  if (url !== "") {
    return {
      persistence: new PostgresPersistenceProvider(url),
      place: "the PostgreSQL of DATABASE_URL",
      isShared: true,
    };
  }
  return {
    persistence: new PglitePersistenceProvider({ directory }),
    place: `PGlite in ${directory}`,
    isShared: false,
  };
}
