import { npmFindings } from "../../operations/checks/npm-audit";
import { isDockerfile } from "../../operations/checks/files";

describe("what npm audit says", () => {
  const advisory = { title: "ReDoS", url: "https://github.com/advisories/GHSA-aaaa" };
  const report = (vulnerabilities: object): string =>
    JSON.stringify({ auditReportVersion: 2, vulnerabilities });

  test("high and critical fail, the rest is said", () => {
    const findings = npmFindings(
      report({
        a: { severity: "moderate", range: "<2", via: [advisory], fixAvailable: true },
        b: {
          severity: "high",
          range: "<3",
          via: ["a"],
          fixAvailable: { name: "b", version: "4.0.0" },
        },
        c: { severity: "critical", range: "*", via: [advisory], fixAvailable: false },
      }),
    );
    expect(findings?.map(({ fails }) => fails)).toEqual([false, true, true]);
    expect(findings?.map(({ text }) => text)).toEqual([
      "  moderate: a <2: ReDoS (https://github.com/advisories/GHSA-aaaa): fixed by `npm audit fix`",
      "  high: b <3: through a: fixed by b 4.0.0",
      "  critical: c *: ReDoS (https://github.com/advisories/GHSA-aaaa): no fix yet",
    ]);
  });

  test("nothing found is not the same as nobody asked", () => {
    expect(npmFindings(report({}))).toEqual([]);
    // What npm prints when the registry has no answer for it.
    expect(npmFindings('{"statusCode":405,"error":{"summary":"","detail":""}}')).toBeUndefined();
    expect(npmFindings("npm error")).toBeUndefined();
  });
});

test("Dockerfiles are known by their names", () => {
  const files = [
    "Dockerfile",
    "a/Dockerfile.dev",
    "b/x.Dockerfile",
    "Dockerfiles.md",
    "c/dockerfile.ts",
  ];
  expect(files.filter(isDockerfile)).toEqual(files.slice(0, 3));
});
