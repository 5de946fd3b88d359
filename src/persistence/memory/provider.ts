import type { Environment } from "../../models/environment.ts";
import { RecordProvider } from "../record-provider.ts";
import type { MemoryRecordBackend } from "./records/backend.ts";
import type { MemoryStatistics } from "./statistics.ts";
import { MemoryEngineStore, type MemoryStoreOptions } from "./store.ts";

/**
 * Keeps workflows in the memory of this process: for tests and for trying things out. Nothing survives the process, and
 * transactional steps are refused, since there is no SQL.
 */
export class MemoryPersistenceProvider extends RecordProvider {
  /** What the engine's host works with; `inspect` and `refs` let a test look into it. */
  readonly store: MemoryEngineStore;
  protected readonly backend: MemoryRecordBackend;
  protected readonly statistics: MemoryStatistics;
  protected readonly env: Environment;

  /** Several hosts of this process may share one provider. */
  constructor(options: MemoryStoreOptions = {}) {
    super();
    this.store = new MemoryEngineStore(options);
    this.backend = this.store.records;
    this.statistics = this.store.statistics;
    this.env = this.store.env;
  }

  /** Does nothing: there is nothing to connect to. */
  override initialize(): Promise<void> {
    return this.store.initialize();
  }

  /** Does nothing: what it keeps stays as long as the provider. */
  override close(): Promise<void> {
    return this.store.close();
  }
}
