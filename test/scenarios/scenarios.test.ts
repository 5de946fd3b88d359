import { basics } from "./basics.ts";
import { sagas } from "./sagas.ts";
import { defects } from "./defects.ts";
import { nodes } from "./nodes.ts";
import { search } from "./search.ts";
import { untested } from "./untested.ts";
import { waits } from "./waits.ts";
import type { Case } from "./case.ts";
import { storeNames } from "../support/stores.ts";
import { playOn } from "./play.ts";

const cases: readonly Case[] = [...basics, ...waits, ...sagas, ...untested, ...nodes, ...defects, ...search];

for (const store of storeNames) playOn(store, cases);
