import { basics } from "./basics.ts";
import type { Case } from "./case.ts";
import { playOn } from "./play.ts";

const cases: readonly Case[] = [...basics];

for (const store of ["memory", "pglite", "postgres"] as const) playOn(store, cases);
