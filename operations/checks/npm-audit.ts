/** One package with a known weakness. */
export interface NpmFinding {
  /** Severe enough to fail: high or critical. The rest is said and left to Dependabot. */
  readonly fails: boolean;
  readonly text: string;
}

interface Report {
  readonly auditReportVersion?: number;
  readonly vulnerabilities?: Readonly<
    Record<
      string,
      {
        readonly severity: string;
        readonly range: string;
        readonly fixAvailable: boolean | { readonly name: string; readonly version: string };
        /** Advisories of its own, and names of packages whose weakness it has. */
        readonly via: readonly (string | { readonly title: string; readonly url: string })[];
      }
    >
  >;
}

/**
 * What `npm audit --json` found; undefined when it could not ask, which it also says in JSON.
 */
export function npmFindings(json: string): readonly NpmFinding[] | undefined {
  let report: Report;
  try {
    report = JSON.parse(json) as Report;
  } catch {
    return undefined;
  }
  if (report.auditReportVersion === undefined || report.vulnerabilities === undefined) {
    return undefined;
  }
  return Object.entries(report.vulnerabilities).map(
    ([name, { severity, range, via, fixAvailable }]) => {
      const why = via.map((one) =>
        typeof one === "string" ? `through ${one}` : `${one.title} (${one.url})`,
      );
      const fix =
        typeof fixAvailable === "object"
          ? `fixed by ${fixAvailable.name} ${fixAvailable.version}`
          : fixAvailable
            ? "fixed by `npm audit fix`"
            : "no fix yet";
      return {
        fails: severity === "high" || severity === "critical",
        text: `  ${severity}: ${name} ${range}: ${why.join("; ")}: ${fix}`,
      };
    },
  );
}
