import { stringify } from "yaml";
import { type LogFiles, LOGS } from "../../../model/observability";
import { runnables, type SystemModel } from "../../../model/system";
import { alertOn } from "../../alerts";
import { checkOn } from "../../health";
import { rolling } from "../../release";
import { type ResourceArgs, resources } from "../../service";
import { Component, type Description, type Placement } from "../../system";
import { agentConfig } from "./agent-config";
import { agentAlerts } from "./alerts";
import { agentChecks } from "./health-checks";

const PORTS = { health: 13_133, own: 8888, counts: 8889 } as const;

/** Where the node's files are in the container, and what it must not forget. */
const MOUNTED = "/node/logs";
const FOLDER = "/data";

export interface LogAgentArgs {
  /** Where nodes keep what containers print. */
  readonly files: LogFiles;
  /** Systems whose lines are taken, as they have described themselves. */
  readonly systems: readonly SystemModel[];
  /** Names of further systems. */
  readonly others: readonly string[];
  /** Address of the store. @example "http://loki.logs:3100" */
  readonly store: string;
  /** @default 0.05 to 0.5 cores, 64 MiB to 256 MiB */
  readonly resources?: ResourceArgs;
}

/**
 * Reads what containers print from the engine's own files, once on each node, and hands it to the store (PR-04,
 * FV-09). Containers know nothing of it: while it is away their lines stay in the files, while the store is away
 * they wait on the node's disk.
 */
export class LogAgent extends Component {
  constructor(
    name: string,
    readonly args: LogAgentArgs,
    placement: Placement,
  ) {
    super("LogAgent", name, placement);
  }

  override describe(to: Description): void {
    to.component(this);
    const { name, args } = this;
    const taken = resources(
      to,
      this,
      args.resources ?? {
        cpu: { reserve: 0.05, limit: 0.5 },
        memory: { reserve: "64 MiB", limit: "256 MiB" },
      },
    );
    const config = agentConfig({
      files: { ...args.files, mounted: MOUNTED },
      systems: [
        ...args.systems.map((model) => ({
          name: model.name,
          components: Object.fromEntries(
            runnables(model)
              .filter((of) => of.name !== of.component)
              .map((of) => [of.name, of.component]),
          ),
        })),
        ...args.others.map((other) => ({ name: other, components: {} })),
      ],
      formats: args.systems.flatMap(({ name: system, logFormats }) =>
        logFormats.map((format) => ({ system, ...format })),
      ),
      folder: FOLDER,
      store: args.store,
      ports: PORTS,
      memory: taken.memory.limit,
    });
    to.files.push({
      name: `${name}-config`,
      component: name,
      // Plain texts that look like something else to YAML are in it.
      content: stringify(config, {
        lineWidth: 0,
        defaultStringType: "QUOTE_DOUBLE",
        defaultKeyType: "PLAIN",
      }),
    });
    const probe = { http: { path: "/", port: PORTS.health } };
    to.workloads.push({
      name,
      component: name,
      image: to.system.args.images["log-agent"],
      args: ["--config=/etc/atalaya/collector.yaml"],
      environment: {},
      secrets: [],
      files: [{ file: `${name}-config`, path: "/etc/atalaya/collector.yaml" }],
      volumes: [],
      scratch: [{ path: "/tmp", size: 2 ** 20 }],
      user: { uid: 0, gid: 0 },
      resources: taken,
      stop: { grace: 30 },
      ports: [
        { name: "health", port: PORTS.health },
        { name: "metrics", port: PORTS.own },
        { name: "counts", port: PORTS.counts },
      ],
      health: {
        ...{ ready: probe, live: probe },
        ...{ interval: 10, timeout: 3, retries: 3, startPeriod: 60 },
      },
      scale: { min: 1, max: 1 },
      // Two would read the same files, and write to one folder.
      singleton: true,
      exposures: [],
      startAfter: [],
      release: rolling({ version: "1", monitor: "5 s" }),
      node: {
        reason: "reads what containers print, from the engine's own files, which belong to root",
        reads: [{ host: args.files.folder, path: MOUNTED }],
        keeps: { name: `${name}-data`, path: FOLDER },
        root: true,
      },
    });
    to.way({
      from: { system: to.system.name, workload: name },
      to: { system: LOGS.system, component: LOGS.store },
      ports: [LOGS.port],
    });
    for (const port of [PORTS.own, PORTS.counts]) {
      to.scrape({ component: name, workload: name, port, path: "/metrics" });
    }
    alertOn(to, this, agentAlerts, { workload: name });
    checkOn(to, this, agentChecks, { workload: name });
  }
}
