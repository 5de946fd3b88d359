export { PglitePersistenceProvider, type PgliteProviderOptions } from "./persistence/pglite/provider.ts";
