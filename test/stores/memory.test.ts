import { MemoryEngineStore } from "../../src/persistence/memory/store.ts";
import { engineStoreSuite } from "./suite.ts";

engineStoreSuite(
  "memory",
  async () => ({
    fresh: async () => {
      let now = 1_700_000_000_000;
      const store = new MemoryEngineStore({ clock: () => now });
      return { store, advance: async (ms) => void (now += ms) };
    },
    close: async () => undefined,
  }),
  { transactions: false },
);
