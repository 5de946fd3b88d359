import assert from "node:assert/strict";
import { test } from "node:test";
import { agree, emptyTally, isAsked, type Manner, memoryWorld, wanted } from "./agreement.ts";

/** How the seconds are shared out; and for each case that is asked for, how many of a manner. */
const shares: { readonly [M in Manner]: number } = { straight: 0.4, reloaded: 0.15, crashing: 0.45 };
const parts: { readonly [M in Manner]: number } = { straight: 1, reloaded: 0.2, crashing: 0.5 };
const atOnce = 50;
const seconds = process.env["TEST_QUICK"] === "1" ? 6 : 20;

const manners = {
  straight: "as it is",
  reloaded: "though every transition gives it away",
  crashing: "though nodes die and answers are lost",
};

for (const [manner, how] of Object.entries(manners) as [Manner, string][]) {
  test(`a random workflow ends as an independent interpreter says, ${how}`, async (t) => {
    const tally = emptyTally();
    const { numRuns, seed, ...found } = wanted(atOnce);
    const ground = { tally, world: memoryWorld };
    const until = performance.now() + seconds * shares[manner] * 1000;
    let round = 0;
    do {
      await agree(ground, {
        mannerOf: () => manner,
        numRuns: isAsked ? Math.ceil(numRuns * parts[manner]) : numRuns,
        seed: seed + round,
        ...found,
      });
      round += 1;
    } while (!isAsked && performance.now() < until);
    t.diagnostic(JSON.stringify(tally));
    assert.ok(tally.compared > 0);
    assert.equal(tally.deaths > 0, manner === "crashing");
  });
}
