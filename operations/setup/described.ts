import type { DescribedStack } from "../../stack/describe";
import { projectName, root } from "../project";
import { readStackFile } from "./stack-file";

/**
 * A stack as its configuration file describes it, without Pulumi and without the value of any secret.
 * @throws ProblemsError with everything that is wrong with the configuration
 * @throws UserError where its file is no YAML
 */
export function describedStack(stack: string): DescribedStack {
  // Only here: most commands have no need of the model.
  /* eslint-disable @typescript-eslint/no-require-imports, @typescript-eslint/consistent-type-imports -- see main.ts */
  const { configOf } =
    require("../../stack/config-file") as typeof import("../../stack/config-file");
  const { describeStack } =
    require("../../stack/describe") as typeof import("../../stack/describe");
  const { systems } = require("../../systems") as typeof import("../../systems");
  /* eslint-enable */
  const { config = {} } = readStackFile(root, stack);
  return describeStack(stack, configOf(config, projectName()), systems);
}
