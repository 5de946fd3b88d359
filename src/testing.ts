export { MemoryPersistenceProvider } from "./persistence/memory/provider.ts";
export {
  describePersistence,
  type PlainPersistenceSubject,
  type TransactionalPersistenceSubject,
} from "./testing/persistence/describe-persistence.ts";
