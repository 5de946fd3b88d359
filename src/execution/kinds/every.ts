import type { Node, NodeKind } from "../../models/definition.ts";
import { attemptKind } from "./attempt.ts";
import { cancelWhenKind } from "./cancel-when.ts";
import { decideKind } from "./decide.ts";
import { delayKind } from "./delay.ts";
import { delayUntilKind } from "./delay-until.ts";
import { forEachKind } from "./for-each.ts";
import { ifKind } from "./if.ts";
import type { Kind, NodeOf } from "./kind.ts";
import { laterKind } from "./later.ts";
import { jumpKind, loopKind } from "./loop.ts";
import { parallelKind } from "./parallel.ts";
import { recurKind } from "./recur.ts";
import { endKind, returnKind } from "./return.ts";
import { sagaKind } from "./saga.ts";
import { setKind } from "./set.ts";
import { stepKind } from "./step.ts";
import { waitKind } from "./wait.ts";
import { withinKind } from "./within.ts";

const kinds: { readonly [K in NodeKind]: Kind<NodeOf<K>> } = {
  step: stepKind,
  wait: waitKind,
  delay: delayKind,
  delayUntil: delayUntilKind,
  within: withinKind,
  later: laterKind,
  recur: recurKind,
  set: setKind,
  if: ifKind,
  decide: decideKind,
  loop: loopKind,
  jump: jumpKind,
  forEach: forEachKind,
  parallel: parallelKind,
  race: parallelKind,
  saga: sagaKind,
  attempt: attemptKind,
  cancelWhen: cancelWhenKind,
  return: returnKind,
  end: endKind,
};

/** The rules of a step. */
export const kindOf = (node: Node): Kind<Node> => kinds[node.kind];
