import type { WorkflowStatus } from "../models/instance.ts";
import type { Engine } from "./engine.ts";
import type { Run } from "./run.ts";
import { resultOf } from "./run-end.ts";

/** A run as its caller holds it: it asks the engine, as long as the host runs. */
export class RunHandle<R> implements Run<R> {
  readonly id: string;
  readonly #engine: () => Engine;

  /** `engine` throws when the host does not run. */
  constructor(id: string, engine: () => Engine) {
    this.id = id;
    this.#engine = engine;
  }

  async result(): Promise<R> {
    const engine = this.#engine();
    return resultOf(this.id, await engine.results.wait(engine.refOf(this.id))) as R;
  }

  async status(): Promise<WorkflowStatus> {
    return this.#engine().status(this.id);
  }

  async suspend(reason?: string): Promise<boolean> {
    return this.#engine().request(this.id, "suspend", reason);
  }

  async resume(): Promise<boolean> {
    return this.#engine().request(this.id, "resume");
  }

  async terminate(reason?: string): Promise<boolean> {
    return this.#engine().request(this.id, "terminate", reason);
  }

  async compensate(reason?: string): Promise<boolean> {
    return this.#engine().request(this.id, "compensate", reason);
  }
}
