import type {
  AttemptNode,
  Block,
  CancelWhenNode,
  DefinitionGraph,
  ForEachNode,
  IfNode,
  LaterNode,
  LoopNode,
  Node,
  ParallelNode,
  RaceNode,
  RecurNode,
  SagaNode,
  WaitNode,
  WithinNode,
} from "../models/definition.ts";

/** An arrow that waits for its head. */
interface Loose {
  readonly from: string;
  readonly label?: string;
}

/** A graph as a Mermaid flowchart, top down. Names are escaped: no name can add to the chart. */
export function mermaidOf(graph: DefinitionGraph): string {
  const chart = new Chart();
  chart.add(`start(["${escaped(`${graph.id} v${graph.version}`)}"])`);
  const loose = chart.block(graph.root, [{ from: "start" }]);
  if (loose.length > 0) chart.shape(`(["done"])`, loose);
  return `flowchart TD\n${[...chart.shapes, ...chart.arrows].map((line) => `  ${line}\n`).join("")}`;
}

class Chart {
  readonly shapes: string[] = [];
  /** Apart from the shapes: an arrow written inside a frame would draw both its ends into it. */
  readonly arrows: string[] = [];
  #depth = 0;
  #count = 0;

  add(line: string): void {
    this.shapes.push("  ".repeat(this.#depth) + line);
  }

  /** Draws a shape with the arrows that lead to it. */
  shape(shape: string, loose: readonly Loose[]): string {
    const id = `s${++this.#count}`;
    this.add(id + shape);
    for (const { from, label } of loose) this.arrow(from, label, id);
    return id;
  }

  arrow(from: string, label: string | undefined, to: string): void {
    this.arrows.push(`${from} -->${label === undefined ? "" : `|"${label}"|`} ${to}`);
  }

  /** Draws a block and answers the arrows that leave it. */
  block(block: Block, loose: readonly Loose[]): readonly Loose[] {
    return block.nodes.reduce((arrows, node) => this.node(node, arrows), loose);
  }

  node(node: Node, loose: readonly Loose[]): readonly Loose[] {
    const name = escaped(node.name);
    switch (node.kind) {
      case "step":
        return [{ from: this.shape(`["${name}${node.compensation === undefined ? "" : " #8617;"}"]`, loose) }];
      case "wait":
        return this.wait(node, loose);
      case "delay":
      case "delayUntil":
      case "set":
      case "return":
        return [{ from: this.shape(`("${name}")`, loose) }];
      case "end":
        this.shape(`(["${name}"])`, loose);
        return [];
      case "if":
        return this.if(node, loose);
      case "within":
        return this.within(node, loose);
      case "later":
        return this.later(node, loose);
      case "recur":
        return this.framed(`${node.name}: ${ticksOf(node)}`, () => this.block(node.body, loose));
      case "decide": {
        const from = this.shape(`{"${name}"}`, loose);
        return node.cases.flatMap((one) => this.block(one.block, [{ from, label: escaped(one.name) }]));
      }
      case "attempt":
      case "cancelWhen":
        return this.guarded(node, loose);
      case "forEach":
      case "saga":
        return this.frame(node, loose);
      case "loop":
        return this.loop(node, loose);
      case "jump":
        this.shape(`>"${name}: ${escaped(node.loop)}"]`, loose);
        return [];
      case "parallel":
      case "race":
        return this.parallel(node, loose);
    }
  }

  wait(node: WaitNode, loose: readonly Loose[]): readonly Loose[] {
    const from = this.shape(`{{"${escaped(node.name)}"}}`, loose);
    if (node.late === undefined) return [{ from }];
    return [{ from }, ...this.block(node.late, [{ from, label: "too late" }])];
  }

  /** A block in a frame, and what runs in its place when its time is over. */
  within(node: WithinNode, loose: readonly Loose[]): readonly Loose[] {
    const from = this.shape(`[["${escaped(node.name)}"]]`, loose);
    const inTime = this.framed(node.name, () => this.block(node.body, [{ from }]));
    return node.late === undefined ? inTime : [...inTime, ...this.block(node.late, [{ from, label: "too late" }])];
  }

  /** A block beside the flow: nothing leads out of it. */
  later(node: LaterNode, loose: readonly Loose[]): readonly Loose[] {
    const from = this.shape(`("${escaped(node.name)}")`, loose);
    this.framed(node.name, () => this.block(node.body, [{ from, label: "later" }]));
    return [{ from }];
  }

  if(node: IfNode, loose: readonly Loose[]): readonly Loose[] {
    const from = this.shape(`{"${escaped(node.name)}"}`, loose);
    return [...this.block(node.yes, [{ from, label: "yes" }]), ...this.block(node.no, [{ from, label: "no" }])];
  }

  parallel(node: ParallelNode | RaceNode, loose: readonly Loose[]): readonly Loose[] {
    const from = this.shape(`[/"${escaped(node.name)}"\\]`, loose);
    const ends = node.branches.flatMap(({ name, block }) => this.block(block, [{ from, label: escaped(name) }]));
    return ends.length === 0 ? [] : [{ from: this.shape(`[\\"${quorumOf(node)} of ${escaped(node.name)}"/]`, ends) }];
  }

  /** A loop: its condition, its laps in a frame, and the way back. */
  loop(node: LoopNode, loose: readonly Loose[]): readonly Loose[] {
    const condition = `{"${escaped(node.name)}"}`;
    const [goes, ends] = node.until ? ["no", "yes"] : ["yes", "no"];
    if (node.asks === "never") return this.framed(node.name, () => this.block(node.body, loose));
    if (node.asks === "before") {
      const from = this.shape(condition, loose);
      this.back(
        this.framed(node.name, () => this.block(node.body, [{ from, label: goes }])),
        from,
      );
      return [{ from, label: ends }];
    }
    const drawn = this.shapes.length;
    const laps = this.framed(node.name, () => this.block(node.body, loose));
    const from = this.shape(condition, laps);
    this.back([{ from, label: goes }], this.firstSince(drawn));
    return [{ from, label: ends }];
  }

  /** The first shape behind so many lines; there is one, since no block of a loop is empty. */
  firstSince(drawn: number): string {
    const line = this.shapes.slice(drawn).find((one) => /^ *s\d/.test(one) && !/^ *subgraph/.test(one));
    return /s\d+/.exec(line ?? "")?.[0] ?? "start";
  }

  /** A block in a frame, and what takes its place when it is cut off. */
  guarded(node: AttemptNode | CancelWhenNode, loose: readonly Loose[]): readonly Loose[] {
    const from = this.shape(`[["${escaped(node.name)}"]]`, loose);
    const others =
      node.kind === "attempt" ? node.handlers : [{ name: `cancelled by ${node.event}`, block: node.cleanup }];
    return [
      ...this.framed(node.name, () => this.block(node.body, [{ from }])),
      ...others.flatMap(({ name, block }) => this.block(block, [{ from, label: escaped(name) }])),
    ];
  }

  back(loose: readonly Loose[], to: string): void {
    for (const { from, label } of loose) this.arrow(from, label, to);
  }

  /** A forEach or saga: its steps in a frame. */
  frame(node: ForEachNode | SagaNode, loose: readonly Loose[]): readonly Loose[] {
    const title = node.kind === "saga" ? node.name : `${node.name}: for each ${node.item}`;
    return this.framed(title, () => this.block(node.body, loose));
  }

  framed(title: string, inner: () => readonly Loose[]): readonly Loose[] {
    this.add(`subgraph f${++this.#count}["${escaped(title)}"]`);
    this.#depth += 1;
    const ends = inner();
    this.#depth -= 1;
    this.add("end");
    return ends;
  }
}

const ticksOf = ({ ticks }: RecurNode): string =>
  "cron" in ticks ? `${ticks.cron} (${ticks.timeZone})` : `every ${ticks.everyMs} ms`;

function quorumOf(node: ParallelNode | RaceNode): string {
  if (node.kind === "race") return "first";
  return node.policy?.need === undefined ? "all" : `${node.policy.need}`;
}

/** Letters, digits and harmless signs stay; all others become entities, which Mermaid prints and never reads as syntax. */
function escaped(text: string): string {
  return text.replace(/[^\p{L}\p{M}\p{N} _.,:-]/gu, (sign) => `#${sign.codePointAt(0) ?? 32};`);
}
