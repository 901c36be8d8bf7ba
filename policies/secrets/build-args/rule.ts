import { define } from "../../engine/rule";
import { isHarmless, isSensitive, secretIn } from "../../engine/detect";
import { namedTexts } from "../../engine/texts";

/** Where each of the resources that build an image has its arguments. */
const ARGS = [
  ["build", "args"],
  ["build", "buildArgs"],
  ["build", "buildArg"],
  ["buildArgs"],
] as const;

const BUILDS = /^docker(?:-build)?:index(?:\/\w+)?:(?:Image|RemoteImage)$|^compose:service$/;

export const rule = define({
  title: "No secret is given to a build as an argument",
  severity: "critical",
  why: "Arguments of a build stand in the image's history: whoever can pull it can read them.",
  fix: "give it to the build as a secret mount (RUN --mount=type=secret)",
  references: ["Docker SecretsUsedInArgOrEnv", "CIS Docker 4.10", "CWE-312"],
  object(field, subject, { report }) {
    if (!BUILDS.test(subject.type)) return;
    for (const { name, at, text } of ARGS.flatMap((path) => namedTexts(field.get(...path)))) {
      const named = isSensitive(name) && !isHarmless(text);
      if (named || secretIn(text, name) !== undefined) report(at, "must not be a secret");
    }
  },
});
