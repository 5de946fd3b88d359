import { pause } from "./case.ts";

/** What a worker or a person is to do. */
export interface Task {
  /** What it is answered under. An offer that is made again under it (by a body that runs again after a crash) is the same. */
  readonly key: string;
  readonly name: string;
  readonly about?: unknown;
  readonly prompt?: string;
  readonly options?: readonly string[];
  readonly principal?: string;
}

/** Where workers and people find what is to be done. It stands for a table or a queue of the user's: the engine knows nothing of it. */
export class TaskBoard {
  private readonly tasks = new Map<string, Task>();
  private readonly closed = new Set<string>();
  private readonly takers = new Map<string, string>();

  /** Answers the key. */
  offer(task: Task): string {
    if (!this.tasks.has(task.key)) this.tasks.set(task.key, task);
    return task.key;
  }

  /** Hands a task on to somebody else. */
  assign(key: string, principal: string): void {
    const task = this.tasks.get(key);
    if (task !== undefined) this.tasks.set(key, { ...task, principal });
  }

  close(key: string): void {
    this.closed.add(key);
  }

  /** Lets others take it. */
  release(key: string): void {
    this.takers.delete(key);
  }

  open(name: string): readonly Task[] {
    return [...this.tasks.values()].filter((task) => task.name === name && !this.closed.has(task.key));
  }

  /** The first open task of a name that nobody has taken. */
  taken(name: string, worker: string): Task | undefined {
    const free = this.open(name).find(({ key }) => !this.takers.has(key));
    if (free !== undefined) this.takers.set(free.key, worker);
    return free;
  }

  /** The same, as soon as there is one. */
  async take(name: string, worker: string): Promise<Task> {
    for (;;) {
      const task = this.taken(name, worker);
      if (task !== undefined) return task;
      await pause(5);
    }
  }
}
