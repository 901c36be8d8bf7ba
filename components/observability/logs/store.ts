import { stringify } from "yaml";
import { LOGS, OBSERVER } from "../../../model/observability";
import { bytes, type Duration, seconds, type Size } from "../../../model/units";
import { alertOn } from "../../alerts";
import { checkOn } from "../../health";
import type { ResourceArgs } from "../../service";
import { Component, type Description, type Placement } from "../../system";
import { runs } from "../program";
import { storeAlerts } from "./alerts";
import { storeChecks } from "./health-checks";
import { storeConfig } from "./store-config";

/** The official image, as it is: what is ours comes as a file. */
const LOKI_IMAGE = "grafana/loki:3.5.8";

/** The image's own, who owns its folder. */
const USER = { uid: 10_001, gid: 10_001 };

/** As the image has it: its volume takes over whose it is. */
const FOLDER = "/loki";

/** Loki keeps lines for whole days: it deletes by tables of a day. */
const DAY = 86_400;

const RESOURCES: ResourceArgs = {
  cpu: { reserve: 0.1, limit: 1 },
  memory: { reserve: "128 MiB", limit: "512 MiB" },
};

export interface LogStoreArgs {
  /** The official image, or a mirror of it. @default LOKI_IMAGE */
  readonly image?: string;
  /** How long lines are kept; whole days. @example "30 d" */
  readonly keep: Duration;
  /** Of single systems, by name. @default none */
  readonly bySystem?: Readonly<Record<string, Duration>>;
  /** Names of the systems that there are. */
  readonly systems: readonly string[];
  /** Size of its volume. @example "20 GiB" */
  readonly storage: Size;
  /** @default 0.1 to 1 core, 128 MiB to 512 MiB */
  readonly resources?: ResourceArgs;
}

/**
 * Keeps what every container prints, for as long as each system may (PR-04, FV-09, GG-13). No port of it is
 * published: the agents write, Grafana and `atalaya logs` read.
 */
export class LogStore extends Component {
  constructor(
    readonly args: LogStoreArgs,
    placement: Placement,
  ) {
    super("LogStore", LOGS.store, placement);
  }

  override describe(to: Description): void {
    to.component(this);
    const { name, args } = this;
    const { keep, bySystem = {} } = args;
    this.checkKept(to);
    const days = [keep, ...Object.values(bySystem)].map((of) =>
      to.check(this, "keep", () => seconds(of) / DAY, 0),
    );
    to.volumes.push({
      name: `${name}-data`,
      component: name,
      size: to.check(this, "storage", () => bytes(args.storage), 0),
      access: "exclusive",
      protect: false,
    });
    const workload = runs(to, this, {
      image: args.image ?? LOKI_IMAGE,
      user: USER,
      args: ["-config.file=/etc/atalaya/loki.yaml"],
      // It says that it is ready 15 s after it is.
      ...{ ready: "/ready", live: "/loki/api/v1/status/buildinfo" },
      ...{ port: LOGS.port, portName: "http" },
      files: [{ file: `${name}-config`, path: "/etc/atalaya/loki.yaml" }],
      volumes: [{ volume: `${name}-data`, path: FOLDER }],
      scratch: [{ path: "/tmp", size: bytes("16 MiB") }],
      resources: args.resources ?? RESOURCES,
      startPeriod: 120,
      // What is in memory is written first.
      grace: 60,
      facts: { logDays: String(Math.max(...days)) },
    });
    const memory = workload.resources.memory.limit;
    // It collects its garbage in time.
    const environment = { GOMEMLIMIT: `${Math.floor(memory * 0.8)}B` };
    to.workloads.push({ ...workload, environment });
    to.files.push({
      name: `${name}-config`,
      component: name,
      content: stringify(storeConfig({ port: LOGS.port, folder: FOLDER, keep, bySystem, memory }), {
        lineWidth: 0,
      }),
    });
    for (const from of [
      { system: LOGS.agent.system, workload: LOGS.agent.workload },
      { system: OBSERVER.system, workload: "grafana" },
    ]) {
      to.way({ from, to: { system: to.system.name, component: name }, ports: [LOGS.port] });
    }
    to.scrape({ component: name, workload: name, port: LOGS.port, path: "/metrics" });
    alertOn(to, this, storeAlerts, { workload: name });
    checkOn(to, this, storeChecks, { workload: name, instances: 1 });
  }

  private checkKept(to: Description): void {
    const { keep, bySystem = {}, systems } = this.args;
    for (const [property, of] of [
      ["keep", keep],
      ...Object.entries(bySystem).map(([system, own]) => [`bySystem.${system}`, own] as const),
    ] as const) {
      const kept = to.check(this, property, () => seconds(of), DAY);
      if (kept >= DAY && kept % DAY === 0) continue;
      to.problem(this, property, `${of} is no number of whole days`, 'for example "30 d"');
    }
    for (const system of Object.keys(bySystem).filter((one) => !systems.includes(one))) {
      to.problem(
        this,
        `bySystem.${system}`,
        "is no system of this stack",
        `there are ${systems.join(", ")}`,
      );
    }
  }
}
