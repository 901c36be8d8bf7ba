import { join } from "node:path";
import type { DescribedStack } from "../../stack/describe";
import { projectName, root } from "../project";

/**
 * A stack as its configuration file describes it, without Pulumi and without the value of any secret.
 * @throws ProblemsError with everything that is wrong with the configuration
 */
export function describedStack(stack: string): DescribedStack {
  // Only here: most commands have no need of the model.
  /* eslint-disable @typescript-eslint/no-require-imports, @typescript-eslint/consistent-type-imports -- see main.ts */
  const { readConfigFile } =
    require("../../stack/config-file") as typeof import("../../stack/config-file");
  const { describeStack } =
    require("../../stack/describe") as typeof import("../../stack/describe");
  const { systems } = require("../../systems") as typeof import("../../systems");
  /* eslint-enable */
  const file = join(root, `Pulumi.${stack}.yaml`);
  return describeStack(stack, readConfigFile(file, projectName()), systems);
}
