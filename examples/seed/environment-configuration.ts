import { createHost, defineWorkflow, type Flow } from "workflow-core";

/**
 * The seed's "Environment Configuration": nothing but
 *
 *     export DATABASE_URL="postgresql://user:password@localhost:5432/workflows"
 *
 * Without it, the same program runs on an embedded PostgreSQL in the directory .workflow-core.
 */

const greet = defineWorkflow({ id: "greet", version: 1 }, (flow: Flow<{ name: string }>) =>
  flow.run("hello", ({ name }) => `Hello, ${name}`, { as: "greeting" }).returns((_, { greeting }) => greeting),
);

const host = createHost({ workflows: [greet] });
host.onNotice((notice) => {
  if (notice.kind === "host-started") console.log(`Runs on ${notice.store}`);
});
await host.start();
console.log(await (await host.startWorkflow(greet, { name: "Ada" })).result());
await host.stop();
