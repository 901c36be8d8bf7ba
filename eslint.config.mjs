import js from "@eslint/js";
import pulumi from "@pulumi/eslint-plugin";
import importX from "eslint-plugin-import-x";
import tseslint from "typescript-eslint";

/**
 * Imports point one way (docs/architecture.md): index → systems → components → model, and
 * index → stack → platforms → model. Each row: files below the first may not import the others.
 */
const house = [
  ["model", ["components", "platforms", "stack", "systems", "operations", "images", "policies"]],
  ["components", ["platforms", "stack", "systems", "operations", "images", "policies"]],
  ["platforms", ["components", "stack", "systems", "operations", "images", "policies"]],
  ["systems", ["platforms", "stack", "operations", "images", "policies"]],
  ["stack", ["components", "systems", "operations", "policies"]],
  ["images", ["components", "systems", "operations", "policies", "stack", "platforms", "model"]],
  // What runs is listed in systems/index.ts; how it is built is none of their business.
  ["operations", ["components"]],
  // Policies see resources, not our code, and run with anybody's program; they share the validators.
  ["policies", ["components", "platforms", "stack", "systems", "operations", "images"]],
];

export default tseslint.config(
  {
    ignores: ["node_modules/", "coverage/", "**/dist/", "images/reference-service/", "toolchain/"],
  },
  js.configs.recommended,
  {
    files: ["**/*.ts"],
    extends: [...tseslint.configs.recommendedTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    plugins: { "@pulumi": pulumi, "import-x": importX },
    rules: {
      "@pulumi/no-output-in-template-literal": "error",
      "@pulumi/no-output-instance-in-template-literal": "off",
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "@typescript-eslint/explicit-function-return-type": ["error", { allowExpressions: true }],
      "@typescript-eslint/consistent-type-imports": ["error", { fixStyle: "inline-type-imports" }],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "import-x/no-cycle": ["error", { maxDepth: 6 }],
      "import-x/no-restricted-paths": [
        "error",
        {
          zones: [
            ...house.map(([target, from]) => ({
              target: `./${target}`,
              from: from.map((folder) => `./${folder}`),
              message: "imports point one way: see docs/architecture.md",
            })),
          ],
        },
      ],
      "no-restricted-imports": [
        "error",
        {
          patterns: [{ group: ["@pulumi/*"], message: "only stack/ and operations/ know Pulumi" }],
        },
      ],
    },
    settings: {
      "import-x/resolver-next": [],
      "import-x/extensions": [".ts", ".js"],
    },
  },
  {
    files: [
      "stack/**/*.ts",
      "operations/**/*.ts",
      "policies/pack.ts",
      "policies/pulumi-policy.ts",
      "test/**/*.ts",
      "bench/**/*.ts",
    ],
    rules: { "no-restricted-imports": "off" },
  },
  {
    files: ["test/live/*.test.ts", "test/cluster/*.test.ts"],
    rules: {
      "no-restricted-syntax": [
        "error",
        {
          selector:
            "Program > ExpressionStatement > CallExpression:not([callee.name='describeInTime'], [callee.object.name='jest'])",
          message:
            "a slow file is one describeInTime(…): a run that has no time for it leaves it out",
        },
      ],
    },
  },
  {
    files: ["**/*.mjs", "**/*.cjs", "**/*.js"],
    languageOptions: {
      globals: {
        module: "writable",
        __dirname: "readonly",
        process: "readonly",
        console: "readonly",
        URL: "readonly",
        Buffer: "readonly",
        setTimeout: "readonly",
        setInterval: "readonly",
        clearInterval: "readonly",
        clearTimeout: "readonly",
        fetch: "readonly",
      },
    },
  },
);
