import type { Node } from "../models/definition.ts";
import { type BlockDraft, Handle } from "./construction.ts";
import { attemptNode, decideNode, forEachNode, ifNode, parallelNode, raceNode, sagaNode } from "./container-nodes.ts";
import { jumpNode, loopNode } from "./loop-nodes.ts";
import { delayNode, endNode, returnNode, setNode } from "./plain-nodes.ts";
import { inlineNode, stepNode } from "./step-node.ts";
import { delayUntilNode, laterNode, recurNode, withinNode } from "./time-nodes.ts";
import { cancelWhenNode, waitNode } from "./wait-node.ts";

/** What stands behind `Flow` at run time: it trusts no argument, because JavaScript users have no types. */
export class FlowBuilder extends Handle {
  static readonly open = (block: BlockDraft): FlowBuilder => new FlowBuilder(block);

  startWith(body: unknown, options?: unknown): FlowBuilder {
    return this.#add("startWith", (block) => stepNode(block, body, options));
  }

  then(body: unknown, options?: unknown): FlowBuilder {
    return this.#add("then", (block) => stepNode(block, body, options));
  }

  run(name: unknown, body: unknown, options?: unknown): FlowBuilder {
    return this.#add("run", (block) => inlineNode(block, name, body, options));
  }

  waitFor(event: unknown, options?: unknown): FlowBuilder {
    return this.#add("waitFor", (block) => waitNode(block, event, options));
  }

  delay(duration: unknown, options?: unknown): FlowBuilder {
    return this.#add("delay", (block) => delayNode(block, duration, options));
  }

  delayUntil(instant: unknown, options?: unknown): FlowBuilder {
    return this.#add("delayUntil", (block) => delayUntilNode(block, instant, options));
  }

  within(duration: unknown, body: unknown, options?: unknown): FlowBuilder {
    return this.#add("within", (block) => withinNode(block, { duration, body }, options));
  }

  schedule(duration: unknown, body: unknown, options?: unknown): FlowBuilder {
    return this.#add("schedule", (block) => laterNode(block, { duration, body }, options));
  }

  recur(ticks: unknown, body: unknown): FlowBuilder {
    return this.#add("recur", (block) => recurNode(block, ticks, body));
  }

  set(patch: unknown, options?: unknown): FlowBuilder {
    return this.#add("set", (block) => setNode(block, patch, options));
  }

  if(condition: unknown, yes: unknown, no?: unknown, options?: unknown): FlowBuilder {
    return this.#add("if", (block) => ifNode(block, { condition, yes, no }, options));
  }

  decide(outcome: unknown, cases: unknown, options?: unknown): FlowBuilder {
    return this.#add("decide", (block) => decideNode(block, outcome, cases, options));
  }

  while(condition: unknown, body: unknown, options?: unknown): FlowBuilder {
    return this.#add("while", (block) => loopNode(block, { verb: "while", condition, body }, options));
  }

  doWhile(body: unknown, condition: unknown, options?: unknown): FlowBuilder {
    return this.#add("doWhile", (block) => loopNode(block, { verb: "doWhile", condition, body }, options));
  }

  until(body: unknown, condition: unknown, options?: unknown): FlowBuilder {
    return this.#add("until", (block) => loopNode(block, { verb: "until", condition, body }, options));
  }

  block(body: unknown, options?: unknown): FlowBuilder {
    return this.#add("block", (block) => loopNode(block, { verb: "block", body }, options));
  }

  restart(label: unknown): FlowBuilder {
    return this.#add("restart", (block) => jumpNode(block, "restart", label));
  }

  leave(label: unknown): FlowBuilder {
    return this.#add("leave", (block) => jumpNode(block, "leave", label));
  }

  forEach(items: unknown, body: unknown, options?: unknown): FlowBuilder {
    return this.#add("forEach", (block) => forEachNode(block, items, body, options));
  }

  parallel(branches: unknown, options?: unknown): FlowBuilder {
    return this.#add("parallel", (block) => parallelNode(block, branches, options));
  }

  race(branches: unknown, options?: unknown): FlowBuilder {
    return this.#add("race", (block) => raceNode(block, branches, options));
  }

  saga(body: unknown, options?: unknown): FlowBuilder {
    return this.#add("saga", (block) => sagaNode(block, body, options));
  }

  attempt(body: unknown, handlers: unknown, options?: unknown): FlowBuilder {
    return this.#add("attempt", (block) => attemptNode(block, body, handlers, options));
  }

  cancelWhen(event: unknown, body: unknown, options?: unknown): FlowBuilder {
    return this.#add("cancelWhen", (block) => cancelWhenNode(block, event, body, options));
  }

  returns(value: unknown): FlowBuilder {
    return this.#add("returns", (block) => returnNode(block, value));
  }

  end(value?: unknown): FlowBuilder {
    return this.#add("end", (block) => endNode(block, value));
  }

  #add(verb: string, make: (block: BlockDraft) => Node): FlowBuilder {
    const block = this.take(verb);
    const node = make(block);
    block.nodes.push(node);
    if (node.as !== undefined) block.scope.add(node.as);
    return new FlowBuilder(block);
  }
}
