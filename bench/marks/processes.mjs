/** Hosts in processes of their own: see worker.mjs. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const script = fileURLToPath(new URL("worker.mjs", import.meta.url));

export const nowMs = () => Number(process.hrtime.bigint()) / 1e6;

export class HostProcess {
  /** How many runs it has finished. */
  finished = 0;

  /** `heard` is given every message. */
  constructor(role, url, heard = () => undefined) {
    this.child = fork(script, [role, url]);
    this.ready = new Promise((resolve, reject) => {
      this.child.on("message", (message) => {
        if (message.ready) resolve();
        this.finished = message.finished ?? this.finished;
        heard(message);
      });
      this.child.once("error", reject);
      this.child.once("exit", (code) => reject(new Error(`The host's process ended with ${code}.`)));
    });
    this.ready.catch(() => undefined);
  }

  tell(message) {
    this.child.send(message);
  }

  /** Stops its host and waits for the end of its process. */
  async stop() {
    const ended = once(this.child, "exit");
    this.tell({ act: "stop" });
    await ended;
  }
}
