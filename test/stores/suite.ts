import { after, before, describe } from "node:test";
import { claimTests } from "./claims.ts";
import { eventTests } from "./events.ts";
import { hearingTests } from "./hearing.ts";
import { inboxTests } from "./inbox.ts";
import { nodeTests } from "./nodes.ts";
import { scheduleTests } from "./schedules.ts";
import { startTests } from "./starts.ts";
import { noTransactTests, transactTests } from "./transact.ts";
import { triggerTests } from "./triggers.ts";
import { transitionTests } from "./transitions.ts";
import type { MakeStore } from "./world.ts";

/** Where the stores of one suite come from. */
export interface StoreSource {
  readonly fresh: MakeStore;
  close(): Promise<void>;
}

/** What `EngineStore` promises, as sentences. Every store passes all of them. */
export function engineStoreSuite(
  name: string,
  open: () => Promise<StoreSource>,
  has: { readonly transactions: boolean } = { transactions: true },
): void {
  describe(name, () => {
    let source: StoreSource | undefined;
    before(async () => {
      source = await open();
    });
    after(() => source?.close());
    const make: MakeStore = () => {
      if (source === undefined) throw new Error("The source of stores is not open.");
      return source.fresh();
    };
    describe("nodes", () => nodeTests(make));
    describe("starts", () => startTests(make));
    describe("transitions", () => transitionTests(make));
    describe("claims", () => claimTests(make));
    describe("inbox", () => inboxTests(make));
    describe("events", () => eventTests(make));
    describe("what was heard", () => hearingTests(make));
    describe("transactions", () => (has.transactions ? transactTests(make) : noTransactTests(make)));
    describe("schedules", () => scheduleTests(make));
    describe("triggers", () => triggerTests(make));
  });
}
