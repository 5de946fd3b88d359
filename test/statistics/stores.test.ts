import { describe } from "node:test";
import { figureTests } from "./figures.ts";
import { performanceTests } from "./performance.ts";
import { sampleTests } from "./sampled.ts";
import { storeNames } from "../support/stores.ts";
import { worldsOf } from "./world.ts";

for (const name of storeNames) {
  describe(`statistics on ${name}`, () => {
    const open = worldsOf(name);
    describe("of known rows", () => figureTests(open));
    if (name !== "memory") describe("of a table too large to count", () => sampleTests(open));
    describe("of performance", () => performanceTests(name, open));
  });
}
