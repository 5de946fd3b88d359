import { MemoryEngineStore, type MemoryStoreOptions } from "./store.ts";

/**
 * Keeps workflows in the memory of this process: for tests and for trying things out. Nothing survives the process, and
 * transactional steps are refused, since there is no SQL.
 */
export class MemoryPersistenceProvider {
  readonly store: MemoryEngineStore;

  constructor(options: MemoryStoreOptions = {}) {
    this.store = new MemoryEngineStore(options);
  }

  initialize(): Promise<void> {
    return this.store.initialize();
  }

  close(): Promise<void> {
    return this.store.close();
  }
}
