import type { Container, Endpoint, SecretMount } from "../../model/system";
import { bytes } from "../../model/units";
import { alertOn } from "../alerts";
import { External } from "../external";
import { rolling } from "../release";
import { Component, type Description, type Placement } from "../system";
import { certificateLimits, gatewayAlerts } from "./alerts";
import type { GatewayArgs } from "./args";
import { directoryOf, type GatewayPlan, Planning, routesOf } from "./plan";

export * from "./args";

/** Ports inside the container: high ones, for a user without capabilities. */
export const HTTP_PORT = 8080;
export const HTTPS_PORT = 8443;
/** Asked by the engine and by the platform's front: 503 while an instance shuts down. */
export const HEALTH_PORT = 8082;

/** Of private networks only: the platform's front is the one that sends the PROXY protocol. */
export const FRONTS = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];

/** The same for every kind, so that one can take over the other's volume. */
const USER = { uid: 10_080, gid: 10_080 };

/** What a kind of gateway brings; everything else is the same for all. */
export interface GatewayProgram {
  readonly image: string;
  /** Ends with 0 when the configuration is right, and makes what all instances share. */
  readonly check: readonly string[];
  /** By the end of its name: where it is mounted, and what is in it. */
  readonly files: Readonly<Record<string, { readonly path: string; readonly content: string }>>;
  readonly scratch: Container["scratch"];
  /** Bytes: reserved, and the limit. */
  readonly memory: { readonly reserve: number; readonly limit: number };
  /** Port where it answers over HTTPS without a PROXY header before: no prober sends one. */
  readonly probe: number;
  /** Path at HEALTH_PORT with its metrics in Prometheus' format, where it has some. */
  readonly metrics?: string;
  /** Of how the program is run; a change replaces the instances. */
  readonly version: string;
}

/** What Caddy and Nginx share: the way in, the checks, the links to what they lead to. */
export abstract class Gateway extends Component {
  override readonly kin = ["CaddyGateway", "NginxGateway"];

  constructor(
    kind: string,
    name: string,
    readonly args: GatewayArgs,
    placement: Placement,
  ) {
    super(kind, name, placement);
    const routes = Object.values(args.hosts).flatMap(routesOf);
    const services = new Set(routes.map(({ to }) => to));
    this.system.addLinks(
      name,
      name,
      [...services].map((service) => service.as(name)),
    );
    if (args.tls.issuer === "acme") {
      const directory = directoryOf(args.tls);
      const { hostname, port } = URL.canParse(directory)
        ? new URL(directory)
        : { hostname: directory, port: "" };
      const acme = new External(
        `${name}-acme`,
        { host: hostname, port: port === "" ? 443 : Number(port) },
        placement,
      );
      this.system.addLinks(name, name, [acme.as(name)]);
    }
  }

  /** Says what this kind cannot do, as problems. */
  protected abstract refuse(to: Description, plan: GatewayPlan): void;

  protected abstract program(plan: GatewayPlan): GatewayProgram;

  override describe(to: Description): void {
    to.component(this);
    const { name } = this;
    const consumed = to.consume(name);
    const before = to.problems.length;
    const { surroundings, observed = false } = this.system.args;
    const plan = new Planning(this, this.args, to).plan(surroundings, observed);
    this.refuse(to, plan);
    // A configuration is written only from what is right.
    if (to.problems.length > before) return;
    const program = this.program(plan);
    // Losing it means new certificates: a public authority grants only so many a week.
    to.volumes.push({
      name: `${name}-data`,
      component: name,
      size: bytes("64 MiB"),
      access: "shared",
      protect: true,
    });
    for (const [end, { content }] of Object.entries(program.files)) {
      to.files.push({ name: `${name}-${end}`, component: name, content });
    }
    const container = this.container(program, this.describeCertificates(to, plan));
    const health = { http: { path: "/healthz", port: HEALTH_PORT } };
    to.endpoints.push(...this.endpoints(plan));
    const instances = this.args.instances ?? 2;
    to.workloads.push({
      name,
      component: name,
      ...container,
      resources: { cpu: { reserve: 0.1, limit: 1 }, memory: program.memory },
      // Longer than the program's own shutdown: 4 s until nobody sends any more, 10 s for what is open.
      stop: { grace: 20 },
      ports: [
        { name: "http", port: HTTP_PORT },
        { name: "https", port: HTTPS_PORT },
        { name: "health", port: HEALTH_PORT },
        ...(plan.observed && program.probe !== HTTPS_PORT
          ? [{ name: "probe", port: program.probe }]
          : []),
      ],
      health: { ready: health, live: health, interval: 2, timeout: 3, retries: 3, startPeriod: 30 },
      scale: { min: instances, max: instances },
      singleton: false,
      exposures: [
        { public: plan.ports.http, port: HTTP_PORT },
        { public: plan.ports.https, port: HTTPS_PORT },
      ],
      startAfter: [...consumed.startAfter, this.describeCheck(to, program, container)],
      release: rolling({ version: program.version }),
    });
    if (plan.observed) this.observe(to, plan, program, instances);
  }

  /** Every instance is asked for every host, as a client would. */
  private observe(
    to: Description,
    plan: GatewayPlan,
    { metrics, probe }: GatewayProgram,
    instances: number,
  ): void {
    const { name } = this;
    // Of files nobody here knows the authority: what counts is that they have not ended.
    const verify = plan.tls.issuer === "acme";
    // One that is closed for maintenance says 503, as it should.
    const open = plan.hosts.filter(({ maintenance }) => !maintenance);
    for (const { host } of open) {
      const ask = { kind: "https", host, path: "/", verify } as const;
      to.probe({ component: name, workload: name, port: probe, ask });
    }
    if (metrics !== undefined) {
      to.scrape({ component: name, workload: name, port: HEALTH_PORT, path: metrics });
    }
    if (open.length === 0) return;
    alertOn(to, this, gatewayAlerts, {
      answers: instances * open.length,
      certificate: certificateLimits(plan.tls.issuer === "internal"),
    });
  }

  /** What the program needs around it, whatever it does. */
  private container(
    { image, files, scratch }: GatewayProgram,
    secrets: readonly SecretMount[],
  ): Omit<Container, "resources" | "stop"> {
    return {
      image,
      environment: {},
      secrets,
      files: Object.entries(files).map(([end, { path }]) => ({
        file: `${this.name}-${end}`,
        path,
      })),
      volumes: [{ volume: `${this.name}-data`, path: "/data" }],
      scratch,
      user: USER,
    };
  }

  private describeCertificates(to: Description, { tls }: GatewayPlan): SecretMount[] {
    if (tls.issuer !== "files") return [];
    return tls.certificates
      .flatMap(({ certificate, key }) => [certificate, key])
      .map(({ file, source }) => {
        const secret = `${this.name}-${file.replace(".", "-")}`;
        to.secrets.push({ name: secret, component: this.name, source });
        return { secret, file };
      });
  }

  /**
   * A job that looks at a configuration before any instance gets it, so that a bad one changes nothing. It
   * also makes what instances share, once: such that start together on an empty volume would each make an
   * authority, and serve certificates that the other one's root does not vouch for.
   */
  private describeCheck(
    to: Description,
    { check }: GatewayProgram,
    container: Omit<Container, "resources" | "stop">,
  ): string {
    const job = `${this.name}-check`;
    to.jobs.push({
      name: job,
      component: this.name,
      purpose: "checks the gateway's configuration",
      ...container,
      command: check,
      resources: {
        cpu: { reserve: 0.01, limit: 1 },
        memory: { reserve: bytes("32 MiB"), limit: bytes("256 MiB") },
      },
      stop: { grace: 10 },
      startAfter: [],
      timeout: 120,
    });
    return job;
  }

  private endpoints(plan: GatewayPlan): Endpoint[] {
    const port = plan.ports.https === 443 ? "" : `:${plan.ports.https}`;
    return plan.hosts.map(({ host }) => ({ component: this.name, url: `https://${host}${port}` }));
  }
}
