export { PostgresPersistenceProvider, type PostgresProviderOptions } from "./persistence/postgres/provider.ts";
