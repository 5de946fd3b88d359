import type { Frontier } from "../../src/models/frontier.ts";
import type { Transition } from "../../src/models/transition.ts";

/** What a pointer can be, and the beginning and the end of a picture. */
type PointerState = string;

/** Watches how the pointers of runs change, transition by transition. A row that says no more than that a body runs is no state of its own. */
export class PointerArrows {
  /** As in `ready --> Complete`. */
  readonly seen: Set<string> = new Set();
  private readonly active = new Map<string, ReadonlyMap<string, PointerState>>();
  private readonly ended = new Map<string, Map<string, PointerState>>();

  see(transition: Transition): void {
    const { id } = transition;
    const before = this.active.get(id) ?? new Map<string, PointerState>();
    const after = activeIn(JSON.parse(transition.frontier) as Frontier);
    const ended = this.ended.get(id) ?? new Map<string, PointerState>();
    const written = new Map(
      transition.pointers.filter(({ status }) => status !== "Started").map((row) => [row.path, row.status]),
    );
    for (const path of new Set([...before.keys(), ...after.keys(), ...written.keys()])) {
      const from = ended.get(path) ?? before.get(path) ?? "[*]";
      const to = written.get(path) ?? ended.get(path) ?? after.get(path) ?? "[*]";
      if (from !== to) this.seen.add(`${from} --> ${to}`);
    }
    for (const [path, status] of written) ended.set(path, status);
    this.active.set(id, after);
    this.ended.set(id, ended);
  }
}

/** A container is open, also if a timer or a wait of its own goes with it. */
function activeIn({ pointers, scopes = {} }: Frontier): ReadonlyMap<string, PointerState> {
  const states = new Map<string, PointerState>();
  for (const [path, { state }] of Object.entries(pointers)) states.set(path, state ?? "ready");
  for (const path of Object.keys(scopes)) states.set(path, "open");
  return states;
}

/** The arrows of the picture under a heading of a document, with what stands at them. */
export function arrowsOfPicture(
  page: string,
  heading: string,
): readonly { readonly arrow: string; readonly because: string }[] {
  const picture = page.split(`## ${heading}\n`)[1]?.split("```mermaid\n")[1]?.split("```")[0] ?? "";
  return picture.split("\n").flatMap((line) => {
    const found = /^ {2}(\S+ --> \S+?)(?:: (.+))?$/.exec(line);
    return found === null ? [] : [{ arrow: found[1] ?? "", because: found[2] ?? "" }];
  });
}
