import { MemoryEngineStore, type MemoryStoreOptions } from "./store.ts";

/**
 * Keeps workflows in the memory of this process: for tests and for trying things out. Nothing survives the process, and
 * transactional steps are refused, since there is no SQL.
 */
export class MemoryPersistenceProvider {
  /** What the engine's host works with; `inspect` and `refs` let a test look into it. */
  readonly store: MemoryEngineStore;

  /** Several hosts of this process may share one provider. */
  constructor(options: MemoryStoreOptions = {}) {
    this.store = new MemoryEngineStore(options);
  }

  /** Does nothing: there is nothing to connect to. */
  initialize(): Promise<void> {
    return this.store.initialize();
  }

  /** Does nothing: what it keeps stays as long as the provider. */
  close(): Promise<void> {
    return this.store.close();
  }
}
