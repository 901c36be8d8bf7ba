import { z } from "zod";
import { ContainerObserver } from "../components/observability/containers";
import { LogAgent } from "../components/observability/logs/agent";
import { NodeObserver } from "../components/observability/node";
import { in_, System } from "../components/system";
import { CONTAINERS, LOGS, OBSERVER } from "../model/observability";
import type { SystemDefinition } from "./definition";

const schema = z.strictObject({
  /**
   * Where nodes keep what containers print, where that is not the engine's default. With Docker it is the folder
   * `containers` of its root, by which containers are known as well.
   */
  logFolder: z.string().startsWith("/").optional(),
});

/**
 * The machines, and what runs on them. A system of its own, because who looks at them needs more rights than anything else, and
 * nobody shares a namespace with that.
 */
export const nodes: SystemDefinition<z.infer<typeof schema>> = {
  name: "nodes",
  watches: true,
  schema,
  secrets: {},
  build(config, context) {
    const system = new System("nodes", context);
    new NodeObserver("machine", in_(system));
    const { logged, watched } = context;
    // Docker keeps the names of containers in the same folder.
    const moved = watched?.logFiles.format === "docker" ? config.logFolder : undefined;
    new ContainerObserver(
      CONTAINERS.workload,
      moved === undefined ? {} : { names: moved },
      in_(system),
    );
    if (logged && watched !== undefined) {
      const { systems, address, logFiles } = watched;
      new LogAgent(
        LOGS.agent.workload,
        {
          files:
            config.logFolder === undefined ? logFiles : { ...logFiles, folder: config.logFolder },
          systems,
          // Those that come after, whose components are called as what they run.
          others: [LOGS.agent.system, OBSERVER.system],
          store: `http://${address(LOGS.system, LOGS.store)}:${LOGS.port}`,
        },
        in_(system),
      );
    }
    return system;
  },
};
