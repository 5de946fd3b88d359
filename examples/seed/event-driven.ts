import { createHost, defineWorkflow, event, Event, EventSubscription, type Flow } from "workflow-core";
import { PostgresPersistenceProvider } from "workflow-core/postgres";

/** The seed's "Event-Driven Workflows": first its records, then the same with a workflow that runs. */

const persistence = new PostgresPersistenceProvider(process.env["DATABASE_URL"] ?? "postgresql://localhost/workflows");
await persistence.initialize();

const instance = await persistence.createWorkflowInstance({ workflowDefinitionId: "onboarding", status: "Suspended" });
await persistence.createSubscription(
  new EventSubscription(instance.id, "wait-for-user", "user_registered", "user_123"),
);
const subscriptions = await persistence.getSubscriptionsForEvent("user_registered", "user_123");
console.log(`Found ${subscriptions.length} matching subscriptions`);

const stored = await persistence.createEvent(
  new Event("user_registered", "user_123").withEventData({ user_id: "123", email: "user@example.com" }),
);
console.log(`Stored ${stored.eventName} of ${stored.eventKey}`);
await persistence.close();

// What the engine makes of it: the run waits, wherever the event comes from.
const registered = event<{ email: string }>("user_registered");
const welcome = defineWorkflow({ id: "welcome", version: 1 }, (flow: Flow<{ userId: string }>) =>
  flow
    .waitFor(registered, { key: (user) => user.userId, as: "user" })
    .returns((_, { user }) => `Welcome, ${user.email}`),
);

const host = createHost({
  workflows: [welcome],
  persistence: new PostgresPersistenceProvider(process.env["DATABASE_URL"] ?? ""),
});
await host.start();
const run = await host.startWorkflow(welcome, { userId: "user_456" });
await host.publishEvent(registered, "user_456", { email: "ada@example.com" });
console.log(await run.result());
await host.stop();
