import { storeNames } from "../support/stores.ts";
import { cases } from "./cases.ts";
import { playOn } from "./play.ts";

for (const store of storeNames) playOn(store, cases);
