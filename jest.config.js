/** @type {import("jest").Config} */
const common = {
  testEnvironment: "node",
  transform: {
    "^.+\\.ts$": [
      "@swc/jest",
      { jsc: { parser: { syntax: "typescript" }, target: "es2022" }, module: { type: "commonjs" } },
    ],
    // ES modules, which Node can require and Jest cannot.
    "/node_modules/@secretlint/.+\\.js$": [
      "@swc/jest",
      { jsc: { target: "es2022" }, module: { type: "commonjs" } },
    ],
  },
  transformIgnorePatterns: ["/node_modules/(?!@secretlint/)"],
  modulePathIgnorePatterns: ["<rootDir>/images/reference-service"],
};

/** A case of these takes minutes on real engines. */
const slow = { ...common, setupFilesAfterEnv: ["<rootDir>/test/support/second-try.ts"] };

/**
 * What jest cannot count, because it runs in processes of its own: Pulumi's program, and the command line's
 * commands that do nothing but call engines. The suites engine, live and cluster run all of it.
 */
const elsewhere = [
  "stack/{index,atalaya,secrets,report}.ts",
  "stack/*/{register,target}.ts",
  "operations/main.ts",
  "operations/commands/{up,down,preview,policies,pulumi,doctor,images,test,check}.ts",
  "operations/images/**",
];

/** One project a suite; `test/README.md` says which is which. */
module.exports = {
  collectCoverageFrom: [
    "{model,components,platforms,systems,stack,policies,operations,images}/**/*.ts",
    "!images/reference-service/**",
    ...elsewhere.map((files) => `!${files}`),
  ],
  coverageReporters: ["text-summary", "html"],
  coverageThreshold: { global: { lines: 70 } },
  // By itself jest leaves one core alone, which is half of a machine that has two.
  maxWorkers: "100%",
  projects: [
    {
      ...common,
      displayName: "unit",
      testMatch: ["<rootDir>/test/unit/**/*.test.ts", "<rootDir>/test/golden/**/*.test.ts"],
    },
    { ...common, displayName: "checks", testMatch: ["<rootDir>/test/checks/**/*.test.ts"] },
    { ...common, displayName: "manifests", testMatch: ["<rootDir>/test/manifests/**/*.test.ts"] },
    { ...common, displayName: "engine", testMatch: ["<rootDir>/test/engine/**/*.test.ts"] },
    { ...slow, displayName: "live", testMatch: ["<rootDir>/test/live/**/*.test.ts"] },
    {
      ...slow,
      displayName: "cluster",
      testMatch: ["<rootDir>/test/cluster/**/*.test.ts"],
      // One cluster for all files.
      globalSetup: "<rootDir>/test/cluster/begin.ts",
      globalTeardown: "<rootDir>/test/cluster/end.ts",
    },
  ],
};
