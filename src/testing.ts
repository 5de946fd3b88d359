export { MemoryPersistenceProvider } from "./persistence/memory/provider.ts";
