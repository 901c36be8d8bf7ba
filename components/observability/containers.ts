import { alertOn } from "../alerts";
import { showOn } from "../dashboards";
import { checkOn } from "../health";
import { Component, type Description, type Placement } from "../system";
import { containerAlerts, OURS } from "./container-alerts";
import { containerDashboard } from "./container-dashboard";
import { containerChecks } from "./container-health-checks";
import { runs } from "./program";

const PORT = 9101;

/** Nobody else's: what it sees of other containers' folders has secrets that only their own user may read. */
const USER = 10_071;

export interface ContainerObserverArgs {
  /** Folder of the nodes whose files say which container is whose. @default where the platform's engine has it */
  readonly names?: string;
}

/**
 * What every container takes of what it may take: processor, memory, kills for want of it (PR-03, GG-06). It reads
 * control groups, and files of the node that say which container is whose; it has neither the engine's socket nor
 * a token, and is not root. cAdvisor, whose names its metrics have, would need one of them (docs/decisions/0021).
 */
export class ContainerObserver extends Component {
  constructor(
    name: string,
    readonly args: ContainerObserverArgs,
    placement: Placement,
  ) {
    super("ContainerObserver", name, placement);
  }

  override describe(to: Description): void {
    to.component(this);
    const { name } = this;
    const { names, group } = this.system.args.surroundings.containers;
    to.workloads.push(
      runs(to, this, {
        name: "container-exporter",
        args: ["-cgroups=/host/cgroup", "-names=/host/names", `-listen=:${PORT}`],
        port: PORT,
        live: "/-/healthy",
        user: { uid: USER, gid: group ?? USER },
        resources: {
          cpu: { reserve: 0.01, limit: 0.25 },
          memory: { reserve: "16 MiB", limit: "64 MiB" },
        },
        node: {
          reason: "reads what each container of the machine takes, and how it is called",
          reads: [
            { host: "/sys/fs/cgroup", path: "/host/cgroup" },
            { host: this.args.names ?? names, path: "/host/names" },
          ],
        },
      }),
    );
    to.scrape({ component: name, workload: name, port: PORT, path: "/metrics", names: true });
    const facts = { exporter: name, ...(this.system.args.handedOver ? { series: OURS } : {}) };
    alertOn(to, this, containerAlerts, facts);
    checkOn(to, this, containerChecks, facts);
    showOn(to, this, containerDashboard, {});
  }
}
