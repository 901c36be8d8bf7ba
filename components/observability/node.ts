import { alertOn } from "../alerts";
import { showOn } from "../dashboards";
import { checkOn } from "../health";
import { Component, type Description, type Placement } from "../system";
import { nodeAlerts } from "./node-alerts";
import { nodeDashboard } from "./node-dashboard";
import { nodeChecks } from "./node-health-checks";
import { runs } from "./program";

const PORT = 9100;

/** What is looked at: no more than the alerts and a dashboard of the machine need. */
const COLLECTORS = [
  "cpu",
  "diskstats",
  "filesystem",
  "loadavg",
  "meminfo",
  "pressure",
  "stat",
  "uname",
  "vmstat",
];

/**
 * What is no disk of the machine's own. Below the engine's folders each mount of a container is its node's disk once more;
 * such a folder itself may be one.
 */
const NO_DISKS = "^/(dev|proc|sys|run)($|/)|^/var/lib/(docker|containerd|kubelet)/";

/** Metrics of every machine: processors, memory, disks, kills for want of memory (GG-06). */
export class NodeObserver extends Component {
  constructor(name: string, placement: Placement) {
    super("NodeObserver", name, placement);
  }

  override describe(to: Description): void {
    to.component(this);
    const { name } = this;
    to.workloads.push(
      runs(to, this, {
        name: "node-exporter",
        args: [
          "--path.rootfs=/host",
          "--path.procfs=/host/proc",
          "--path.sysfs=/host/sys",
          "--collector.disable-defaults",
          ...COLLECTORS.map((collector) => `--collector.${collector}`),
          `--collector.filesystem.mount-points-exclude=${NO_DISKS}`,
        ],
        port: PORT,
        resources: {
          cpu: { reserve: 0.01, limit: 0.25 },
          memory: { reserve: "16 MiB", limit: "64 MiB" },
        },
        node: {
          reason: "reads the load, memory and disks of the machine, which no container sees",
          reads: [{ host: "/", path: "/host" }],
        },
      }),
    );
    to.scrape({ component: name, workload: name, port: PORT, path: "/metrics" });
    const { nodesComeAndGo = false } = this.system.args.surroundings;
    const facts = { exporter: name, nodesComeAndGo };
    alertOn(to, this, nodeAlerts, facts);
    checkOn(to, this, nodeChecks, facts);
    showOn(to, this, nodeDashboard, facts);
  }
}
