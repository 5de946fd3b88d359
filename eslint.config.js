import tseslint from "typescript-eslint";

const useTheEnvironment = "use the Environment (src/models/environment.ts): tests and the simulator must decide it.";

const notInThisHouse = [
  { selector: "TSEnumDeclaration", message: "No enums: write a union of string literals." },
  { selector: "ExportDefaultDeclaration", message: "No default exports: a thing has one name everywhere." },
  {
    selector: "Program > ImportDeclaration:nth-child(26)",
    message: "More than 25 imports: this file knows too much. Split it by what it decides.",
  },
];

/** Every door through which a clock, a timer or chance could slip into the engine. */
const ambient = {
  syntax: [
    { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: `new Date(): ${useTheEnvironment}` },
    { selector: "CallExpression[callee.name='Date']", message: `Date(): ${useTheEnvironment}` },
    {
      selector:
        "MemberExpression[object.name='globalThis'][property.name=/^(set(Timeout|Interval|Immediate)|Date|Math|crypto|performance)$/]",
      message: useTheEnvironment,
    },
  ],
  properties: [
    ["Date", "now"],
    ["Math", "random"],
    ["performance", "now"],
    ["performance", "timeOrigin"],
    ["process", "hrtime"],
    ["process", "uptime"],
    ["crypto", "randomUUID"],
    ["crypto", "randomBytes"],
    ["crypto", "getRandomValues"],
    ["AbortSignal", "timeout"],
  ].map(([object, property]) => ({ object, property, message: useTheEnvironment })),
  globals: ["setTimeout", "setInterval", "setImmediate"].map((name) => ({ name, message: useTheEnvironment })),
  imports: [
    ...["crypto", "node:crypto"].map((name) => ({
      name,
      importNames: ["randomUUID", "randomBytes", "randomInt", "randomFill", "randomFillSync", "webcrypto", "default"],
      message: useTheEnvironment,
    })),
    ...["timers", "timers/promises", "perf_hooks"].flatMap((name) => [
      { name, message: useTheEnvironment },
      { name: `node:${name}`, message: useTheEnvironment },
    ]),
  ],
};

const nodeGlobals = Object.fromEntries(
  [
    "AbortController AbortSignal Buffer TextDecoder TextEncoder URL clearImmediate clearInterval clearTimeout",
    "console fetch performance process queueMicrotask setImmediate setInterval setTimeout structuredClone",
  ].flatMap((names) => names.split(" ").map((name) => [name, "readonly"])),
);

export default tseslint.config(
  { ignores: ["dist/", "reports/", "**/node_modules/", ".workflow-core/", "bench/peers/"] },
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  {
    files: ["**/*.{js,mjs}"],
    extends: [tseslint.configs.base],
    languageOptions: { globals: nodeGlobals },
    rules: {
      "max-lines": ["error", { max: 400, skipBlankLines: false, skipComments: false }],
      "no-undef": "error",
      "no-unused-vars": "error",
      "no-var": "error",
      "prefer-const": "error",
      eqeqeq: "error",
    },
  },
  {
    files: ["{src,test,examples}/**/*.ts"],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      eqeqeq: "error",
      "max-lines": ["error", { max: 400, skipBlankLines: false, skipComments: false }],
      "no-restricted-syntax": ["error", ...notInThisHouse],
      "@typescript-eslint/max-params": ["error", { max: 4 }],
      "@typescript-eslint/consistent-type-imports": ["error", { fixStyle: "inline-type-imports" }],
      "@typescript-eslint/consistent-type-exports": "error",
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-non-null-assertion": "error",
      "@typescript-eslint/no-misused-promises": "error",
      "@typescript-eslint/no-floating-promises": [
        "error",
        {
          allowForKnownSafeCalls: [
            { from: "package", package: "node:test", name: ["test", "it", "describe", "suite", "before", "after"] },
          ],
        },
      ],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      // An async function without await still turns a throw into a rejection, which is what its callers are promised.
      "@typescript-eslint/require-await": "off",
    },
  },
  {
    files: ["src/**/*.ts"],
    ignores: ["src/testing/persistence/*.ts"], // tests: each function is a list of sentences
    rules: { "max-lines-per-function": ["error", { max: 60, skipBlankLines: false, skipComments: false }] },
  },
  {
    // The one place that may touch the real clocks, timers and dice is the Environment itself.
    files: ["src/**/*.ts"],
    ignores: ["src/models/environment.ts"],
    rules: {
      "no-restricted-syntax": ["error", ...notInThisHouse, ...ambient.syntax],
      "no-restricted-properties": ["error", ...ambient.properties],
      "no-restricted-globals": ["error", ...ambient.globals],
      "no-restricted-imports": ["error", { paths: ambient.imports }],
    },
  },
  {
    // Rows read back by a test are looked at, not trusted: its assertions are their check.
    files: ["test/**/*.ts"],
    rules: {
      "@typescript-eslint/no-unsafe-argument": "off",
      "@typescript-eslint/no-unsafe-assignment": "off",
      "@typescript-eslint/no-unsafe-call": "off",
      "@typescript-eslint/no-unsafe-member-access": "off",
      "@typescript-eslint/no-unsafe-return": "off",
      "@typescript-eslint/unbound-method": "off",
    },
  },
);
