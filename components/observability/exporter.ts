import { Component, type Description, type LinkRequest, type Placement } from "../system";
import { runs } from "./program";

export interface ExporterArgs {
  /** Component that the metrics are about. */
  readonly of: string;
  /** Program of the monitoring image. */
  readonly program: "postgres-exporter" | "redis-exporter" | "mongodb-exporter";
  readonly port: number;
  /** Its own way to what it reads, with rights of its own. */
  readonly link: LinkRequest;
}

/** Shows the metrics of a component that has none in Prometheus' format. Stores bring it themselves. */
export class Exporter extends Component {
  constructor(
    name: string,
    readonly args: ExporterArgs,
    placement: Placement,
  ) {
    super("Exporter", name, placement);
    this.system.addLinks(name, name, [args.link]);
  }

  override describe(to: Description): void {
    to.component(this);
    const { name, args } = this;
    const { environment, secrets, startAfter } = to.consume(name);
    to.workloads.push(
      runs(to, this, {
        name: args.program,
        port: args.port,
        environment,
        secrets,
        startAfter,
        resources: {
          cpu: { reserve: 0.01, limit: 0.25 },
          memory: { reserve: "16 MiB", limit: "64 MiB" },
        },
      }),
    );
    to.scrape({ component: args.of, workload: name, port: args.port, path: "/metrics" });
  }
}

/** Name of a component's exporter. */
export const exporterOf = (component: string): string => `${component}-metrics`;
