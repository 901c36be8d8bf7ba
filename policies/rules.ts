// Written by `npm run policies:docs` from the folders of the rules: do not edit.
import type { Rule, RuleArgs } from "./engine/rule";
import { rule as podsHostNamespaces } from "./pods/host-namespaces/rule";
import { rule as podsPrivileged } from "./pods/privileged/rule";
import { rule as resourcesCeiling } from "./resources/ceiling/rule";
import { rule as resourcesCpuLimit } from "./resources/cpu-limit/rule";
import { rule as resourcesCpuRequest } from "./resources/cpu-request/rule";
import { rule as resourcesDisk } from "./resources/disk/rule";
import { rule as resourcesMemoryLimit } from "./resources/memory-limit/rule";
import { rule as resourcesMemoryRequest } from "./resources/memory-request/rule";
import { rule as resourcesRatio } from "./resources/ratio/rule";
import { rule as resourcesRequestWithinLimit } from "./resources/request-within-limit/rule";
import { rule as resourcesScratch } from "./resources/scratch/rule";

const named = (id: string, rule: RuleArgs): Rule => ({
  ...rule,
  id,
  category: id.split("/")[0]!,
});

/** Every rule, by its id. */
export const rules: readonly Rule[] = [
  named("pods/host-namespaces", podsHostNamespaces),
  named("pods/privileged", podsPrivileged),
  named("resources/ceiling", resourcesCeiling),
  named("resources/cpu-limit", resourcesCpuLimit),
  named("resources/cpu-request", resourcesCpuRequest),
  named("resources/disk", resourcesDisk),
  named("resources/memory-limit", resourcesMemoryLimit),
  named("resources/memory-request", resourcesMemoryRequest),
  named("resources/ratio", resourcesRatio),
  named("resources/request-within-limit", resourcesRequestWithinLimit),
  named("resources/scratch", resourcesScratch),
];
