import { basics } from "./basics.ts";
import type { Case } from "./case.ts";
import { defects } from "./defects.ts";
import { nodes } from "./nodes.ts";
import { portDefects } from "./port-defects.ts";
import { recipes } from "./recipes.ts";
import { sagas } from "./sagas.ts";
import { search } from "./search.ts";
import { undoing } from "./undoing.ts";
import { untested } from "./untested.ts";
import { waits } from "./waits.ts";

/** Every scenario that is played. */
export const cases: readonly Case[] = [
  ...basics,
  ...waits,
  ...sagas,
  ...search,
  ...recipes,
  ...untested,
  ...nodes,
  ...defects,
  ...portDefects,
  ...undoing,
];
