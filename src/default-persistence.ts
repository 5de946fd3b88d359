import type { HostOptions } from "./host/host-options.ts";
import { InvalidRequestError } from "./models/errors.ts";

type Persistence = HostOptions["persistence"];

/** The PostgreSQL of `DATABASE_URL`, else PGlite in a directory; its code is loaded when it is first used. */
export function defaultPersistence(): Persistence {
  let opened: Persistence | undefined;
  return {
    get store() {
      if (opened === undefined) throw new InvalidRequestError("persistence.store", "is there after initialize()");
      return opened.store;
    },
    async initialize() {
      opened ??= await open();
      await opened.initialize();
    },
    async close() {
      await opened?.close();
    },
  };
}

async function open(): Promise<Persistence> {
  const url = process.env["DATABASE_URL"];
  if (url !== undefined && url !== "") {
    const { PostgresPersistenceProvider } = await import("./persistence/postgres/provider.ts");
    return new PostgresPersistenceProvider(url);
  }
  const { PglitePersistenceProvider } = await import("./persistence/pglite/provider.ts");
  return new PglitePersistenceProvider({ directory: ".workflow-core" });
}
