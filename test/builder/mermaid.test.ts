import assert from "node:assert/strict";
import { test } from "node:test";
import { defineWorkflow } from "../../src/builder/define-workflow.ts";
import type { Flow } from "../../src/builder/flow.ts";
import { fulfilOrder } from "../types/order.ts";

test("a definition prints as a flowchart: arrows between steps, frames around sagas and loops", () => {
  assert.equal(
    fulfilOrder.toMermaid(),
    `flowchart TD
  start(["fulfil-order v1"])
  subgraph f1["saga"]
    s2["reserve #8617;"]
    s3["charge #8617;"]
    s4{{"payment-confirmed"}}
    s5(["end"])
    s6("return")
  end
  s7{"if"}
  s8("delay")
  s9["approve"]
  s10["auto-approve"]
  subgraph f11["each: for each item"]
    s12["pack"]
    s13["Ship"]
  end
  s14[/"parallel"\\]
  s15["render"]
  s16["mail"]
  s17[\\"all of parallel"/]
  s18("return")
  s19(["done"])
  start --> s2
  s2 --> s3
  s3 --> s4
  s4 -->|"too late"| s5
  s4 --> s6
  s6 --> s7
  s7 -->|"yes"| s8
  s8 --> s9
  s7 -->|"no"| s10
  s9 --> s12
  s10 --> s12
  s12 --> s13
  s13 --> s14
  s14 -->|"invoice"| s15
  s14 -->|"mail"| s16
  s15 --> s17
  s16 --> s17
  s17 --> s18
  s18 --> s19
`,
  );
});

test("no name can add to the chart", () => {
  const evil = `x"] --> y\n  click s1 "javascript:alert(1)" %% <b>é</b> \``;
  const workflow = defineWorkflow({ id: 'a"b', version: 1 }, (flow: Flow<object>) =>
    flow.run(evil.replaceAll(/[/[\]#]/g, "|"), () => 1).end(),
  );
  assert.equal(
    workflow.toMermaid(),
    `flowchart TD
  start(["a#34;b v1"])
  s1["x#34;#124; --#62; y#10;  click s1 #34;javascript:alert#40;1#41;#34; #37;#37; #60;b#62;é#60;#124;b#62; #96;"]
  s2(["end"])
  start --> s1
  s1 --> s2
`,
  );
});

test("a way without steps leads on to what follows", () => {
  const workflow = defineWorkflow({ id: "w", version: 1 }, (flow: Flow<{ n: number }>) =>
    flow.if(
      ({ n }) => n > 1,
      (yes) => yes.run("x", () => 1),
    ),
  );
  assert.deepEqual(
    workflow
      .toMermaid()
      .split("\n")
      .filter((line) => line.includes("-->")),
    ["  start --> s1", '  s1 -->|"yes"| s2', "  s2 --> s3", '  s1 -->|"no"| s3'],
  );
});
