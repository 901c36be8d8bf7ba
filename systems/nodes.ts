import { z } from "zod";
import { NodeObserver } from "../components/observability/node";
import { in_, System } from "../components/system";
import type { SystemDefinition } from "./definition";

const schema = z.strictObject({});

/**
 * The machines. A system of its own, because who looks at them needs more rights than anything else, and
 * nobody shares a namespace with that.
 */
export const nodes: SystemDefinition<z.infer<typeof schema>> = {
  name: "nodes",
  watches: true,
  schema,
  secrets: {},
  build(_config, context) {
    const system = new System("nodes", context);
    new NodeObserver("machine", in_(system));
    return system;
  },
};
