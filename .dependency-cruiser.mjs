/**
 * The rooms of ARCHITECTURE.md as arrows: a folder imports only from below. Type-only imports count, and nothing is excused.
 *
 *   0  models
 *   1  builder, telemetry, the contracts (files directly in persistence/)
 *   2  persistence/postgres, persistence/pglite, persistence/memory; execution
 *   3  host
 *   4  doors (files directly in src/), testing
 */
const room = {
  models: "^src/models/",
  builder: "^src/builder/",
  telemetry: "^src/telemetry/",
  contracts: "^src/persistence/[^/]+$",
  postgres: "^src/persistence/postgres/",
  pglite: "^src/persistence/pglite/",
  memory: "^src/persistence/memory/",
  execution: "^src/execution/",
  host: "^src/host/",
  doors: "^src/[^/]+$",
  testing: "^src/testing/",
};
const lumber = ["util", "utils", "helper", "helpers", "common", "misc", "types"];
const everyRoom = Object.values(room);

/** `from` may import itself and these rooms, and nothing else of ours. */
const mayImport = (from, others, why) => ({
  name: `${from}-imports-only-${others.length === 0 ? "itself" : others.join("-")}`,
  comment: why,
  severity: "error",
  from: { path: room[from] },
  to: { path: "^src/", pathNot: [from, ...others].map((name) => room[name]) },
});

/** @type {import("dependency-cruiser").IConfiguration} */
export default {
  forbidden: [
    mayImport(
      "models",
      [],
      "Models are pure rules on plain data: whoever imports anything here gets nothing else with it.",
    ),
    mayImport("builder", ["models"], "A builder yields a definition; it must not know how one is run or stored."),
    mayImport("telemetry", ["models"], "Whatever runs may report; a reporter that knew who runs would close a circle."),
    mayImport(
      "contracts",
      ["models"],
      "A store is described in terms of the models alone, or no second store could exist.",
    ),
    mayImport(
      "postgres",
      ["contracts", "models"],
      "SQL carries out what the contracts say; it decides nothing about workflows.",
    ),
    mayImport(
      "pglite",
      ["postgres", "contracts", "models"],
      "PGlite is a connection, not a dialect: it may lend PostgreSQL's statements, and nothing above them.",
    ),
    mayImport(
      "memory",
      ["contracts", "models"],
      "Memory is the second opinion on the contracts; sharing SQL's code would hide a bug in both.",
    ),
    mayImport(
      "execution",
      ["contracts", "telemetry", "models"],
      "Deciding sees the contracts, never a database, and a finished definition, never the builder.",
    ),
    mayImport(
      "host",
      ["execution", "contracts", "telemetry", "models"],
      "The loops run on whichever store they are handed; only a door chooses one.",
    ),
    {
      name: "every-file-has-a-room",
      comment: "A folder that no floor of ARCHITECTURE.md names has no rule to keep it: give it one here first.",
      severity: "error",
      from: {},
      to: { path: "^src/", pathNot: everyRoom },
    },
    {
      name: "every-importer-has-a-room",
      comment: "The same for a file that nobody imports yet.",
      severity: "error",
      from: { path: "^src/", pathNot: everyRoom },
      to: {},
    },
    {
      name: "no-lumber-room",
      comment: "A room or file named after nothing in particular ends up holding everything. Name it after its noun.",
      severity: "error",
      from: {},
      to: {
        path: lumber.flatMap((name) => [`/${name}/`, `/${name}[.]ts$`]),
        pathNot: ["(^|/)node_modules/", "^test/"],
      },
    },
    {
      name: "no-circle",
      comment: "In a circle nobody is below anybody; type-only circles count, for readers follow them too.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "drivers-stay-under-persistence",
      comment: "Whoever holds a database driver can go round the contracts and their fence.",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/persistence/" },
      to: {
        path: ["node_modules/pg/", "node_modules/@types/pg/", "node_modules/@electric-sql/", "^pg$", "^@electric-sql/"],
      },
    },
    {
      name: "src-stands-alone",
      comment:
        "What is published must not need what is not: tests, examples, benches and scripts look at src, never back.",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "^(test|examples|bench|scripts|dist)/" },
    },
    {
      name: "src-has-no-development-dependency",
      comment: "It would be missing in the user's node_modules. Types alone are erased, so they may stay.",
      severity: "error",
      from: { path: "^src/" },
      to: { dependencyTypes: ["npm-dev"], dependencyTypesNot: ["npm", "npm-peer", "npm-optional", "type-only"] },
    },
    {
      name: "nothing-undeclared",
      comment: "It works only while somebody else happens to install it.",
      severity: "error",
      from: {},
      to: {
        dependencyTypes: ["npm-no-pkg", "npm-unknown"],
        dependencyTypesNot: ["npm", "npm-dev", "npm-peer", "npm-optional"], // an optional peer counts as both
      },
    },
    {
      name: "nothing-unresolvable",
      comment: "An import that leads nowhere would slip past every rule above.",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: "examples-use-the-doors",
      comment: "An example shows what a user can write, and a user has only the doors.",
      severity: "error",
      from: { path: "^examples/" },
      to: { path: "^src/", pathNot: room.doors },
    },
  ],
  options: {
    doNotFollow: { path: ["node_modules", "^dist/"] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["types", "import", "node", "default"] },
  },
};
