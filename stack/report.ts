import * as pulumi from "@pulumi/pulumi";
import { formatProblems, type Problem, throwIfAny } from "../model/problems";

/**
 * What an engine lacks: a warning in a preview, which shows what would be; the end of an `up`, before any
 * resource is touched.
 * @throws ProblemsError in an update
 */
export async function reportOrThrow(heading: string, problems: readonly Problem[]): Promise<void> {
  if (pulumi.runtime.isDryRun() && problems.length > 0) {
    await pulumi.log.warn(formatProblems(heading, problems));
  } else throwIfAny(heading, problems);
}
