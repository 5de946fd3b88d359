import type { Transition } from "../../src/models/transition.ts";

/**
 * A transition that would keep its instance in memory gives it away instead: it is claimed and loaded anew, at once or, if it only
 * waits for a timer, when that is due.
 */
export function giveAway(transition: Transition): Transition {
  if (transition.release !== "keep") return transition;
  const sleeps = transition.dueIn !== null || transition.dueAt !== null;
  return Object.assign(transition, { release: sleeps ? "park" : "yield" });
}
