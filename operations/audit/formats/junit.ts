import junitReport from "junit-report-builder";
import { formatName } from "../../../policies/engine/evaluate";
import { fails, type ReportFinding } from "../report";
import type { Format } from "./format";
import { clean } from "./table";

/** JUnit's XML, for CI systems: a suite a rule, a case a finding, so that a rule without any has passed. */
export const junit: Format = (report, { rules, failOn }) => {
  const builder = junitReport.newBuilder();
  const found = new Map<string, ReportFinding[]>(rules.map(({ rule }) => [rule.id, []]));
  for (const finding of report.findings) {
    const known = found.get(finding.rule);
    if (known === undefined) found.set(finding.rule, [finding]);
    else known.push(finding);
  }
  for (const [id, findings] of found) {
    const suite = builder.testSuite().name(id).timestamp(report.created);
    if (findings.length === 0) {
      suite.testCase().className(id).name("no finding");
    }
    for (const finding of findings) {
      const { resource, path, source, exempt, accepted, message, severity } = finding;
      const one = suite
        .testCase()
        .className(id)
        .name(clean(`${formatName(resource)} ${path}`.trim()));
      if (source !== undefined) one.file(clean(source.file));
      if (exempt !== undefined || accepted === true) one.skipped();
      else if (fails(finding, failOn)) one.failure(clean(message), severity);
      // JUnit knows no warnings: it passes, and says so.
      else one.standardOutput(clean(`${severity}: ${message}`));
    }
  }
  if (report.unreadable.length > 0) {
    const suite = builder.testSuite().name("unreadable").timestamp(report.created);
    for (const { source, reason } of report.unreadable) {
      suite.testCase().className("unreadable").name(clean(source.file)).error(reason);
    }
  }
  return builder.build();
};
