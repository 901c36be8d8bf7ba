import { stringify } from "yaml";
import { LOGS, OBSERVER } from "../../../model/observability";
import type { SystemModel } from "../../../model/system";
import { bytes, type Duration, seconds } from "../../../model/units";
import { alertOn } from "../../alerts";
import { showOn } from "../../dashboards";
import { checkOn } from "../../health";
import type { ResourceArgs } from "../../service";
import { Component, type Description, type Placement } from "../../system";
import { grafanaAlerts } from "../alerts";
import { monitoringDashboard } from "../dashboard";
import { grafanaChecks } from "../health-checks";
import { runs } from "../program";
import { dashboards } from "./dashboards";
import {
  dashboardFiles,
  dataSources,
  lokiSource,
  PATHS,
  prometheusSource,
  SETTINGS,
} from "./provisioning";

/** The official image, as it is: what is ours comes as files. */
export const GRAFANA_IMAGE = "grafana/grafana:12.3.1";

/** Grafana's own. */
const PORT = 3000;

/** Not the image's own, which is one of the system's: it needs no more than to read what all may read. */
const USER = { uid: 10_472, gid: 10_472 };

export interface GrafanaArgs {
  /** Systems that are shown, as they have described themselves. */
  readonly systems: readonly SystemModel[];
  /** The official image, or a mirror of it. @default GRAFANA_IMAGE */
  readonly image?: string;
  /** Port of Prometheus. */
  readonly prometheus: number;
  /** Host of the store of logs. @default there is none */
  readonly logs?: string;
  /** Between two questions for metrics. @default "15 s" */
  readonly interval?: Duration;
  /** Address of the page of alerts, for links in panels. */
  readonly runbook: string;
  /** @default 0.05 to 1 core, 128 MiB to 512 MiB */
  readonly resources?: ResourceArgs;
}

/**
 * Shows what components say of themselves (FV-07, PR-03, GG-06). All of it is files, so that it keeps nothing:
 * its own database lies in memory, and a restart brings it back as it was declared.
 */
export class Grafana extends Component {
  constructor(
    readonly args: GrafanaArgs,
    placement: Placement,
  ) {
    super("Grafana", "grafana", placement);
  }

  override describe(to: Description): void {
    to.component(this);
    const { name, args } = this;
    to.path(name, OBSERVER.metrics, [args.prometheus], { label: "queries" });
    // Prometheus describes itself later, since it collects this one, too: what it shows is said for it.
    showOn(to, { name: OBSERVER.metrics }, monitoringDashboard, {});
    const files = this.describeFiles(to);
    to.workloads.push(
      runs(to, this, {
        image: args.image ?? GRAFANA_IMAGE,
        user: USER,
        ...{ port: PORT, portName: "http", live: "/api/health" },
        environment: {
          ...SETTINGS,
          ...this.home(files),
          GF_SECURITY_ADMIN_PASSWORD__FILE: "/run/secrets/admin-password",
          GF_SECURITY_SECRET_KEY__FILE: "/run/secrets/secret-key",
        },
        secrets: this.describeSecrets(to),
        files,
        scratch: [
          { path: "/tmp", size: bytes("16 MiB") },
          { path: "/var/lib/grafana", size: bytes("128 MiB") },
        ],
        resources: args.resources ?? {
          cpu: { reserve: 0.05, limit: 1 },
          memory: { reserve: "128 MiB", limit: "512 MiB" },
        },
        // It makes its database at every start.
        startPeriod: 120,
      }),
    );
    to.scrape({ component: name, workload: name, port: PORT, path: "/metrics" });
    alertOn(to, this, grafanaAlerts, { workload: name });
    checkOn(to, this, grafanaChecks, { workload: name, instances: 1 });
  }

  /** Its own password and key: each start takes them from here, since it remembers none. */
  private describeSecrets(to: Description): { secret: string; file: string }[] {
    return ["admin-password", "secret-key"].map((file) => {
      const secret = `${this.name}-${file}`;
      to.secrets.push({
        name: secret,
        component: this.name,
        source: { kind: "generated", length: 32, protect: false },
      });
      return { secret, file };
    });
  }

  private describeFiles(to: Description): { file: string; path: string }[] {
    const { name, args } = this;
    const interval = to.check(this, "interval", () => seconds(args.interval ?? "15 s"), 15);
    const url = `http://${OBSERVER.metrics}:${args.prometheus}`;
    const sources = dataSources([
      prometheusSource({ url, interval }),
      ...(args.logs === undefined ? [] : [lokiSource(`http://${args.logs}:${LOGS.port}`)]),
    ]);
    // 110 ms of every preview, also of stacks without dashboards: loaded where there are some.
    // eslint-disable-next-line @typescript-eslint/no-require-imports, @typescript-eslint/consistent-type-imports
    const { dashboardJson } = require("./json") as typeof import("./json");
    // What was described before is its own system.
    const pages = dashboards([...args.systems, to.model()]);
    const files = [
      {
        ...{ file: `${name}-sources`, path: `${PATHS.provisioning}/datasources/atalaya.yaml` },
        content: stringify(sources, { lineWidth: 0 }),
      },
      {
        ...{ file: `${name}-folders`, path: `${PATHS.provisioning}/dashboards/atalaya.yaml` },
        content: stringify(dashboardFiles(), { lineWidth: 0 }),
      },
      ...pages.map((page) => ({
        file: `view-${page.uid}`,
        path: `${PATHS.dashboards}/${page.folder}/${page.uid}.json`,
        content: dashboardJson(page, args.runbook),
      })),
    ];
    for (const { file, content } of files) to.files.push({ name: file, component: name, content });
    return files.map(({ file, path }) => ({ file, path }));
  }

  /** The first system's own dashboard is what one sees first. */
  private home(files: readonly { readonly path: string }[]): Record<string, string> {
    const first = files.find(({ path }) => path.startsWith(`${PATHS.dashboards}/Systems/`));
    return first === undefined ? {} : { GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH: first.path };
  }
}
