/** A process with one host in it. It says when the host runs, does what its parent asks, and stops in order on SIGTERM. */
import { createHost } from "../../src/index.ts";
import { PostgresPersistenceProvider } from "../../src/persistence/postgres/provider.ts";
import { flows } from "./flow-workflows.ts";
import * as others from "./node-workflows.ts";
import { task } from "./schedule-workflows.ts";

interface Asked {
  readonly asked: number;
  readonly workflow: string;
  readonly data: object;
}

const workflows: readonly { readonly id: string }[] = [...others.all, ...flows, task];
const [, , url = "", options = "{}"] = process.argv;
const host = createHost({
  workflows,
  persistence: new PostgresPersistenceProvider(url),
  ...(JSON.parse(options) as object),
});
const tell = (message: object): void => void process.send?.(message);

host.onNotice((notice) => {
  if (notice.kind === "host-started") tell({ kind: "runs", node: notice.node });
});
process.once("SIGTERM", () => {
  void host.stop().then(() => {
    tell({ kind: "stopped" });
    process.disconnect();
  });
});
process.on("message", ({ asked, workflow, data }: Asked) => {
  const found = workflows.find(({ id }) => id === workflow);
  if (found === undefined) throw new Error(`There is no workflow "${workflow}".`);
  host.startWorkflow(found as typeof others.signOfLife, data).then(
    ({ id }) => tell({ kind: "started", asked, id }),
    (error: unknown) => tell({ kind: "refused", asked, error: String(error) }),
  );
});
await host.start();
