import type { Environment } from "../models/environment.ts";
import type { EngineStore, NodeRow } from "../persistence/provider.ts";

interface Sighting {
  readonly beat: number;
  /** How long had been watched by then. */
  readonly sinceMs: number;
}

export interface IncumbentsParts {
  readonly store: EngineStore;
  readonly env: Environment;
  /** For how long a node's beat stands still until it counts as gone. */
  readonly deadMs: number;
  /** Nobody wants to know any more. */
  readonly stop: AbortSignal;
}

const lookMs = 250;

/**
 * The nodes that ran this database before this process starts. A process that was killed leaves a row that says "live" until somebody finds it
 * dead, so one lives only if its beat goes on; all are watched from the first look on, whatever is asked about them.
 */
export class Incumbents {
  private readonly parts: IncumbentsParts;
  private readonly seen = new Map<string, Sighting>();
  private watchedMs = 0;
  private lastLookAt: number | undefined;
  private isSaid = false;

  constructor(parts: IncumbentsParts) {
    this.parts = parts;
  }

  /** A node that runs this definition ("id@version") and lives; undefined once there is none. One of whom that is not known yet counts
   *  when the start is called off. */
  async livingWith(definition: string): Promise<NodeRow | undefined> {
    const { store, env, stop } = this.parts;
    if (store.alone) return undefined; // those of an embedded store were there before, never beside
    for (;;) {
      const standing = await this.standing(definition);
      const [first] = standing;
      if (first === undefined) return undefined;
      const known = stop.aborted ? first : standing.find((node) => this.hasBeaten(node));
      if (known !== undefined) return known;
      this.say(definition, standing);
      await env.sleep(lookMs, stop);
    }
  }

  private async standing(definition: string): Promise<readonly NodeRow[]> {
    const { store, deadMs } = this.parts;
    const nodes = (await store.nodes.list()).filter(({ state }) => state === "live");
    this.watch();
    for (const { id, beat } of nodes) if (!this.seen.has(id)) this.seen.set(id, { beat, sinceMs: this.watchedMs });
    const isGone = (node: NodeRow): boolean =>
      !this.hasBeaten(node) && this.watchedMs - (this.seen.get(node.id)?.sinceMs ?? 0) >= deadMs;
    return nodes.filter((node) => node.definitions.includes(definition) && !isGone(node));
  }

  /** Where the database is away nobody beats: of a time without looks only that of two counts. */
  private watch(): void {
    const now = this.parts.env.monotonic();
    this.watchedMs += Math.min(now - (this.lastLookAt ?? now), 2 * lookMs);
    this.lastLookAt = now;
  }

  private hasBeaten({ id, beat }: NodeRow): boolean {
    return beat > (this.seen.get(id)?.beat ?? beat);
  }

  private say(definition: string, standing: readonly NodeRow[]): void {
    if (this.isSaid) return;
    this.isSaid = true;
    const nodes = standing.map(({ label }) => label);
    this.parts.env.logger.info("A definition has changed: looking whether the processes that have the other one live", {
      definition,
      nodes,
    });
  }
}
