import { types } from "node:util";
import type { Failure } from "../models/failure.ts";
import type { Logger } from "../models/environment.ts";

/** Something that the engine says about itself, after it is durable. Never an event of a workflow. */
export type Notice =
  | { readonly kind: "host-started"; readonly node: string; readonly store: string }
  | { readonly kind: "host-stopped"; readonly node: string }
  | { readonly kind: "node-lost"; readonly node: string }
  | { readonly kind: "takeover"; readonly node: string; readonly instances: number }
  | (InstanceNotice & {
      readonly kind: "run-started" | "run-completed" | "run-parked" | "run-suspended" | "run-resumed";
    })
  | (InstanceNotice & { readonly kind: "run-failed"; readonly failure: Failure | undefined })
  | (InstanceNotice & { readonly kind: "run-terminated"; readonly reason: string | undefined })
  | (StepNotice & { readonly kind: "step-completed" | "step-compensated" })
  | (StepNotice & { readonly kind: "step-failed" | "step-retried"; readonly failure: Failure | undefined });

export interface InstanceNotice {
  readonly instanceId: string;
  readonly workflow: string;
  readonly version: number;
}

export interface StepNotice extends InstanceNotice {
  readonly path: string;
  readonly attempts: number;
  /** Milliseconds that the last attempt took. */
  readonly tookMs: number;
}

export type Listener = (notice: Notice) => void;

/** Tells listeners, one after the other; what they throw is logged and hurts nobody. Without listeners it costs nothing. */
export class Notices {
  private readonly logger: Logger;
  private readonly listeners = new Set<Listener>();

  constructor(logger: Logger) {
    this.logger = logger;
  }

  get isHeard(): boolean {
    return this.listeners.size > 0;
  }

  /** Answers how to stop listening. */
  listen(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  tell(notice: Notice): void {
    for (const listener of this.listeners) {
      try {
        const answer: unknown = listener(notice); // an async function passes for one that answers nothing
        if (types.isPromise(answer)) answer.catch((error: unknown) => this.failed(notice, error));
      } catch (error) {
        this.failed(notice, error);
      }
    }
  }

  private failed({ kind }: Notice, error: unknown): void {
    this.logger.error("A listener threw", { notice: kind, error: String(error) });
  }
}
