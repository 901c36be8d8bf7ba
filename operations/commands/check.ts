import { checks, type CheckName } from "../checks/checks";
import { ExitCode, UserError } from "../errors";
import { colour, duration, result, say } from "../output";
import { root } from "../project";

/** Judges this repository, as a pull request is judged: all checks, or those that are named. */
export async function check(names: readonly string[]): Promise<void> {
  for (const name of choose(names)) {
    const { what, run } = checks[name];
    say(colour.bold(`${name}: ${what}`));
    const began = Date.now();
    const { clean, report } = await run(root);
    if (report !== "") say(report);
    result(`${name}: ${clean ? "clean" : "findings"}, in ${duration(Date.now() - began)}`);
    if (!clean) process.exitCode = ExitCode.failed;
  }
}

function choose(names: readonly string[]): readonly CheckName[] {
  const known = Object.keys(checks) as CheckName[];
  const unknown = names.filter((name) => !known.includes(name as CheckName));
  if (unknown.length > 0) {
    throw new UserError(
      `There is no check named ${unknown.join(", ")}.`,
      `There are ${known.join(", ")}; without a name all of them run.`,
      ExitCode.usage,
    );
  }
  return names.length === 0 ? known : known.filter((name) => names.includes(name));
}
